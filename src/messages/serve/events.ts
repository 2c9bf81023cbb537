import type { ServerEvent } from '../../serve/types.ts';
import type { LogEntry } from '../log/log.ts';
import { shortDuration } from '../words.ts';

/** What `serve` reports about itself. */
export type ServeNotice =
  | { readonly kind: 'serving'; readonly url: string; readonly paths: readonly string[] }
  | {
      readonly kind: 'stopping';
      readonly signal: string;
      /** What it waits for before it exits. */
      readonly for: 'nothing' | 'wait' | 'late-hook';
      readonly patienceMs: number;
    }
  | { readonly kind: 'agent-check'; readonly address: string }
  | { readonly kind: 'interrupting'; readonly signal: string }
  | { readonly kind: 'poll-failed'; readonly error: unknown };

export function serveEntry(notice: ServeNotice | ServerEvent): LogEntry {
  switch (notice.kind) {
    case 'serving':
      return {
        level: 'info',
        message: `Serving ${notice.paths.join(', ')} on ${notice.url}.`,
        fields: { event: notice.kind, url: notice.url },
      };
    case 'agent-check':
      return {
        level: 'info',
        message: `Answering agent checks of HAProxy on ${notice.address}.`,
        fields: { event: notice.kind, address: notice.address },
      };
    case 'stopping':
      return {
        level: 'info',
        message: `${notice.signal}: ${untilText(notice)}`,
        fields: { event: notice.kind, signal: notice.signal, waitsFor: notice.for },
      };
    case 'interrupting':
      return {
        level: 'warn',
        message: `${notice.signal} again: stopping at once.`,
        fields: { event: notice.kind, signal: notice.signal },
      };
    case 'poll-failed':
      return {
        level: 'warn',
        message: `Polling failed: ${messageOf(notice.error)}.`,
        fields: { event: notice.kind },
      };
    case 'connection-limit':
      return {
        // A flood must not flood the log as well.
        level: notice.isFirst ? 'warn' : 'debug',
        message:
          `More than ${notice.most} connections: closed one from ${notice.peer}, ` +
          'the address with the most.',
        fields: { event: notice.kind, peer: notice.peer },
      };
    case 'internal-error':
      return {
        level: 'error',
        message: `Internal error while serving: ${messageOf(notice.error)}.`,
        fields: { event: notice.kind },
      };
    case 'request':
    case 'bad-request':
      return requestEntry(notice);
  }
}

function requestEntry(event: Extract<ServerEvent, { kind: 'request' | 'bad-request' }>): LogEntry {
  if (event.kind === 'bad-request') {
    const { kind, peer, code } = event;
    const message = `Invalid or incomplete HTTP request from ${peer || 'a closed connection'} (${code}).`;
    return { level: 'debug', message, fields: { event: kind, peer, code } };
  }
  const { kind, peer, method, path, status, tookMs } = event;
  const answer = status === null ? 'hung up' : status;
  const short = path.slice(0, mostPath);
  return {
    level: 'debug',
    message: `${method} ${short} from ${peer}: ${answer} after ${shortDuration(tookMs)}.`,
    fields: { event: kind, peer, method, path: short, status, tookMs: Math.round(tookMs) },
  };
}

const mostPath = 200;

function untilText({ for: what, patienceMs }: Extract<ServeNotice, { kind: 'stopping' }>): string {
  switch (what) {
    case 'nothing':
      return 'stopping: no wait is under way, and no client is connected.';
    case 'wait':
      return 'stopping when the wait is over; a second signal ends it at once.';
    case 'late-hook':
      return (
        'no wait is under way, but clients may be connected: ' +
        `waiting ${shortDuration(patienceMs)} for a hook that calls late.`
      );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
