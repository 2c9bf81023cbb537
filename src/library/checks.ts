import { type DrainConfig, onUnknownChoices } from '../drain/types.ts';
import {
  type Check,
  listOf,
  nullOr,
  numberWithin,
  ofType,
  oneOf,
  optional,
  withFields,
} from './argument.ts';

export const text = ofType('string');
export const flag = ofType('boolean');
export const callable = ofType('function');
export const callableOrNull = nullOr(callable);

// Node's timers count to 2^31 milliseconds, and fire at once beyond.
const longestMs = 2 ** 31 - 1;

const duration = numberWithin(
  `a number of milliseconds from 0 to ${longestMs}`,
  (value) => value >= 0 && value <= longestMs,
);
/** What is done again and again at this distance. */
const pause = numberWithin(
  `a number of milliseconds from 1 to ${longestMs}`,
  (value) => value >= 1 && value <= longestMs,
);
const count = numberWithin('a whole number from 0 on', (value) => isWhole(value, 0));
const port = numberWithin('a whole number from 1 to 65535', (value) => isWhole(value, 1, 65_535));
const pid = numberWithin('a whole number from 1 on', (value) => isWhole(value, 1));

function isWhole(value: number, least: number, most = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

const anEndpoint = 'an endpoint as parseEndpoint returns it';
const endpointFields = {
  tcp: withFields(anEndpoint, { address: text, localPort: port }),
  unix: withFields(anEndpoint, { address: text, path: text }),
};
export const endpoint: Check = (value, name) => {
  withFields(anEndpoint, { kind: oneOf(Object.keys(endpointFields)) })(value, name);
  endpointFields[(value as { kind: keyof typeof endpointFields }).kind](value, name);
};

export const backends = listOf(
  'a list of at least one backend',
  withFields('a backend', { name: text, open: callable }),
  1,
);

export const daemonWatch = withFields('what watchDaemon returns', {
  remember: callable,
  state: callable,
  ownersOf: callable,
  haveNoOthers: callable,
});

export const watched = listOf(
  'a list of at least one endpoint to watch',
  withFields('an endpoint to watch', {
    endpoint,
    isAssumed: flag,
    poller: withFields('what withFallback returns', {
      poll: callable,
      current: callable,
      onEnd: callable,
      seenBetweenPolls: callable,
      close: callable,
    }),
  }),
  1,
);

export const tlsSource = withFields('a source of TLS files', { read: callable });

const tls = withFields('null or the TLS files’ content', {
  ca: nullOr(text),
  cert: nullOr(text),
  key: nullOr(text),
  serverName: nullOr(text),
});
export const buildsClientOptions = withFields('options', {
  endpoint,
  tls: optional(nullOr(tls)),
  timeoutMs: optional(pause),
});

export const findOptions = withFields('options', {
  pid: optional(pid),
  known: optional(listOf('a list of endpoints', endpoint)),
});
export const daemonWatchOptions = withFields('options', {
  defer: optional(callable),
  anyDaemon: optional(flag),
});

const drainConfig = {
  intervalMs: pause,
  quietPeriodMs: duration,
  timeoutMs: nullOr(duration),
  minWaitMs: duration,
  maxConnections: count,
  counts: callable,
  probeGraceMs: duration,
  ignoreSilentMs: nullOr(duration),
  ignoreUnreachableMs: nullOr(duration),
  builds: oneOf(['auto', 'off', 'require']),
  onUnknown: oneOf(onUnknownChoices),
  progressEveryMs: pause,
} as const satisfies Record<keyof DrainConfig, Check>;

export const drainInput = withFields('what to wait for, and how', {
  sampler: withFields('what createSampler returns', {
    sample: callable,
    isUnchanged: callable,
    traffic: callable,
    takeEnded: callable,
    announcesEnd: callable,
  }),
  builds: nullOr(
    withFields('null or a source of builds', {
      ask: callable,
      ownPeers: callable,
      isSettled: callable,
    }),
  ),
  config: withFields('a configuration such as drainDefaults', drainConfig),
  clock: withFields('what createMonotonicClock returns', {
    now: callable,
    sleep: callable,
    repeat: callable,
    wake: callable,
  }),
  signal: withFields('an AbortSignal', { aborted: flag, addEventListener: callable }),
  onEvent: callable,
  onPoll: optional(callable),
});
