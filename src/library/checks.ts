import { backendNames } from '../backends/types.ts';
import { shortestSilenceMs } from '../drain/classify.ts';
import { type DrainConfig, onUnknownChoices } from '../drain/types.ts';
import { parseEndpoint } from '../options/endpoint.ts';
import { parseName, parsePem } from '../options/forms.ts';
import {
  highestPid,
  mostMaxConnections,
  shortestIntervalMs,
  shortestProgressMs,
  shortestUnreachableMs,
} from '../options/table.ts';
import { durationRangeText, longestMs, parseCidrs, wholeNumberText } from '../options/values.ts';
import {
  arrayOf,
  bothOrNeither,
  type Check,
  choiceOf,
  nullOr,
  numberWithin,
  ofType,
  optional,
  optionsOf,
  parsedBy,
  withFields,
} from './argument.ts';

export const text = ofType('string');
const flag = ofType('boolean');
export const callable = ofType('function');
export const callableOrNull = nullOr(callable);

function duration(shortestMs = 0): Check {
  return numberWithin(
    `a number of milliseconds${durationRangeText(shortestMs)}`,
    (value) => value >= shortestMs && value <= longestMs,
  );
}

function wholeNumber(least: number, most: number): Check {
  return numberWithin(
    wholeNumberText(least, most),
    (value) => Number.isInteger(value) && value >= least && value <= most,
  );
}

export const address = parsedBy(parseEndpoint);
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
export const watchConnectionsOptions = optionsOf({
  intervalMs: duration(shortestIntervalMs),
  signal,
});

const monitorFields = {
  addresses: arrayOf('a list of addresses such as tcp://0.0.0.0:1234', address),
  pid: nullOr(pid),
  backend: choiceOf(['auto', ...backendNames]),
  env: withFields('environment variables such as process.env', {}),
  notify: callable,
};
export const monitorOptions = optionsOf(monitorFields);

const pemFile = nullOr(parsedBy(parsePem));
const tlsFields = optionsOf({
  ca: pemFile,
  cert: pemFile,
  key: pemFile,
  serverName: nullOr(parsedBy(parseName)),
});
const tlsFiles: Check = (value, name) => {
  tlsFields(value, name);
  bothOrNeither('cert', 'key')(value, name);
};

const configFields: Readonly<Record<Exclude<keyof DrainConfig, 'counts'>, Check>> = {
  intervalMs: duration(shortestIntervalMs),
  quietPeriodMs: duration(),
  timeoutMs: nullOr(duration(1)),
  minWaitMs: duration(),
  maxConnections: wholeNumber(0, mostMaxConnections),
  probeGraceMs: duration(),
  ignoreSilentMs: nullOr(duration(shortestSilenceMs)),
  ignoreUnreachableMs: nullOr(duration(shortestUnreachableMs)),
  builds: choiceOf(['auto', 'off', 'require']),
  onUnknown: choiceOf(onUnknownChoices),
  progressEveryMs: duration(shortestProgressMs),
};
export const waitOptions = optionsOf({
  ...monitorFields,
  ...configFields,
  ignorePeers: arrayOf(
    'a list of IP addresses or CIDR blocks',
    parsedBy((text) => parseCidrs([text])),
  ),
  tls: tlsFiles,
  signal,
  onEvent: callable,
});
