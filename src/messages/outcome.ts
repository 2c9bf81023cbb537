import type { DrainConfig, DrainOutcome } from '../drain/types.ts';
import { errorJson, errorOrNull } from './json.ts';
import type { LogEntry } from './log/log.ts';
import { daemonGone, notCountedText, nothingFound, stateText } from './state.ts';
import {
  capitalized,
  clients,
  clientsAreConnected,
  formatDuration,
  shortDuration,
} from './words.ts';

/** The last entry of a wait: how it ended, and what it has seen. */
export function outcomeEntry(
  outcome: DrainOutcome,
  config: DrainConfig,
  seenBetweenPolls: number,
): LogEntry {
  const { waitedMs, polls, mostConnections, probes, sample } = outcome;
  const stats = [
    `Waited ${shortDuration(waitedMs)}`,
    `${polls} ${polls === 1 ? 'poll' : 'polls'}`,
    mostText(mostConnections),
    probes > 0 ? `${probes} shorter than ${formatDuration(config.probeGraceMs)}` : '',
    seenBetweenPolls > 0 ? `at least ${seenBetweenPolls} more between two polls` : '',
  ].filter((part) => part !== '');
  const error = outcome.kind === 'unknown' ? outcome.error : null;
  return {
    level: outcome.kind === 'drained' || outcome.kind === 'gone' ? 'info' : 'error',
    message: `${outcomeText(outcome, config)} ${stats.join(', ')}.`,
    fields: {
      ...{ event: 'ended', outcome: outcome.kind, waitedMs: Math.round(waitedMs), polls },
      ...{ mostConnections, probes, seenBetweenPolls },
      connections: sample?.kind === 'counted' ? outcome.clients.length : null,
      error: errorOrNull(error),
    },
  };
}

/**
 * The last entry of a wait that failed each time it was started.
 *
 * @param signal what has ended it; null for its deadline.
 */
export function gaveUpEntry(reason: string, signal: unknown): LogEntry {
  const end = signal === null ? 'Giving up' : `Interrupted by ${signal}`;
  return {
    level: 'error',
    message:
      `${end}: the wait failed each time it was started (${reason}). Clients may still be ` +
      'connected.',
    fields: {
      ...{ event: 'ended', outcome: signal === null ? 'unknown' : 'interrupted' },
      ...{ waitedMs: null, polls: null, mostConnections: null, probes: null },
      ...{ seenBetweenPolls: null, connections: null },
      error: errorJson({ code: 'ERR_WAIT_FAILED', operation: 'wait', message: reason }),
    },
  };
}

function mostText(mostConnections: number | null): string {
  switch (mostConnections) {
    case null:
      return '';
    case 0:
      return 'no client';
    default:
      return `at most ${clients(mostConnections)} at once`;
  }
}

function outcomeText(outcome: DrainOutcome, config: DrainConfig): string {
  switch (outcome.kind) {
    case 'drained':
      return drainedText(outcome, config);
    case 'gone':
      return `The daemon is gone: ${daemonGone}.`;
    case 'nothing-found':
      return `Nothing found: ${nothingFound}. Check where this runs, and give --addr or --pid if there is a daemon.`;
    case 'timed-out':
      return `The deadline passed: ${lastState(outcome, config, outcome.quietForMs)}.`;
    case 'unknown':
      return `Giving up: ${unknownText(outcome)}`;
    case 'interrupted':
      return `Interrupted by ${outcome.reason}: ${lastState(outcome, config, null)}.`;
  }
}

function drainedText({ notCounted, nowMs }: DrainOutcome, config: DrainConfig): string {
  const { maxConnections, quietPeriodMs } = config;
  const most = maxConnections === 0 ? 'no clients' : `no more than ${clients(maxConnections)}`;
  const note = notCounted.length > 0 ? ` Not counted: ${notCountedText(notCounted, nowMs)}.` : '';
  return `Drained: ${most} for ${formatDuration(quietPeriodMs)}.${note}`;
}

function unknownText({ error, builds, clients }: DrainOutcome & { kind: 'unknown' }): string {
  return builds?.kind === 'unknown' && builds.error === error
    ? `running builds are unknown (${error.message}). ${capitalized(clientsAreConnected(clients.length))}, but a build may be running.`
    : `clients could not be counted (${error.message}). Some may still be connected.`;
}

function lastState(
  { sample, ...stats }: DrainOutcome,
  config: DrainConfig,
  quietForMs: number | null,
): string {
  return sample === null
    ? 'before the first poll'
    : stateText({ ...stats, sample, quietForMs }, config);
}
