import type { RosterEntry } from '../drain/roster.ts';
import type { DrainConfig, DrainEvent, DrainOutcome, DrainStatus } from '../drain/types.ts';
import type { ChoiceNotice } from '../inspect/choose.ts';
import type { EndpointLook, Sample } from '../inspect/types.ts';
import type { LogEntry } from './log.ts';
import {
  about,
  capitalized,
  clients,
  clientsAreConnected,
  formatDuration,
  namesOf,
} from './words.ts';

// Every sentence that a wait says to people, and the fields that say the same to machines.

export function noticeEntry(notice: ChoiceNotice): LogEntry {
  return notice.kind === 'inspector-handicapped' ? handicapEntry(notice) : choiceEntry(notice);
}

type Handicap = Extract<ChoiceNotice, { kind: 'inspector-handicapped' }>;

function handicapEntry({ kind, endpoint, inspector, handicap }: Handicap): LogEntry {
  const what = `Looking at ${endpoint.address} by ${inspector}`;
  const fields = { event: kind, endpoint: endpoint.address, inspector, reason: handicap };
  return handicap === null
    ? { level: 'info', message: `${what} costs no more than it has to again.`, fields }
    : { level: 'warn', message: `${what} costs more than it has to: ${handicap}.`, fields };
}

function choiceEntry(notice: Exclude<ChoiceNotice, Handicap>): LogEntry {
  const { endpoint, inspector, passedOver } = notice;
  const fields = {
    event: notice.kind,
    endpoint: endpoint.address,
    inspector,
    passedOver: passedOver?.inspector,
    reason: passedOver?.reason,
  };
  const verb = notice.kind === 'inspector-chosen' ? 'Looking' : 'From now on looking';
  const what = `${verb} at ${endpoint.address} by ${inspector}`;
  return passedOver === null
    ? { level: 'debug', message: `${what}.`, fields }
    : {
        level: 'warn',
        message: `${what}, not by ${passedOver.inspector}: ${passedOver.reason}.`,
        fields,
      };
}

export function eventEntry(event: DrainEvent, config: DrainConfig): LogEntry {
  switch (event.kind) {
    case 'started':
      return {
        level: 'info',
        message: `Waiting for quiet on ${watchedText(event.sample)}: ${stateText(event, config)}.`,
        fields: { ...statusFields(event), ...configFields(config) },
      };
    case 'progress':
      return {
        level: 'info',
        message: `Still waiting after ${about(event.waitedMs)}: ${stateText(event, config)}.`,
        fields: statusFields(event),
      };
    case 'changed':
      return {
        level: 'info',
        message: `${capitalized(stateText(event, config))}. ${changeText(event)}`,
        fields: {
          ...statusFields(event),
          before: event.before,
          arrived: event.arrived.map(({ connection }) => connection.peer),
          left: event.left.map(({ connection }) => connection.peer),
        },
      };
    case 'sight-lost':
      return {
        level: 'warn',
        message:
          `The clients can't be counted: ${event.error.message}. Unknown is not zero: quiet ` +
          `starts over when they can be counted again${atLeast(event.seen)}.`,
        fields: { event: event.kind, code: event.error.code, operation: event.error.operation },
      };
    case 'sight-back':
      return {
        level: 'info',
        message:
          `The clients can be counted again after ${about(event.lostForMs)}: ` +
          `${clientsAreConnected(event.connections)}.`,
        fields: {
          event: event.kind,
          lostForMs: Math.round(event.lostForMs),
          connections: event.connections,
        },
      };
    case 'unwatched':
      return {
        level: 'warn',
        message:
          `Nobody looked for ${about(event.gapMs)} (was this process stopped, or short of CPU?): ` +
          'quiet starts over.',
        fields: { event: event.kind, gapMs: Math.round(event.gapMs) },
      };
  }
}

export function outcomeEntry(
  outcome: DrainOutcome,
  config: DrainConfig,
  seenBetweenLooks: number,
): LogEntry {
  const { waitedMs, polls, mostConnections, roster } = outcome;
  const looks = `${polls} ${polls === 1 ? 'look' : 'looks'}`;
  const between =
    seenBetweenLooks > 0 ? `, at least ${seenBetweenLooks} more between two looks` : '';
  const tally = `Waited ${about(waitedMs)}, ${looks}${mostText(mostConnections)}${between}.`;
  return {
    level: outcome.kind === 'drained' || outcome.kind === 'gone' ? 'info' : 'error',
    message: `${outcomeText(outcome, config)} ${tally}`,
    fields: {
      event: 'ended',
      outcome: outcome.kind,
      waitedMs: Math.round(waitedMs),
      polls,
      mostConnections,
      seenBetweenLooks,
      connections: countOf(outcome.sample, roster.length),
    },
  };
}

function mostText(mostConnections: number | null): string {
  switch (mostConnections) {
    case null:
      return '';
    case 0:
      return ', no client';
    default:
      return `, at most ${clients(mostConnections)} at once`;
  }
}

function outcomeText(outcome: DrainOutcome, config: DrainConfig): string {
  const quietPeriod = formatDuration(config.quietPeriodMs);
  switch (outcome.kind) {
    case 'drained':
      return config.maxConnections === 0
        ? `Drained: no client was seen for ${quietPeriod}.`
        : `Drained: no more than ${clients(config.maxConnections)} for ${quietPeriod}.`;
    case 'gone':
      return 'The daemon is gone: nothing listens, and no process of it is left.';
    case 'timed-out':
      return `The deadline passed: ${remainder(outcome, config)}.`;
    case 'blind':
      return (
        `Gave up blind: ${outcome.error.message}. ` +
        'Nobody knows whether a client is still connected.'
      );
    case 'interrupted':
      return `Interrupted by ${outcome.reason}: ${remainder({ ...outcome, quietForMs: null }, config)}.`;
  }
}

function remainder(
  outcome: Pick<DrainStatus, 'nowMs' | 'roster' | 'quietForMs'> & { sample: Sample | null },
  config: DrainConfig,
): string {
  const { sample } = outcome;
  return sample === null ? 'before the first look' : stateText({ ...outcome, sample }, config);
}

type State = Pick<DrainStatus, 'nowMs' | 'sample' | 'roster' | 'quietForMs'>;

function stateText({ sample, roster, quietForMs, nowMs }: State, config: DrainConfig): string {
  switch (sample.kind) {
    case 'gone':
      return 'nothing listens, and no process of the daemon is left';
    case 'failed':
      return `the clients can't be counted (${sample.error.message})${atLeast(sample.connections.length)}`;
    case 'counted': {
      const who = roster.length > 0 ? `: ${namesOf(roster, presence(nowMs))}` : '';
      const quiet =
        quietForMs === null
          ? ''
          : `; quiet for ${about(quietForMs)} of ${formatDuration(config.quietPeriodMs)}`;
      return `${clientsAreConnected(roster.length)}${who}${quiet}`;
    }
  }
}

function changeText({
  before,
  arrived,
  left,
  nowMs,
}: Extract<DrainEvent, { kind: 'changed' }>): string {
  const parts = [
    arrived.length > 0 ? `New: ${namesOf(arrived, () => '')}.` : '',
    left.length > 0 ? `Left: ${namesOf(left, (entry) => `after ${seenFor(entry, nowMs)}`)}.` : '',
  ].filter((part) => part !== '');
  return parts.length > 0 ? parts.join(' ') : `Before: ${clients(before)}.`;
}

function presence(nowMs: number): (entry: RosterEntry) => string {
  return (entry) => {
    const state = entry.connection.inode === 0 ? ', not accepted yet' : '';
    return `for ${seenFor(entry, nowMs)}${state}`;
  };
}

function seenFor({ firstSeenMs }: RosterEntry, nowMs: number): string {
  return about(nowMs - firstSeenMs);
}

function atLeast(seen: number): string {
  return seen > 0 ? `; at least ${clientsAreConnected(seen)}` : '';
}

function watchedText(sample: Sample): string {
  return sample.looks.map(lookText).join(' and ') || 'nothing that could be looked at';
}

function lookText(look: EndpointLook): string {
  const { address } = look.endpoint;
  return look.kind === 'seen' ? `${address} (by ${look.inspector})` : `${address} (unseen)`;
}

function statusFields(status: DrainStatus & { readonly kind: string }): Record<string, unknown> {
  const { sample, roster, waitedMs, quietForMs, nowMs } = status;
  return {
    event: status.kind,
    waitedMs: Math.round(waitedMs),
    connections: countOf(sample, roster.length),
    quietForMs: quietForMs === null ? null : Math.round(quietForMs),
    clients: roster.slice(0, 100).map(({ connection, firstSeenMs }) => ({
      endpoint: connection.endpoint,
      peer: connection.peer,
      inode: connection.inode,
      seenForMs: Math.round(nowMs - firstSeenMs),
    })),
    endpoints: sample.looks.map((look) => ({
      address: look.endpoint.address,
      inspector: look.kind === 'seen' ? look.inspector : null,
      listening: look.kind === 'seen' ? look.sight.listenerInodes.length > 0 : null,
    })),
  };
}

function configFields(config: DrainConfig): Record<string, unknown> {
  const { intervalMs, quietPeriodMs, timeoutMs, minWaitMs, maxConnections, onBlind } = config;
  return { intervalMs, quietPeriodMs, timeoutMs, minWaitMs, maxConnections, onBlind };
}

function countOf(sample: Sample | null, counted: number): number | null {
  return sample?.kind === 'counted' ? counted : null;
}
