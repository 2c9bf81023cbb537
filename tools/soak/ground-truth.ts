import { closeSync, openSync, readSync } from 'node:fs';
import type { EndpointName } from './plan.ts';

/** A time during which something was so. The bounds say how well it is known; Infinity is not over. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One client's stay, by its own notes. All times are of the machine's monotonic clock. */
export interface Stay {
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
  readonly stays: Map<string, Stay>;
  /** When the daemon did not run, from before its end to when the next one ran, be it without a listener. */
  readonly downs: Span[];
  /** When the daemon was stopped. */
  readonly stops: Span[];
  /** Questions that the daemon has answered. */
  readonly pulses: Span[];
  /** Clients of the unix socket, each from its first try to the first bytes that the daemon sent it. */
  readonly answers: Span[];
  /** Builds that certainly ran. */
  readonly builds: BuildSpan[];
}

interface BuildSpan extends Span {
  readonly ref: string;
}

export function openGroundTruth(): GroundTruth {
  return { stays: new Map(), downs: [], stops: [], pulses: [], answers: [], builds: [] };
}

export function enter(truth: GroundTruth, note: Note): void {
  if (note.at === 'connecting') {
    truth.stays.set(
      note.id,
      newStay(note.id, note.endpoint ?? 'unix', note.hasSentNothing ?? false, note.ms),
    );
    return;
  }
  const stay = truth.stays.get(note.id);
  if (stay === undefined) {
    return;
  }
  switch (note.at) {
    case 'refused':
      // It may have been in the queue of a daemon that was killed.
      stay.isDismissed = true;
      stay.latestMs = Math.min(stay.latestMs, note.ms);
      break;
    case 'connected':
      stay.fromMs = note.ms;
      stay.name = note.name ?? null;
      break;
    case 'answered':
      if (stay.endpoint === 'unix') {
        truth.answers.push({ fromMs: stay.earliestMs, toMs: note.ms });
      }
      break;
    case 'ending':
      stay.toMs = Math.min(stay.toMs, note.ms);
      break;
    case 'ended':
      stay.isDismissed = stay.toMs === Infinity;
      stay.latestMs = Math.min(stay.latestMs, note.ms);
      stay.toMs = Math.min(stay.toMs, note.ms);
  }
}

export function newStay(
  id: string,
  endpoint: EndpointName,
  hasSentNothing: boolean,
  ms: number,
): Stay {
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
export function endAll(stays: Iterable<Stay>, { fromMs, toMs }: Span): void {
  for (const stay of stays) {
    if (stay.earliestMs <= toMs && stay.latestMs >= fromMs) {
      stay.isDismissed = stay.fromMs === null;
      stay.toMs = Math.min(stay.toMs, fromMs);
      stay.latestMs = Math.min(stay.latestMs, toMs);
    }
  }
}

/** Whether any time of the one is of the other. */
export function overlaps(one: Span, other: Span): boolean {
  return one.fromMs <= other.toMs && other.fromMs <= one.toMs;
}

/** Drops who has been gone for so long that nobody will ask. */
export function forget(truth: GroundTruth, beforeMs: number): void {
  for (const [id, stay] of truth.stays) {
    if (stay.latestMs < beforeMs) {
      truth.stays.delete(id);
    }
  }
  keepSince(truth.downs, beforeMs);
  keepSince(truth.stops, beforeMs);
  keepSince(truth.pulses, beforeMs);
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
