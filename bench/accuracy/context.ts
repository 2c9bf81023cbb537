import type { AccuracyMessage, AccuracyPlan } from './types.ts';

/** What the process that measures is given. */
export interface AccuracyStageInput {
  readonly plan: AccuracyPlan;
  readonly node: string;
  /** This very program. */
  readonly helper: string;
  readonly searchPath: string;
  readonly signal: AbortSignal;
  /** A monotonic clock that all processes share. */
  readonly nowMs: () => number;
  readonly send: (message: AccuracyMessage) => void;
}

/** What each part of it works with. */
export interface AccuracyStage extends AccuracyStageInput {
  readonly env: Readonly<Record<string, string>>;
  readonly startStep: (text: string) => void;
  /** Resolves when the run is to stop. */
  readonly stopped: Promise<void>;
  /** Ends early, without an error, when the run is to stop. */
  readonly sleep: (durationMs: number) => Promise<void>;
}
