import type { Connection } from '../backends/types.ts';
import type { DrainConfig } from '../drain/types.ts';
import { readOptions } from './read.ts';
import { type PeerOptionValues, type WaitOptionValues, waitOptions } from './table.ts';

/** The rule of a wait, from the options of the command. */
export function drainConfig(options: WaitOptionValues): DrainConfig {
  return {
    intervalMs: options.interval,
    quietPeriodMs: options['quiet-period'],
    timeoutMs: options.timeout.ms,
    minWaitMs: options['min-wait'],
    maxConnections: options['max-connections'],
    counts: clientsOnly(options),
    probeGraceMs: options['probe-grace'],
    ignoreSilentMs: options['ignore-silent'],
    ignoreUnreachableMs: options['ignore-unreachable'],
    builds: options.builds,
    onUnknown: options['on-unknown'],
    progressEveryMs: options['progress-every'],
  };
}

/** The rule of a wait without options, in the library as on the command line. */
export function drainDefaults(): DrainConfig {
  return drainConfig(readOptions(waitOptions, {}, {}));
}

/** Which connections count as clients. */
export function clientsOnly(
  options: PeerOptionValues,
): (peer: Pick<Connection, 'peerAddress'>) => boolean {
  const isIgnored = options['ignore-peer'];
  return ({ peerAddress }) => peerAddress === null || !isIgnored(peerAddress);
}
