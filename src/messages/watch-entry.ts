import type { Sample } from '../backends/types.ts';
import type { ConnectionKind, TrackedConnection } from '../drain/tracked.ts';
import type { WatchEvent, WatchStatus } from '../drain/types.ts';
import type { ConnectionRow } from './connection-table.ts';
import type { LogEntry } from './log/log.ts';
import { buildsAreRunning, leftOutReason } from './state.ts';
import { buildJson, connectionJson, isClient } from './status-json.ts';
import { about, capitalized, clientsAreConnected, nameOf, namesOf } from './words.ts';

/** What is said of how things stand, and what a peer is taken for. */
export interface WatchReport {
  readonly status: WatchStatus;
  readonly rowOf: (entry: TrackedConnection) => ConnectionRow;
}

/** What `watch` says of a change, and the fields that say the same to machines. */
export function watchEntry(event: WatchEvent, report: WatchReport): LogEntry {
  const { level = 'info', message, fields } = said(event, report);
  return { level, message, fields: { event: event.kind, ...stateFields(report), ...fields } };
}

type Said = Partial<LogEntry> & Pick<LogEntry, 'message'>;

function said(event: WatchEvent, report: WatchReport): Said {
  switch (event.kind) {
    case 'started':
      return startedText(report);
    case 'changed':
      return changedText(event, report);
    case 'not-counted':
    case 'counted-again':
    case 'counted':
      return standingText(event, report);
    case 'between-polls':
      return {
        message:
          `At least ${event.more} more came and went between two looks ` +
          `(${event.total} since the start).`,
        fields: { more: event.more, seenBetweenPolls: event.total },
      };
    case 'builds':
      return event.answer.kind === 'known'
        ? {
            message: `The daemon says that ${buildsAreRunning(event.answer.builds)}.`,
            fields: { builds: event.answer.builds.map(buildJson) },
          }
        : {
            message: `Which builds are running is unknown: ${event.answer.error.message}.`,
            fields: { builds: null, code: event.answer.error.code },
          };
    case 'count-failed':
      return {
        level: 'warn',
        message: `The clients can't be counted: ${event.error.message}.`,
        fields: { code: event.error.code, operation: event.error.operation },
      };
    case 'count-recovered':
      return { message: `The clients can be counted again: ${countText(report)}.` };
    case 'gone':
      return { level: 'warn', message: `The daemon is gone: ${goneText}. Still watching.` };
    case 'back':
      return {
        message: `The daemon is back, and listens on ${whereText(report.status.sample)}: ${countText(report)}.`,
      };
  }
}

const goneText = 'nothing listens, and no process of it is left';

function startedText(report: WatchReport): Said {
  const { sample, nowMs, tracked } = report.status;
  const names = tracked.length > 0 ? ` Connected: ${namesOf(tracked, () => '')}.` : '';
  return {
    message: `Watching ${whereText(sample)}: ${countText(report)}.${names}`,
    fields: {
      endpoints: sample.results.map((result) => ({
        address: result.endpoint.address,
        backend: result.kind === 'polled' ? result.backend : null,
        listening: result.kind === 'polled' ? result.snapshot.listenerInodes.length > 0 : null,
      })),
      connected: tracked.map((entry) => entryJson(entry, report, nowMs)),
    },
  };
}

function changedText(
  { arrived, left }: Extract<WatchEvent, { kind: 'changed' }>,
  report: WatchReport,
): Said {
  const { nowMs } = report.status;
  const seenFor = ({ firstSeenMs, isArrivalSeen }: TrackedConnection): string =>
    `after ${about(nowMs - firstSeenMs)}${isArrivalSeen ? '' : ' in sight'}`;
  const parts = [
    arrived.length > 0 ? ` New: ${namesOf(arrived, () => '')}.` : '',
    left.length > 0 ? ` Left: ${namesOf(left, seenFor)}.` : '',
  ];
  return {
    message: `${capitalized(countText(report))}.${parts.join('')}`,
    fields: {
      arrived: arrived.map((entry) => entryJson(entry, report, nowMs)),
      left: left.map((entry) => ({
        ...entryJson(entry, report, nowMs),
        seenForMs: Math.round(nowMs - entry.firstSeenMs),
      })),
    },
  };
}

function standingText(
  { kind, entry }: Extract<WatchEvent, { kind: 'not-counted' | 'counted-again' | 'counted' }>,
  report: WatchReport,
): Said {
  const { nowMs } = report.status;
  return {
    message:
      kind === 'not-counted'
        ? `${nameOf(entry)} is taken for no client: ${leftOutReason(entry, nowMs)}.`
        : `${nameOf(entry)} is taken for a client${kind === 'counted' ? '' : ' again'}.`,
    fields: { connection: entryJson(entry, report, nowMs) },
  };
}

function entryJson(entry: TrackedConnection, { rowOf }: WatchReport, nowMs: number) {
  const { connection } = entry;
  const row = rowOf(entry);
  const counted = isOfStanding('client')(row);
  return { endpoint: connection.endpoint, ...connectionJson(connection, row, nowMs), counted };
}

function stateFields(report: WatchReport): Record<string, unknown> {
  const { sample } = report.status;
  return {
    connections: sample.kind === 'counted' ? clientsOf(report) : null,
    state: sample.kind,
  };
}

/** How many are clients. One that is too new may be a probe, or another process's question. */
export function clientsOf(report: WatchReport): number {
  return countOf(report, 'client');
}

function countOf({ status, rowOf }: WatchReport, kind: ConnectionKind): number {
  return status.tracked.map(rowOf).filter(isOfStanding(kind)).length;
}

function isOfStanding(kind: ConnectionKind): (row: ConnectionRow) => boolean {
  return (row) => isClient(row) && row.entry.kind === kind;
}

function countText(report: WatchReport): string {
  const { sample } = report.status;
  const count = clientsOf(report);
  switch (sample.kind) {
    case 'counted': {
      const tooNew = countOf(report, 'pending');
      return `${clientsAreConnected(count)}${tooNew > 0 ? `; ${tooNew} too new to tell` : ''}`;
    }
    case 'failed':
      return count > 0
        ? `at least ${clientsAreConnected(count)} (${sample.error.message})`
        : `the clients can't be counted (${sample.error.message})`;
    case 'gone':
      return sample.wasThere
        ? goneText
        : 'nothing listens, and no buildkitd of this place is in sight';
  }
}

function whereText({ results }: Sample): string {
  return results.map((result) => result.endpoint.address).join(' and ') || 'nothing';
}
