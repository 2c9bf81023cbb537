import { backendNames } from '../backends/types.ts';
import { shortestSilenceMs } from '../drain/classify.ts';
import { onUnknownChoices } from '../drain/types.ts';
import { parseEndpoint } from './endpoint.ts';
import {
  parseDurationOrOff,
  parseListenAddress,
  parseLogTo,
  parseName,
  parseNamespace,
  parsePem,
  parseSocket,
  parseTimeout,
} from './forms.ts';
import { list, type OptionSpec, type OptionValues, single, toggle } from './read.ts';
import { oneOf, parseCidrs, parseDuration, parseWholeNumber } from './values.ts';

// Every option is written once, here. A command takes some of them: at the end of this file.

const logFormats = ['json', 'text'] as const;
export type LogFormat = (typeof logFormats)[number];

/** From the most to the least verbose. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export const shortestIntervalMs = 1;
export const shortestProgressMs = 100;
export const mostMaxConnections = 1_000_000;
// PID_MAX_LIMIT of the kernel, proc_sys_kernel(5).
export const highestPid = 2 ** 22;
// buildkitd sends a keep-alive to each peer every 15 s.
export const shortestUnreachableMs = 30_000;
const longestWeekSeconds = 7 * 24 * 3600;

const addr = list('<endpoint>', 'address of buildkitd; repeatable', (texts) =>
  texts.map(parseEndpoint),
);
const pid = single('<pid>', 'process of buildkitd', 'found', (text) =>
  text === 'found' ? null : parseWholeNumber(text, 1, highestPid),
);
const backend = single(
  '<name>',
  'auto, sock-diag or procfs',
  'auto',
  oneOf(['auto', ...backendNames]),
);
const ignorePeer = list('<cidr>', 'peers that are not clients; repeatable', parseCidrs);
const builds = single(
  '<when>',
  'ask for builds: auto, off or require',
  'auto',
  oneOf(['auto', 'off', 'require']),
);
const tlsCa = single('<file>', "authority of the daemon's certificate", 'none', parsePem);
const tlsCert = single('<file>', 'client certificate', 'none', parsePem);
const tlsKey = single('<file>', 'key of the client certificate', 'none', parsePem);
const tlsServerName = single('<name>', "name in the daemon's certificate", 'none', parseName);
const interval = single(
  '<duration>',
  'time between two polls',
  '100ms',
  (text) => parseDuration(text, shortestIntervalMs),
  {
    name: 'CHECK_FREQUENCY_MS',
    parse: (text) => parseWholeNumber(text, shortestIntervalMs, longestWeekSeconds * 1000),
  },
);
const quietPeriod = single(
  '<duration>',
  'how long there must be no clients',
  '10s',
  (text) => parseDuration(text),
  {
    name: 'WAIT_UNTIL_NO_BUILDS_SEEN_FOR_X_SECONDS',
    parse: (text) => parseWholeNumber(text, 0, longestWeekSeconds) * 1000,
  },
);
const timeout = single('<duration>', "deadline; pod,58m: the pod's, or 58m", 'none', parseTimeout);
const minWait = single('<duration>', 'shortest wait', '0s', (text) => parseDuration(text));
const maxConnections = single('<number>', 'treat up to this many clients as idle', '0', (text) =>
  parseWholeNumber(text, 0, mostMaxConnections),
);
const probeGrace = single('<duration>', 'ignore connections shorter than this', '1s', (text) =>
  parseDuration(text),
);
const ignoreSilent = single('<duration>', 'ignore connections idle for this long', 'off', (text) =>
  parseDurationOrOff(text, shortestSilenceMs),
);
const ignoreUnreachable = single(
  '<duration>',
  'ignore peers that stopped answering',
  '120s',
  (text) => parseDurationOrOff(text, shortestUnreachableMs),
);
const onUnknown = single(
  '<action>',
  'when counting fails: hold or exit',
  'hold',
  oneOf(onUnknownChoices),
);
const progressEvery = single('<duration>', 'time between progress lines', '30s', (text) =>
  parseDuration(text, shortestProgressMs),
);

/** The options about the log. */
export const logOptions = {
  'log-format': single('<format>', 'json or text', 'json', oneOf(logFormats), {
    name: 'LOG_FORMAT',
    parse: oneOf(logFormats),
  }),
  'log-level': single('<level>', 'debug, info, warn or error', 'info', oneOf(logLevels), {
    name: 'DEBUG',
    // Many programs read it, each in its own way: DEBUG=express:* is not meant for this one.
    parse: (text) => (['1', 'true', 'yes'].includes(text) ? ('debug' as const) : undefined),
  }),
  'log-prefix': single('<text>', 'text before every message', '', (text) => text, {
    name: 'LOG_PREFIX',
    parse: (text) => text,
  }),
  'log-to': single('<target>', 'auto, stderr, pod or a file', 'auto', parseLogTo),
};

const endpointOptions = { addr, pid, backend };
const tlsOptions = {
  'tls-ca': tlsCa,
  'tls-cert': tlsCert,
  'tls-key': tlsKey,
  'tls-server-name': tlsServerName,
};

/** The options of `status` and `doctor`. */
export const statusOptions = {
  addr,
  pid,
  backend,
  'ignore-peer': ignorePeer,
  builds,
  ...tlsOptions,
};

/** The options of `watch`. */
export const watchOptions = { ...statusOptions, interval, 'probe-grace': probeGrace };

/** Those that say what a connection counts as, as far as one poll can tell. */
export const classifyOptions = {
  'probe-grace': probeGrace,
  'ignore-unreachable': ignoreUnreachable,
};

/** The options of `wait`. */
export const waitOptions = {
  ...statusOptions,
  interval,
  'quiet-period': quietPeriod,
  timeout,
  'min-wait': minWait,
  'max-connections': maxConnections,
  'probe-grace': probeGrace,
  'ignore-silent': ignoreSilent,
  'ignore-unreachable': ignoreUnreachable,
  'on-unknown': onUnknown,
  'progress-every': progressEvery,
  ...logOptions,
};

/** The options of `ready`. */
export const readyOptions = {
  ...endpointOptions,
  ...tlsOptions,
  timeout: single('<duration>', 'how long an answer may take', '1s', (text) =>
    parseDuration(text, 1),
  ),
};

/** The options of `verify`. */
export const verifyOptions = {
  ...endpointOptions,
  ...tlsOptions,
  containerd: single('<socket>', 'check the images of a containerd instead', 'none', parseSocket),
  namespace: single('<name>', 'namespace in containerd', 'buildkit', parseNamespace),
  timeout: single('<duration>', 'how long the check may take', '1h', (text) =>
    parseDuration(text, 1),
  ),
  'progress-every': progressEvery,
  ...logOptions,
};

/** The options of `serve`: those of its wait, and where it listens. */
export const serveOptions = {
  ...waitOptions,
  listen: single('<address:port>', 'address to listen on', ':9234', parseListenAddress),
  'agent-check': single('<address:port>', 'answer agent checks of HAProxy', 'off', (text) =>
    text === 'off' ? null : parseListenAddress(text),
  ),
  'mark-pod': toggle('mark the own pod as busy or idle'),
};

/** The headings that help shows the options under. */
export const optionGroups: Readonly<Record<string, readonly OptionSpec<unknown>[]>> = {
  'Which daemon:': [...Object.values(endpointOptions), builds, ...Object.values(tlsOptions)],
  'When the wait ends:': [quietPeriod, timeout, minWait, maxConnections, onUnknown, interval],
  'What counts as a client:': [ignorePeer, probeGrace, ignoreSilent, ignoreUnreachable],
  'Log:': [...Object.values(logOptions), progressEvery],
};

export type EndpointOptionValues = OptionValues<typeof endpointOptions>;
export type PeerOptionValues = Pick<OptionValues<typeof statusOptions>, 'ignore-peer'>;
export type TlsOptionValues = OptionValues<typeof tlsOptions>;
export type LogOptionValues = OptionValues<typeof logOptions>;
export type WaitOptionValues = OptionValues<typeof waitOptions>;
