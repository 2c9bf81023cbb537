import { backendNames } from '../backends/types.ts';
import { shortestSilenceMs } from '../drain/classify.ts';
import { onUnknownChoices } from '../drain/types.ts';
import { BadValueError } from './bad-value.ts';
import { buildsOptions, tlsOptions } from './builds-options.ts';
import { oneOf } from './choice.ts';
import { parseCidrs } from './cidr.ts';
import { parseDuration } from './duration.ts';
import { parseEndpoint } from './endpoint.ts';
import type { LogTo } from './log-values.ts';
import { logFormats, logLevels } from './log-values.ts';
import { parseWholeNumber } from './number.ts';
import { list, type OptionValues, single } from './read-options.ts';

const shortestIntervalMs = 1;
const shortestProgressMs = 100;
// PID_MAX_LIMIT of the kernel, proc_sys_kernel(5).
const highestPid = 2 ** 22;
// buildkitd asks each peer every 15 s whether it is still there.
const shortestUnreachableMs = 30_000;
const longestWeekSeconds = 7 * 24 * 3600;

/** The options that every command has which looks at the daemon. */
const lookOptions = {
  addr: list('<endpoint>', 'where buildkitd listens; repeatable', (texts) =>
    texts.map(parseEndpoint),
  ),
  pid: single('<pid>', "buildkitd's process", 'found', (text) =>
    text === 'found' ? null : parseWholeNumber(text, 1, highestPid),
  ),
  'ignore-peer': list('<cidr>', 'peers that are no clients; repeatable', parseCidrs),
  backend: single(
    '<name>',
    'look by auto, sock-diag or procfs',
    'auto',
    oneOf(['auto', ...backendNames]),
  ),
};

const { 'ignore-peer': _peers, ...whereOptions } = lookOptions;

/** The options of `ready`. */
export const readyOptions = {
  ...whereOptions,
  ...tlsOptions,
  timeout: single('<duration>', 'how long an answer may take', '1s', (text) =>
    parseDuration(text, 1),
  ),
};

/** The options of `status`. */
export const statusOptions = { ...lookOptions, ...buildsOptions };

const interval = single(
  '<duration>',
  'time between two looks',
  '100ms',
  (text) => parseDuration(text, shortestIntervalMs),
  {
    name: 'CHECK_FREQUENCY_MS',
    parse: (text) => parseWholeNumber(text, shortestIntervalMs, longestWeekSeconds * 1000),
  },
);

const probeGrace = single('<duration>', 'who is gone within this is no client', '1s', (text) =>
  parseDuration(text),
);

const ignoreUnreachable = single(
  '<duration>',
  'leave out whose host does not answer',
  '120s',
  (text) => parseDurationOrOff(text, shortestUnreachableMs),
);

/** The options of `watch`. */
export const watchOptions = { ...statusOptions, interval, 'probe-grace': probeGrace };

/** Those of `wait` that say what a connection is taken for, as far as one look can tell. */
export const standingOptions = {
  'probe-grace': probeGrace,
  'ignore-unreachable': ignoreUnreachable,
};

/** The options that say how and where is logged. */
export const logOptions = {
  'log-format': single('<format>', 'json or text', 'json', oneOf(logFormats), {
    name: 'LOG_FORMAT',
    parse: oneOf(logFormats),
  }),
  'log-level': single('<level>', 'debug, info, warn or error', 'info', oneOf(logLevels), {
    name: 'DEBUG',
    // Many programs read it, and each in its own way: DEBUG=express:* is not meant for us.
    parse: (text) => (['1', 'true', 'yes'].includes(text) ? ('debug' as const) : undefined),
  }),
  'log-prefix': single('<text>', 'put before every message', '', (text) => text, {
    name: 'LOG_PREFIX',
    parse: (text) => text,
  }),
  'log-to': single('<target>', 'auto, stderr, pod or a file', 'auto', parseLogTo),
};

/** The options of `wait`. */
export const waitOptions = {
  ...statusOptions,
  interval,
  'quiet-period': single(
    '<duration>',
    'how long no client may be seen',
    '10s',
    (text) => parseDuration(text),
    {
      name: 'WAIT_UNTIL_NO_BUILDS_SEEN_FOR_X_SECONDS',
      parse: (text) => parseWholeNumber(text, 0, longestWeekSeconds) * 1000,
    },
  ),
  timeout: single('<duration>', 'give up after this long, or none', 'none', (text) =>
    text === 'none' ? null : parseDuration(text, 1),
  ),
  'min-wait': single('<duration>', 'wait at least this long', '0s', (text) => parseDuration(text)),
  'max-connections': single('<number>', 'so many clients are quiet', '0', (text) =>
    parseWholeNumber(text, 0, 1_000_000),
  ),
  'probe-grace': probeGrace,
  'ignore-silent': single('<duration>', 'leave out whom no byte goes to or from', 'off', (text) =>
    parseDurationOrOff(text, shortestSilenceMs),
  ),
  'ignore-unreachable': ignoreUnreachable,
  'on-unknown': single(
    '<what>',
    'when nothing can be seen: hold or exit',
    'hold',
    oneOf(onUnknownChoices),
  ),
  'progress-every': single('<duration>', 'time between progress lines', '30s', (text) =>
    parseDuration(text, shortestProgressMs),
  ),
  ...logOptions,
};

export type LookOptionValues = OptionValues<typeof lookOptions>;
/** Where to look, and by which means. */
export type WhereOptionValues = OptionValues<typeof whereOptions>;
export type LogOptionValues = OptionValues<typeof logOptions>;
export type WaitOptionValues = OptionValues<typeof waitOptions>;

function parseDurationOrOff(text: string, shortestMs: number): number | null {
  return text === 'off' ? null : parseDuration(text, shortestMs);
}

function parseLogTo(text: string): LogTo {
  if (text === 'auto' || text === 'stderr' || text === 'pod') {
    return { kind: text };
  }
  // A mistyped word is no file: a path is known by its slash.
  if (!text.includes('/') || text.endsWith('/') || text.includes('\0')) {
    throw new BadValueError('auto, stderr, pod, or the path of a file with a / in it', text);
  }
  return { kind: 'file', path: text };
}
