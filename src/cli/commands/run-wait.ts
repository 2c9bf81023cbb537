import type { DrainInput } from '../../drain/drain.ts';
import { eventEntry, waitView } from '../../messages/events.ts';
import type { LogEntry } from '../../messages/log/log.ts';
import { monitorEntry } from '../../messages/monitor.ts';
import { gaveUpEntry, outcomeEntry } from '../../messages/outcome.ts';
import { mistakeEntry, restartEntry } from '../../messages/problems.ts';
import { ProcessNotFoundError } from '../../monitor/choose-targets.ts';
import { type WaitInput, type WaitOutcome, waitForDrain } from '../../monitor/wait-for-drain.ts';
import { UsageError } from '../../options/read.ts';
import { monitorOptions, pidMistake } from './open-monitor.ts';
import type { WaitPlan } from './plan-wait.ts';
import { openDeadline } from './wait-deadline.ts';

/** What a wait reports to, and what ends it. */
export interface WaitHooks
  extends Pick<DrainInput, 'signal' | 'onPoll'>,
    Pick<WaitInput, 'through'> {
  /** Called at the start with what tells the deadline, which may change: see DeadlineSource. */
  readonly onDeadline?: (timeoutMs: () => number | null) => void;
}

export interface EndedWait {
  readonly outcome: WaitOutcome;
  /** The last line of the log. */
  readonly lastEntry: LogEntry;
}

/** Every attempt of a wait has failed, until its deadline or a signal. */
export class WaitFailedError extends Error {
  override readonly name = 'WaitFailedError';
  readonly code = 'ERR_WAIT_FAILED';
}

const pauseMs = 1000;

/**
 * Waits once. An unexpected error does not end the wait, since builds would be killed: it starts again.
 *
 * @throws UsageError before the first poll, and WaitFailedError.
 */
export async function runWait(plan: WaitPlan, hooks: WaitHooks): Promise<EndedWait> {
  const { config, log, onUncaught } = plan;
  const startedMs = performance.now();
  const deadline = openDeadline(plan, startedMs);
  hooks.onDeadline?.(deadline.timeoutMs);
  const report = createFailureReporter(log);
  let abandon = report;
  const restoreUncaught = onUncaught((error) => abandon(error));
  let { options } = plan;
  let waitedMs = 0;

  const tryOnce = async (): Promise<EndedWait> => {
    const uncaught = new Promise<never>((_, reject) => {
      abandon = reject;
    });
    const beforeMs = waitedMs;
    const timeoutMs = (): number | null => {
      const ms = deadline.timeoutMs();
      return ms === null ? null : Math.max(1, Math.ceil(ms - beforeMs));
    };
    const rest = {
      ...config,
      timeoutMs: timeoutMs(),
      minWaitMs: Math.max(0, config.minWaitMs - waitedMs),
    };
    const ended = await waitOrAbandon(
      { ...plan, options, config: rest, deadline: { ...deadline, timeoutMs } },
      hooks,
      uncaught,
    );
    const outcome = { ...ended, waitedMs: ended.waitedMs + waitedMs };
    const lastEntry = outcomeEntry(outcome, rest, outcome.seenBetweenPolls);
    log(lastEntry);
    return { outcome, lastEntry };
  };
  const recover = async (error: unknown): Promise<void> => {
    abandon = report;
    if (error instanceof ProcessNotFoundError) {
      options = await withoutPid(error, { ...plan, options });
      return;
    }
    waitedMs = performance.now() - startedMs;
    report(error);
    if (hooks.signal.aborted || waitedMs >= (deadline.timeoutMs() ?? Infinity)) {
      throw gaveUp(error, plan, hooks.signal);
    }
    await pause(pauseMs, hooks.signal);
  };

  try {
    for (;;) {
      try {
        return await tryOnce();
      } catch (error) {
        await recover(error);
      }
    }
  } finally {
    deadline.close();
    restoreUncaught();
  }
}

/** @param uncaught rejects with an error that nothing has caught, and that may have stopped the wait. */
async function waitOrAbandon(
  { options, env, tls, config, log, deadline }: WaitPlan & Required<Pick<WaitInput, 'deadline'>>,
  { signal, onPoll, through }: WaitHooks,
  uncaught: Promise<never>,
): Promise<WaitOutcome> {
  // An abandoned wait may still be running, and is asked to end.
  const over = new AbortController();
  const interrupt = (): void => over.abort(signal.reason);
  signal.addEventListener('abort', interrupt);
  if (signal.aborted) {
    interrupt();
  }
  try {
    const waiting = waitForDrain({
      ...monitorOptions(options, env),
      ...{ config, tls, deadline, signal: over.signal },
      ...(onPoll !== undefined && { onPoll }),
      ...(through !== undefined && { through }),
      notify: (notice) => log(monitorEntry(notice)),
      onEvent: (event) => log(eventEntry(event, waitView(config))),
    });
    return await Promise.race([waiting, uncaught]);
  } finally {
    signal.removeEventListener('abort', interrupt);
    over.abort();
  }
}

/** Logs each failure once: a permanent one would fill the log. */
function createFailureReporter(log: WaitPlan['log']) {
  const reported = new Set<string>();
  return (error: unknown): void => {
    const reason = String(error);
    if (!reported.has(reason)) {
      reported.add(reason);
      log(restartEntry(error));
    }
  };
}

function gaveUp(cause: unknown, { log }: WaitPlan, signal: AbortSignal): WaitFailedError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  log(gaveUpEntry(reason, signal.aborted ? signal.reason : null));
  return new WaitFailedError(reason, { cause });
}

/** The process of `--pid` has ended: the daemons that are discovered take its place. @throws UsageError */
async function withoutPid(
  cause: ProcessNotFoundError,
  { options, goesOn, log }: WaitPlan,
): Promise<WaitPlan['options']> {
  const error = new UsageError(`--pid: ${cause.message}`, { cause });
  if (options.pid === null || !(await goesOn())) {
    throw error;
  }
  log(mistakeEntry(pidMistake(error)));
  return { ...options, pid: null };
}

function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, durationMs);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
