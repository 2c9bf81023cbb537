import type { BackendError } from '../backends/types.ts';

/** The marks of a pod: those of one that runs builds, or of one that may go. */
export type Mark = 'busy' | 'idle';

/** What the marks of the own pod report. */
export type PodMarkEvent =
  | { readonly kind: 'pod-marked'; readonly mark: Mark }
  | {
      readonly kind: 'pod-mark-failed';
      readonly mark: Mark;
      readonly error: BackendError;
      readonly retryInMs: number;
    };

/** Keeps the marks of the own pod as they should be. */
export interface PodMarks {
  /**
   * Tells what the pod does now: call it at each change, or as often as wanted. Idle means that no
   * client is connected and no build runs; unknown counts as busy. Never throws, and does not wait.
   *
   * @param nowMs by `performance.now()`.
   */
  readonly update: (activity: 'busy' | 'idle' | 'unknown', nowMs: number) => void;
  /** Ends the request under way, and sends no more. The marks stay as they are. */
  readonly close: () => void;
}

/** The deadline of a wait, as the own pod gives it. */
export type PodDeadline =
  /** The pod is being deleted, and a wait may go on for so long. */
  | { readonly kind: 'known'; readonly leftMs: number; readonly graceMs: number }
  | { readonly kind: 'not-deleted' }
  /** The pod was to be gone before now: its end is another than the one it tells. */
  | { readonly kind: 'passed' }
  | {
      readonly kind: 'unknown';
      readonly error: Pick<BackendError, 'code' | 'operation' | 'message'>;
    };
