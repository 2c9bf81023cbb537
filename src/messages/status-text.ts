import type { BuildsAnswer } from '../builds/types.ts';
import { connectionTable } from './connection-table.ts';
import { buildsAreRunning } from './state.ts';
import type { StatusReport } from './status-report.ts';
import { capitalized, clientsAreConnected, nothingFound, visible } from './words.ts';

/** What `status` prints for people: sentences, and a table of the connections. */
export function statusText(report: StatusReport): string {
  const { builds, needsBuilds, rows, nowMs } = report;
  const tellsBuilds = builds !== null && (needsBuilds || builds.kind === 'known');
  const lines = [
    visible(headline(report)),
    ...(tellsBuilds ? [buildsLine(builds)] : []),
    ...(rows.length > 0 ? connectionTable(rows, nowMs) : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** How many clients are connected and where, or why that is not known. */
export function headline({ sample, clients, rows }: Omit<StatusReport, 'notices'>): string {
  switch (sample.kind) {
    case 'gone':
      return sample.wasThere
        ? 'The daemon is gone: nothing listens, and no process of it is left.'
        : nothingFound;
    case 'failed':
      return `The clients can't be counted: ${sample.error.message}.${
        rows.length > 0 ? ' These connections were seen all the same:' : ''
      }`;
    case 'counted': {
      const where = sample.results.map((result) => result.endpoint.address).join(' and ');
      return `${capitalized(clientsAreConnected(clients))} to ${where}.`;
    }
  }
}

/** What the daemon says of its builds, or why it says nothing. */
export function buildsLine(answer: BuildsAnswer): string {
  return answer.kind === 'unknown'
    ? `Which builds run is not known: ${visible(answer.error.message)}.`
    : `${capitalized(visible(buildsAreRunning(answer.builds)))}.`;
}

/** The warnings, for standard error. */
export function noticesText({ notices }: Pick<StatusReport, 'notices'>): string {
  return notices.map(({ message }) => `buildkit-drain: ${visible(message)}\n`).join('');
}
