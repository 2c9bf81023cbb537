import type { LogLine } from '../../support/cli.ts';
import { clientsAt, goneProblems } from './true-clients.ts';
import { slackMs, type Truth, timeOf } from './truth.ts';

/** What is not true in the last line of a wait. */
export function endProblems(line: LogLine, truth: Truth, lines: readonly LogLine[]): string[] {
  const { message } = line;
  const endMs = timeOf(line);
  const started = lines.find(({ event }) => event === 'started') ?? line;
  const sinceMs = timeOf(started) - Number(started['waitedMs']);
  const waitedMs = Number(line['waitedMs']);
  const overlapping = truth.clients.filter(
    ({ spawnedMs, endedMs }) => spawnedMs < endMs && (endedMs ?? endMs) > sinceMs - slackMs,
  );
  const unseen = Number(line['probes']) + Number(line['seenBetweenPolls']);
  return [
    ...(Math.abs(endMs - sinceMs - waitedMs) < slackMs ? [] : [`${endMs - sinceMs} ms long`]),
    ...(unseen <= overlapping.length ? [] : [`${overlapping.length} connections in all`]),
    ...mostProblems(line, truth, sinceMs),
    ...(message.startsWith('Drained: no clients for') ? quietProblems(line, truth, started) : []),
    ...(message.startsWith('The daemon is gone') ? goneProblems(endMs, truth) : []),
  ];
}

function mostProblems(line: LogLine, truth: Truth, sinceMs: number): string[] {
  const endMs = timeOf(line);
  const moments = truth.clients
    .flatMap(({ spawnedMs, connectedMs }) => [spawnedMs + 1, connectedMs + 2 * slackMs + 1000])
    .filter((ms) => ms < endMs);
  const counts = [sinceMs, ...moments.filter((ms) => ms > sinceMs)].map((ms) =>
    clientsAt(truth, ms),
  );
  const least = Math.max(...counts.map(([count]) => count));
  const most = Math.max(...counts.map(([, count]) => count));
  const said = Number(line['mostConnections']);
  return said >= least && said <= most ? [] : [`${least} to ${most} clients at once`];
}

function quietProblems(line: LogLine, truth: Truth, started: LogLine): string[] {
  const { clients, builds, isBelieved } = truth;
  const endMs = timeOf(line);
  const { quietPeriodMs } = started['settings'] as { quietPeriodMs: number };
  const quietMs = endMs - quietPeriodMs;
  const isThere = clients.some(
    ({ connectedMs, endedMs, mayNotCount }) =>
      !mayNotCount && connectedMs < endMs && (endedMs ?? endMs) - slackMs > quietMs,
  );
  const isBuilding = (builds ?? []).some(
    ({ createdMs, completedMs }) => createdMs < endMs && (completedMs ?? endMs) > quietMs,
  );
  // One that does not name its builds may still record the end of one whose client has left.
  const isKnown = isBelieved && isBuilding;
  return [...(isThere ? ['there were clients'] : []), ...(isKnown ? ['a build ran'] : [])];
}
