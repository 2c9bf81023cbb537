import type { LogLine } from '../../support/cli.ts';
import { durationMs, probeGraceMs, type Span, slackMs, type Truth, timeOf } from './truth.ts';

const endOf = ({ endedMs }: Span): number => endedMs ?? Number.POSITIVE_INFINITY;

/** A wait whose clients announce their end polls once a second. */
const pollMs = 1000;

/** How many clients there were at a moment, at least and at most. */
export function clientsAt({ clients }: Truth, atMs: number): readonly [number, number] {
  const certain = clients.filter(
    (client) =>
      !client.mayNotCount &&
      client.connectedMs + probeGraceMs + slackMs < atMs &&
      endOf(client) > atMs + slackMs,
  );
  const possible = clients.filter(
    (client) => client.spawnedMs < atMs && endOf(client) > atMs - pollMs - slackMs,
  );
  return [certain.length, possible.length];
}

/** What is not true of the clients that a line tells of. */
export function clientProblems(line: LogLine, truth: Truth): string[] {
  const atMs = timeOf(line);
  if (line['state'] === 'gone') {
    return goneProblems(atMs, truth);
  }
  const [least, most] = clientsAt(truth, atMs);
  const said = /(?:^|: |\. )(no|\d+) clients? (?:is|are) connected/i.exec(line.message)?.[1];
  const count = line['connections'] as number | null;
  const isSaid = said !== undefined && (/^no$/i.test(said) ? 0 : Number(said)) === count;
  return [
    ...(isSaid ? [] : [`${said} in the message, and ${count} in the field`]),
    ...(count !== null && count >= least && count <= most ? [] : [`${least} to ${most} clients`]),
    ...quietProblems(line, truth),
    ...leftProblems(line, truth),
  ];
}

/** Whether a daemon is there of which a line says that it is gone. */
export function goneProblems(atMs: number, { daemons }: Truth): string[] {
  const isThere = daemons.some(({ span }) => endOf(span) - slackMs > atMs);
  return isThere ? ['a daemon is there'] : [];
}

function quietProblems({ message, ...line }: LogLine, { clients, builds }: Truth): string[] {
  const atMs = timeOf({ message, ...line } as LogLine);
  const said = /quiet for (?:all of )?([\dhms.]+)/.exec(message)?.[1];
  const ends = [
    ...clients.filter(({ mayNotCount }) => !mayNotCount).map(endOf),
    ...(builds ?? []).map(({ completedMs }) => completedMs ?? 0),
  ];
  const sinceMs = Math.max(...ends.filter((ms) => ms < atMs), 0);
  const isTrue = said === undefined || durationMs(said) <= atMs - sinceMs + slackMs;
  return isTrue ? [] : [`quiet for ${atMs - sinceMs} ms`];
}

/** `Left: 127.0.0.1:43210 (after at least 3.1s)` */
function leftProblems(line: LogLine, { clients }: Truth): string[] {
  const atMs = timeOf(line);
  const gone = clients.filter(
    (client) => endOf(client) < atMs + slackMs && endOf(client) > atMs - pollMs - slackMs,
  );
  const said = [...line.message.matchAll(/\(after (at least )?([\dhms.]+)\)/g)];
  return said
    .filter(([, atLeast, text = '']) => {
      const ms = durationMs(text);
      return !gone.some((client) => {
        const isShortEnough = ms <= endOf(client) - client.spawnedMs + pollMs + slackMs;
        const isLongEnough = ms >= endOf(client) - client.connectedMs - slackMs - 100;
        return isShortEnough && (atLeast !== undefined || isLongEnough);
      });
    })
    .map(([text]) => `no client left ${text}`);
}
