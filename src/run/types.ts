/** How a process has ended. */
export type ChildEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals };

/** What is told of the daemon that is run. */
export type RunEvent =
  | { readonly kind: 'run-started'; readonly pid: number; readonly program: string }
  /** Told to stop: the wait begins. */
  | { readonly kind: 'run-draining'; readonly pid: number; readonly signal: NodeJS.Signals }
  /** Told to stop once more: the wait is over. */
  | { readonly kind: 'run-skipped'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'run-stopping'; readonly pid: number }
  | { readonly kind: 'run-ended'; readonly pid: number; readonly end: ChildEnd }
  /** The wait has failed, and nobody knows who is connected: it holds all the same. */
  | { readonly kind: 'run-blind'; readonly reason: string; readonly restMs: number | null }
  /** Process 1 has to reap orphans, and can't. */
  | { readonly kind: 'run-not-reaping'; readonly reason: string };
