import type { Sample } from '../backends/types.ts';
import type { BuildsAnswer } from '../builds/types.ts';
import type { TrackedConnection, TrackedConnections } from '../drain/tracked.ts';
import { connectionTable } from './connection-table.ts';
import { rounded, stateJson } from './json.ts';
import type { LogEntry } from './log/log.ts';
import { buildsAreRunning, daemonGone, nothingFound } from './state.ts';
import { capitalized, clientsAreConnected, visible, visibleJson } from './words.ts';

/** One poll, and all that is reported of it. */
export interface StatusReport {
  readonly sample: Sample;
  /** The connections of the sample. */
  readonly tracked: TrackedConnections;
  /** The moment of the poll, on the same clock as the times of the connections. */
  readonly nowMs: number;
  /** How many of them count as clients. */
  readonly clients: number;
  /** What the daemon answered about its builds; null if it was not asked. */
  readonly builds: BuildsAnswer | null;
  /** How long ago the latest poll was. */
  readonly ageMs: number;
  /** Warnings about where and how was polled. */
  readonly notices: readonly LogEntry[];
}

/** What `status` prints for people: sentences, and a table of the connections. */
export function statusText(report: StatusReport): string {
  const { sample, builds, tracked, nowMs } = report;
  const lines = [
    visible(headline(report)),
    ...(builds === null || sample.kind === 'gone' ? [] : [buildsLine(builds)]),
    ...(tracked.length > 0 ? connectionTable(tracked, nowMs) : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** How many clients are connected and where, or why that is unknown. */
export function headline({
  sample,
  clients,
  tracked,
}: Pick<StatusReport, 'sample' | 'clients' | 'tracked'>): string {
  switch (sample.kind) {
    case 'gone':
      return sample.wasThere
        ? `The daemon is gone: ${daemonGone}.`
        : `Nothing found: ${nothingFound}.`;
    case 'failed':
      return `Clients cannot be counted: ${sample.error.message}.${
        tracked.length > 0 ? ' These connections were found:' : ''
      }`;
    case 'counted': {
      const where = sample.results.map((result) => result.endpoint.address).join(' and ');
      return `${capitalized(clientsAreConnected(clients))} to ${where}.`;
    }
  }
}

export function buildsLine(answer: BuildsAnswer): string {
  return answer.kind === 'unknown'
    ? `Running builds are unknown: ${visible(answer.error.message)}.`
    : `${capitalized(visible(buildsAreRunning(answer.builds)))}.`;
}

/** The warnings, for standard error. */
export function noticesText({ notices }: Pick<StatusReport, 'notices'>): string {
  return notices.map(({ message }) => `buildkit-drain: ${visible(message)}\n`).join('');
}

/** What `status --json` prints, and `/connections` answers. */
export function statusJson({
  sample,
  tracked,
  nowMs,
  builds,
  ageMs,
  notices,
}: StatusReport): string {
  const state = {
    ...{ sample, nowMs, builds },
    clients: tracked.filter(isCounted),
    // One poll cannot wait to see whether a new connection is a probe: until then it counts.
    pending: [],
    notCounted: tracked.filter((entry) => !isCounted(entry)),
  };
  return visibleJson({
    ...stateJson(state),
    sampleAgeMs: rounded(ageMs),
    notices: notices.map(({ level, message, fields }) => ({ level, message, ...fields })),
  });
}

/** Whether a connection counts as a client by one poll. */
export function isCounted({ kind }: TrackedConnection): boolean {
  return kind === 'client' || kind === 'pending';
}
