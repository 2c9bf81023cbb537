import type { Sample } from '../backends/types.ts';
import type { BuildsAnswer } from '../builds/types.ts';
import type { TrackedConnections } from '../drain/tracked.ts';
import type { DrainOutcome } from '../drain/types.ts';

/** What is sent to a caller. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly allow?: string;
}

/** One caller's request, as far as an answer depends on it. */
export interface Call {
  readonly accept: string | undefined;
  /** Calls back once, if the caller hangs up before the answer. */
  readonly onHangUp: (callback: () => void) => void;
}

export type Route = (call: Call) => Answer | Promise<Answer>;

/** Answers by path. */
export type Routes = ReadonlyMap<string, Route>;

/** Why a request is not answered by a route. */
export interface Refusal {
  readonly status: 400 | 404 | 405 | 408 | 431 | 500;
  readonly expected: string;
  readonly received: string;
}

/** By what a server answers. */
export interface Answering {
  readonly routes: Routes;
  readonly refuse: (refusal: Refusal) => Answer;
  readonly onEvent: (event: ServerEvent) => void;
}

/** What is worth a line in the log. */
export type ServerEvent =
  | {
      readonly kind: 'request';
      readonly peer: string;
      readonly method: string;
      readonly path: string;
      /** Null where the caller hung up before. */
      readonly status: number | null;
      readonly tookMs: number;
    }
  /** What came was no request, or not in time. */
  | { readonly kind: 'not-a-request'; readonly peer: string; readonly code: string }
  | {
      readonly kind: 'too-many';
      readonly peer: string;
      readonly most: number;
      /** Whether it is the first of this process. */
      readonly isFirst: boolean;
    }
  | { readonly kind: 'trouble'; readonly error: unknown };

/** How things stand: by a look of its own, or as the wait under way saw it last. */
export interface Reading {
  readonly sample: Sample;
  /** The connections that break quiet. */
  readonly clients: TrackedConnections;
  readonly silent: number;
  /** What the daemon last said of its builds; null where it has not been asked. */
  readonly builds: BuildsAnswer | null;
}

/** Of this process: no wait yet, one under way, or how the last one ended. */
export type WaitState = 'none' | 'waiting' | DrainOutcome['kind'];

/** What this process knows of itself. */
export interface ServiceStats {
  readonly samples: number;
  readonly failedSamples: number;
  readonly waitState: WaitState;
  /** How many waits have ended so. */
  readonly outcomes: Readonly<Record<DrainOutcome['kind'], number>>;
  /** For how long the wait under way has lasted; null without one. */
  readonly waitedMs: number | null;
  /** For how long quiet has lasted in it; null where that is unknown, and without one. */
  readonly quietMs: number | null;
}
