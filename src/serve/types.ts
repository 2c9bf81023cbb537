import type { DrainOutcome, DrainStatus } from '../drain/types.ts';

/** The response to a request. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly allow?: readonly HttpMethod[];
}

/** One request, as far as its answer depends on it. */
export interface Call {
  readonly accept: string | undefined;
  /** Calls back once if the caller hangs up before the answer. */
  readonly onHangUp: (callback: () => void) => void;
}

export type HttpMethod = 'GET' | 'HEAD';

export interface Route {
  readonly methods: readonly HttpMethod[];
  readonly answer: (call: Call) => Answer | Promise<Answer>;
}

/** Routes by path. */
export type Routes = ReadonlyMap<string, Route>;

/** Why a request is not answered by a route. */
export interface Refusal {
  readonly status: 400 | 404 | 405 | 408 | 431 | 500;
  readonly expected: string;
  readonly received: string;
  /** With status 405, the methods of the path. */
  readonly allow?: readonly HttpMethod[];
}

/** What a server needs to answer requests. */
export interface Handlers {
  readonly routes: Routes;
  readonly refuse: (refusal: Refusal) => Answer;
  readonly onEvent: (event: ServerEvent) => void;
}

/** What the log reports about a server. */
export type ServerEvent =
  | {
      readonly kind: 'request';
      readonly peer: string;
      readonly method: string;
      readonly path: string;
      /** Null if the caller hung up first. */
      readonly status: number | null;
      readonly tookMs: number;
    }
  /** An invalid request, or one that did not arrive completely in time. */
  | { readonly kind: 'bad-request'; readonly peer: string; readonly code: string }
  | {
      readonly kind: 'connection-limit';
      readonly peer: string;
      readonly most: number;
      /** Whether it is the first time in this process. */
      readonly isFirst: boolean;
    }
  | { readonly kind: 'internal-error'; readonly error: unknown };

/** What was seen last, by the wait under way or by the watch. */
export interface ServiceReading
  extends Pick<DrainStatus, 'sample' | 'nowMs' | 'clients' | 'all' | 'builds'> {
  /** How long ago the latest poll was. */
  readonly ageMs: number;
}

/** No wait yet, one under way, or how the last one ended. */
export type WaitState = 'none' | 'waiting' | DrainOutcome['kind'];

/** What this process has done since it started. */
export interface ServiceStats {
  readonly samples: number;
  readonly failedSamples: number;
  /** Connections that came and went between two polls: at least so many. */
  readonly betweenPolls: number;
  readonly waitState: WaitState;
  /** How many waits have ended with each outcome. */
  readonly outcomes: Readonly<Record<DrainOutcome['kind'], number>>;
  /** How long the wait under way has lasted; null without one. */
  readonly waitedMs: number | null;
  /** How long it may last; null without a wait or a deadline. */
  readonly timeoutMs: number | null;
  /** How long quiet has lasted in it; null if that is unknown, and without a wait. */
  readonly quietMs: number | null;
}
