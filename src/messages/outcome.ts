import type { DrainConfig, DrainOutcome } from '../drain/types.ts';
import type { LogEntry } from './log/log.ts';
import { countOf, leftOutReason, type State, stateText } from './state.ts';
import {
  about,
  capitalized,
  clients,
  clientsAreConnected,
  formatDuration,
  listed,
  nameOf,
  nothingFound,
} from './words.ts';

/** What a wait says last: how it ended, and what it has seen. */
export function outcomeEntry(
  outcome: DrainOutcome,
  config: DrainConfig,
  seenBetweenPolls: number,
): LogEntry {
  const { waitedMs, polls, mostConnections, probes } = outcome;
  const stats = [
    `Waited ${about(waitedMs)}`,
    `${polls} ${polls === 1 ? 'look' : 'looks'}`,
    mostText(mostConnections),
    probes > 0 ? `${probes} shorter than ${formatDuration(config.probeGraceMs)}` : '',
    seenBetweenPolls > 0 ? `at least ${seenBetweenPolls} more between two looks` : '',
  ].filter((part) => part !== '');
  return {
    level: outcome.kind === 'drained' || outcome.kind === 'gone' ? 'info' : 'error',
    message: `${outcomeText(outcome, config)} ${stats.join(', ')}.`,
    fields: {
      event: 'ended',
      outcome: outcome.kind,
      waitedMs: Math.round(waitedMs),
      polls,
      mostConnections,
      probes,
      seenBetweenPolls,
      connections: countOf(outcome.sample, outcome.clients.length),
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
      return 'The daemon is gone: nothing listens, and no process of it is left.';
    case 'nothing-found':
      return `${nothingFound} Check where this runs, and give --addr or --pid if there is a daemon.`;
    case 'timed-out':
      return `The deadline passed: ${remainder(outcome, config)}.`;
    case 'unknown':
      return `Gave up blind: ${outcome.error.message}. ${unknownText(outcome)}`;
    case 'interrupted':
      return `Interrupted by ${outcome.reason}: ${remainder({ ...outcome, quietForMs: null }, config)}.`;
  }
}

function drainedText({ notCounted, nowMs }: DrainOutcome, config: DrainConfig): string {
  const quietPeriod = formatDuration(config.quietPeriodMs);
  const others = listed(notCounted, (entry) => `${nameOf(entry)} (${leftOutReason(entry, nowMs)})`);
  const note = notCounted.length > 0 ? ` Not counted: ${others}.` : '';
  return config.maxConnections === 0
    ? `Drained: no client was seen for ${quietPeriod}.${note}`
    : `Drained: no more than ${clients(config.maxConnections)} for ${quietPeriod}.${note}`;
}

function unknownText({ error, builds, clients }: DrainOutcome & { kind: 'unknown' }): string {
  return builds?.kind === 'unknown' && builds.error === error
    ? `${capitalized(clientsAreConnected(clients.length))}, but nobody knows whether a build is running.`
    : 'Nobody knows whether a client is still connected.';
}

type Remains = Omit<State, 'sample'> & Pick<DrainOutcome, 'sample'>;

function remainder(outcome: Remains, config: DrainConfig): string {
  const { sample } = outcome;
  return sample === null ? 'before the first look' : stateText({ ...outcome, sample }, config);
}
