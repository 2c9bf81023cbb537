import type { Build, BuildsAnswer } from '../builds/types.ts';
import type { Connection, EndpointLook, Sample, Traffic, TrafficOf } from '../inspect/types.ts';

import { buildsAreRunning } from './state.ts';
import { about, capitalized, clientsAreConnected, visible } from './words.ts';

// What is not known of a unix connection, or by the means that was used, is null.
const unknownTraffic: Traffic = {
  bytesReceived: null,
  bytesAcked: null,
  msSinceReceived: null,
  msSinceSent: null,
  msSinceAcked: null,
  unanswered: null,
};

type Counts = (connection: Connection) => boolean;

/** What `status --json` prints. A number that could not be had is null, never 0. */
export function statusJson(
  sample: Sample,
  traffic: TrafficOf,
  counts: Counts,
  builds: BuildsAnswer | null,
): string {
  return JSON.stringify({
    connections: sample.kind === 'counted' ? sample.connections.filter(counts).length : null,
    state: sample.kind,
    error: sample.kind === 'failed' ? sample.error.message : null,
    endpoints: sample.looks.map((look) => endpointJson(look, traffic, counts)),
    builds: builds?.kind === 'known' ? builds.builds.map(buildJson) : null,
    buildsError: builds?.kind === 'unknown' ? builds.error.message : null,
  });
}

function buildJson({ ref, startedAtMs }: Build): Record<string, unknown> {
  return { ref, startedAt: startedAtMs === null ? null : new Date(startedAtMs).toISOString() };
}

function endpointJson(
  look: EndpointLook,
  traffic: TrafficOf,
  counts: Counts,
): Record<string, unknown> {
  const { address } = look.endpoint;
  if (look.kind === 'unseen') {
    const error = look.error.message;
    return { address, inspector: null, listening: null, connections: null, error };
  }
  const { listenerInodes, connections } = look.sight;
  return {
    address,
    inspector: look.inspector,
    listening: listenerInodes.length > 0,
    connections: connections.map((connection) => {
      const { endpoint: _, ...rest } = connection;
      const known = traffic.get(connection) ?? unknownTraffic;
      return { ...rest, ...known, counted: counts(connection) };
    }),
    error: null,
  };
}

/** The same for people: a sentence, and a table of the connections. */
export function statusText(
  sample: Sample,
  traffic: TrafficOf,
  counts: Counts,
  builds: BuildsAnswer | null,
): string {
  const connections = sample.kind === 'gone' ? [] : sample.connections;
  const rows = connections.map((connection) =>
    statusRow(connection, traffic.get(connection) ?? unknownTraffic, counts(connection)),
  );
  return [
    `${headline(sample, counts)}\n`,
    ...(builds === null ? [] : [`${buildsLine(builds)}\n`]),
    ...(rows.length > 0 ? table([titles, ...rows]) : []),
  ].join('');
}

function headline(sample: Sample, counts: Counts): string {
  switch (sample.kind) {
    case 'gone':
      return 'The daemon is gone: nothing listens, and no process of it is left.';
    case 'failed':
      return `The clients can't be counted: ${sample.error.message}.${
        sample.connections.length > 0 ? ' These connections were seen all the same:' : ''
      }`;
    case 'counted': {
      const count = sample.connections.filter(counts).length;
      const where = sample.looks.map((look) => look.endpoint.address).join(' and ');
      return `${capitalized(clientsAreConnected(count))} to ${where}.`;
    }
  }
}

function buildsLine(answer: BuildsAnswer): string {
  return answer.kind === 'unknown'
    ? `Which builds run is not known: ${visible(answer.error.message)}.`
    : `${capitalized(visible(buildsAreRunning(answer.builds)))}.`;
}

const titles = ['AT', 'PEER', 'INODE', 'RECEIVED', 'LAST IN', 'LAST OUT', ''];

function statusRow(connection: Connection, traffic: Traffic, isCounted: boolean): string[] {
  const ago = (ms: number | null): string => (ms === null ? '-' : `${about(ms)} ago`);
  const { peer, local, inode } = connection;
  const { bytesReceived, msSinceReceived, msSinceSent } = traffic;
  return [
    local,
    peer ?? '-',
    inode === 0 ? 'queued' : String(inode),
    bytesReceived === null ? '-' : `${bytesReceived} B`,
    ago(msSinceReceived),
    ago(msSinceSent),
    isCounted ? '' : 'ignored',
  ];
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = titles.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) => {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    return `${cells.join('  ').trimEnd()}\n`;
  });
}
