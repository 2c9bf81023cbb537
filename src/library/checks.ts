import { backendNames } from '../backends/types.ts';
import { shortestSilenceMs } from '../drain/classify.ts';
import { type DrainConfig, onUnknownChoices } from '../drain/types.ts';
import { highestPid, shortestUnreachableMs } from '../options/table.ts';
import {
  arrayOf,
  type Check,
  choiceOf,
  nullOr,
  numberWithin,
  ofType,
  optional,
  optionsOf,
  withFields,
} from './argument.ts';

export const text = ofType('string');
const flag = ofType('boolean');
export const callable = ofType('function');
export const callableOrNull = nullOr(callable);

// Node's timers count to 2^31 milliseconds, and fire at once beyond.
const longestMs = 2 ** 31 - 1;

function duration(shortestMs = 0): Check {
  return numberWithin(
    `a number of milliseconds from ${shortestMs} to ${longestMs}`,
    (value) => value >= shortestMs && value <= longestMs,
  );
}

function wholeNumber(least: number, most: number): Check {
  return numberWithin(
    `a whole number from ${least} to ${most}`,
    (value) => Number.isInteger(value) && value >= least && value <= most,
  );
}

const port = wholeNumber(1, 65_535);
const pid = wholeNumber(1, highestPid);

const anEndpoint = 'an endpoint as parseEndpoint returns it';
const endpointFields = {
  tcp: withFields(anEndpoint, { address: text, localPort: port }),
  unix: withFields(anEndpoint, { address: text, path: text }),
};
export const endpoint: Check = (value, name) => {
  withFields(anEndpoint, { kind: choiceOf(Object.keys(endpointFields)) })(value, name);
  endpointFields[(value as { kind: keyof typeof endpointFields }).kind](value, name);
};

const tls = withFields('null or the TLS files’ content', {
  ca: nullOr(text),
  cert: nullOr(text),
  key: nullOr(text),
  serverName: nullOr(text),
});
export const buildsClientOptions = withFields('options', {
  endpoint,
  tls: optional(nullOr(tls)),
  timeoutMs: optional(duration(1)),
});

export const discoverOptions = optionsOf({
  pid,
  known: arrayOf('a list of endpoints', endpoint),
});

export const backendName = optional(choiceOf(backendNames));
export const procfsOptions = optional(optionsOf({ netDirectory: text }));
export const noOptions = optional(optionsOf({}));

const signal = withFields('an AbortSignal', { aborted: flag, addEventListener: callable });
export const watchConnectionsOptions = optionsOf({ intervalMs: duration(1), signal });

const monitorFields = {
  addresses: arrayOf('a list of addresses such as tcp://0.0.0.0:1234', text),
  pid: nullOr(pid),
  backend: choiceOf(['auto', ...backendNames]),
  env: withFields('environment variables such as process.env', {}),
  notify: callable,
};
export const monitorOptions = optionsOf(monitorFields);

const configFields: Readonly<Record<keyof DrainConfig, Check>> = {
  intervalMs: duration(1),
  quietPeriodMs: duration(),
  timeoutMs: nullOr(duration(1)),
  minWaitMs: duration(),
  maxConnections: wholeNumber(0, 1_000_000),
  counts: callable,
  probeGraceMs: duration(),
  ignoreSilentMs: nullOr(duration(shortestSilenceMs)),
  ignoreUnreachableMs: nullOr(duration(shortestUnreachableMs)),
  builds: choiceOf(['auto', 'off', 'require']),
  onUnknown: choiceOf(onUnknownChoices),
  progressEveryMs: duration(100),
};
export const waitOptions = optionsOf({
  ...monitorFields,
  ...configFields,
  tls: withFields('a source of TLS files', { read: callable }),
  signal,
  onEvent: callable,
});
