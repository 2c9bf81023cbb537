import { closeSync, openSync, readSync } from 'node:fs';
import type { EndpointName } from './plan.ts';

/** A time during which something was so. The bounds say how well it is known; Infinity is not over. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The lifetime of a connection, by its client's notes. Times are of the machine's monotonic clock. */
export interface ConnectionLifetime {
  readonly id: string;
  readonly endpoint: EndpointName;
  readonly hasSentNothing: boolean;
  /** As a backend names it; null where it is not known. */
  name: string | null;
  /** It was there at no time before, and not after: what may have been. */
  readonly earliestMs: number;
  latestMs: number;
  /** It was there between these two: what is certain. Null while it is not connected. */
  fromMs: number | null;
  toMs: number;
  /** What the daemon has ended by itself: when is not known, and so nothing of it is certain. */
  isDismissed: boolean;
}

interface Note {
  readonly at: 'connecting' | 'connected' | 'answered' | 'ending' | 'ended' | 'refused';
  readonly id: string;
  readonly ms: number;
  readonly endpoint?: EndpointName;
  readonly hasSentNothing?: boolean;
  readonly name?: string;
}

/** The truth of one daemon and its clients. */
export interface GroundTruth {
  readonly lifetimes: Map<string, ConnectionLifetime>;
  /** When the daemon did not run, from before its end to when the next one ran, be it without a listener. */
  readonly downs: Span[];
  /** When the daemon was stopped. */
  readonly stops: Span[];
  /** Requests that the daemon has answered. */
  readonly answeredRequests: Span[];
  /** Clients of the unix socket, each from its first try to the first bytes that the daemon sent it. */
  readonly answers: Span[];
  /** Builds that certainly ran. */
  readonly builds: BuildSpan[];
}

interface BuildSpan extends Span {
  readonly ref: string;
}

export function openGroundTruth(): GroundTruth {
  return {
    lifetimes: new Map(),
    downs: [],
    stops: [],
    answeredRequests: [],
    answers: [],
    builds: [],
  };
}

export function enter(truth: GroundTruth, note: Note): void {
  if (note.at === 'connecting') {
    truth.lifetimes.set(
      note.id,
      newLifetime(note.id, note.endpoint ?? 'unix', note.hasSentNothing ?? false, note.ms),
    );
    return;
  }
  const lifetime = truth.lifetimes.get(note.id);
  if (lifetime === undefined) {
    return;
  }
  switch (note.at) {
    case 'refused':
      // It may have been in the queue of a daemon that was killed.
      lifetime.isDismissed = true;
      lifetime.latestMs = Math.min(lifetime.latestMs, note.ms);
      break;
    case 'connected':
      lifetime.fromMs = note.ms;
      lifetime.name = note.name ?? null;
      break;
    case 'answered':
      if (lifetime.endpoint === 'unix') {
        truth.answers.push({ fromMs: lifetime.earliestMs, toMs: note.ms });
      }
      break;
    case 'ending':
      lifetime.toMs = Math.min(lifetime.toMs, note.ms);
      break;
    case 'ended':
      lifetime.isDismissed = lifetime.toMs === Infinity;
      lifetime.latestMs = Math.min(lifetime.latestMs, note.ms);
      lifetime.toMs = Math.min(lifetime.toMs, note.ms);
  }
}

export function newLifetime(
  id: string,
  endpoint: EndpointName,
  hasSentNothing: boolean,
  ms: number,
): ConnectionLifetime {
  return {
    id,
    endpoint,
    hasSentNothing,
    name: null,
    earliestMs: ms,
    latestMs: Infinity,
    fromMs: null,
    toMs: Infinity,
    isDismissed: false,
  };
}

/** The end of all these, by a kill between the two moments. */
export function endAll(lifetimes: Iterable<ConnectionLifetime>, { fromMs, toMs }: Span): void {
  for (const lifetime of lifetimes) {
    if (lifetime.earliestMs <= toMs && lifetime.latestMs >= fromMs) {
      lifetime.isDismissed = lifetime.fromMs === null;
      lifetime.toMs = Math.min(lifetime.toMs, fromMs);
      lifetime.latestMs = Math.min(lifetime.latestMs, toMs);
    }
  }
}

/** Whether any time of the one is of the other. */
export function overlaps(one: Span, other: Span): boolean {
  return one.fromMs <= other.toMs && other.fromMs <= one.toMs;
}

/** Drops what ended so long ago that no verdict depends on it. */
export function forget(truth: GroundTruth, beforeMs: number): void {
  for (const [id, lifetime] of truth.lifetimes) {
    if (lifetime.latestMs < beforeMs) {
      truth.lifetimes.delete(id);
    }
  }
  keepSince(truth.downs, beforeMs);
  keepSince(truth.stops, beforeMs);
  keepSince(truth.answeredRequests, beforeMs);
  keepSince(truth.answers, beforeMs);
  keepSince(truth.builds, beforeMs);
}

function keepSince<Kept extends Span>(spans: Kept[], beforeMs: number): void {
  spans.splice(0, spans.length, ...spans.filter(({ toMs }) => toMs >= beforeMs));
}

/** Makes the function that reads the whole lines that a file has got since the last call. */
export function createTail(path: string): () => string[] {
  let offset = 0;
  let rest = '';
  return () => {
    const file = openSync(path, 'r');
    const chunk = Buffer.alloc(1 << 20);
    for (;;) {
      const length = readSync(file, chunk, 0, chunk.length, offset);
      offset += length;
      // All that is read here is ASCII.
      rest += chunk.toString('latin1', 0, length);
      if (length === 0) {
        break;
      }
    }
    closeSync(file);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    return lines;
  };
}

export function readNotes(lines: readonly string[]): Note[] {
  return lines.map((line) => JSON.parse(line) as Note);
}
