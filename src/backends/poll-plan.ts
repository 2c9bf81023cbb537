/** Polls that are to find no change, and when they are over in any case. All times are in milliseconds. */
export interface PollPlan {
  readonly intervalMs: number;
  /** From now on; no poll of these begins later. */
  readonly dueInMs: number;
  /** The longest time between the beginnings of two polls: after a longer gap, these are over. */
  readonly longestGapMs: number;
  /** How long ago the poll before them began. */
  readonly sinceLastMs: number;
  /** Whether traffic that differs from what was read last is a change. */
  readonly seesTraffic: boolean;
  /** Whether a connection that came and went unseen is a change, whatever it transferred. */
  readonly seesBetweenPolls: boolean;
}

/**
 * Polls endpoints in the event loop, which that keeps alive, without running JavaScript: most polls of
 * a wait find no change, and JavaScript takes most of what those cost.
 */
export interface PollLoop {
  /**
   * Begins to poll. A run that is under way ends without a call.
   *
   * @param onEnd is called once, when the next poll is not one of these: one has found a change or has
   * failed, or the plan's times are over.
   * @returns false if this runtime has no timer for it.
   */
  start(plan: PollPlan, onEnd: () => void): boolean;
  /** Ends the run without a call. */
  stop(): void;
  /** How many polls of the latest run have found no change. It goes on while that runs. */
  polls(): number;
  /** When the last one of them began, in milliseconds since the start; negative if there is none. */
  lastMs(): number;
}
