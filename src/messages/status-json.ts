import type { Connection, EndpointResult, Traffic } from '../backends/types.ts';
import type { Build } from '../builds/types.ts';
import { knownAge, knownSilenceMs } from '../drain/tracked.ts';
import type { ConnectionRow } from './connection-table.ts';
import type { LogEntry } from './log/log.ts';
import type { StatusReport } from './status-report.ts';
import { visibleJson } from './words.ts';

// What is not known of a unix connection, or by the means that was used, is null.
const unknownTraffic: Traffic = {
  bytesReceived: null,
  bytesAcked: null,
  msSinceReceived: null,
  msSinceSent: null,
  msSinceAcked: null,
  unanswered: null,
};

/** What `status --json` prints. A number that could not be had is null, never 0. */
export function statusJson(report: StatusReport): string {
  const { sample, rows, nowMs, clients, builds, notices } = report;
  const rowOf = new Map(rows.map((row) => [row.entry.connection, row]));
  return visibleJson({
    connections: sample.kind === 'counted' ? clients : null,
    state: sample.kind === 'gone' && !sample.wasThere ? 'nothing-found' : sample.kind,
    error: sample.kind === 'failed' ? sample.error.message : null,
    endpoints: sample.results.map((result) =>
      endpointJson(result, (connection) =>
        connectionJson(connection, rowOf.get(connection), nowMs),
      ),
    ),
    builds: builds?.kind === 'known' ? builds.builds.map(buildJson) : null,
    buildsError: builds?.kind === 'unknown' ? builds.error.message : null,
    notices: notices.map(noticeJson),
  });
}

/** A build in JSON, its begin as a date. */
export function buildJson({ ref, startedAtMs }: Build): Record<string, unknown> {
  return { ref, startedAt: startedAtMs === null ? null : new Date(startedAtMs).toISOString() };
}

/** A connection in JSON, with all that is known of it. */
export function connectionJson(
  { endpoint: _, ...connection }: Connection,
  row: ConnectionRow | undefined,
  nowMs: number,
): Record<string, unknown> {
  const entry = row?.entry;
  const age = entry === undefined ? null : knownAge(entry, nowMs);
  return {
    ...connection,
    queued: connection.inode === 0,
    ageAtLeastMs: age === null ? null : Math.round(age.ms),
    silentAtLeastMs: entry === undefined ? null : rounded(knownSilenceMs(entry, nowMs)),
    ...(entry?.traffic?.latest ?? unknownTraffic),
    takenFor: row?.isIgnored ? 'ignored' : entry?.kind,
    counted: row !== undefined && isClient(row),
  };
}

/** Whether a connection counts as a client, for all that is known of it now. */
export function isClient({ entry, isIgnored }: ConnectionRow): boolean {
  return !isIgnored && (entry.kind === 'client' || entry.kind === 'pending');
}

function endpointJson(
  result: EndpointResult,
  connectionOf: (connection: Connection) => Record<string, unknown>,
): Record<string, unknown> {
  const { address } = result.endpoint;
  if (result.kind === 'failed') {
    const error = result.error.message;
    return { address, backend: null, listening: null, connections: null, error };
  }
  const { listenerInodes, connections } = result.snapshot;
  return {
    address,
    backend: result.backend,
    listening: listenerInodes.length > 0,
    connections: connections.map(connectionOf),
    error: null,
  };
}

function noticeJson({ level, message, fields }: LogEntry): Record<string, unknown> {
  return { level, message, ...fields };
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms);
}
