import { noDeadlineEntry } from '../../messages/environment-entries.ts';
import { anewEntry, gaveUpEntry } from '../../messages/failure.ts';
import { mistakeEntry } from '../../messages/settings.ts';
import { isInPod } from '../../monitor/container.ts';
import { UsageError } from '../../options/read.ts';
import { pidMistake } from '../settings.ts';
import type { WaitPlan } from './plan-wait.ts';
import { type EndedWait, type WaitHooks, waitOnce } from './wait-once.ts';

/** A wait that failed each time it was started, until its deadline or a signal. */
export class WaitFailedError extends Error {
  override readonly name = 'WaitFailedError';
  readonly code = 'ERR_WAIT_FAILED';
}

const pauseMs = 1000;

/**
 * Waits once. An unexpected error does not end it, since builds would be killed: it starts again.
 *
 * @throws UsageError before anything is looked at, and WaitFailedError.
 */
export async function runWait(plan: WaitPlan, hooks: WaitHooks): Promise<EndedWait> {
  const { config, env, log, onUncaught } = plan;
  if (config.timeoutMs === null && isInPod(env)) {
    log(noDeadlineEntry());
  }
  const startedMs = performance.now();
  const tell = createTeller(log);
  let breakOff = tell;
  const unhear = onUncaught((error) => breakOff(error));
  let { options } = plan;
  let waitedMs = 0;

  const tryOnce = (): Promise<EndedWait> => {
    const broken = new Promise<never>((_, reject) => {
      breakOff = reject;
    });
    const rest = {
      ...config,
      timeoutMs:
        config.timeoutMs === null ? null : Math.max(1, Math.ceil(config.timeoutMs - waitedMs)),
      minWaitMs: Math.max(0, config.minWaitMs - waitedMs),
    };
    return waitOnce({ ...plan, options, config: rest }, hooks, { waitedMs, broken });
  };
  const recover = async (error: unknown): Promise<void> => {
    breakOff = tell;
    if (error instanceof UsageError) {
      options = await withoutPid(error, { ...plan, options });
      return;
    }
    waitedMs = performance.now() - startedMs;
    tell(error);
    if (hooks.signal.aborted || waitedMs >= (config.timeoutMs ?? Infinity)) {
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
    unhear();
  }
}

/** Tells of each failure once: what fails always would fill the log. */
function createTeller(log: WaitPlan['log']) {
  const told = new Set<string>();
  return (error: unknown): void => {
    const reason = String(error);
    if (!told.has(reason)) {
      told.add(reason);
      log(anewEntry(error));
    }
  };
}

function gaveUp(cause: unknown, { log }: WaitPlan, signal: AbortSignal): WaitFailedError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  log(gaveUpEntry(reason, signal.aborted ? signal.reason : null));
  return new WaitFailedError(reason, { cause });
}

/** The process of `--pid` is no more: what is found counts in its place. @throws UsageError */
async function withoutPid(
  error: UsageError,
  { options, goesOn, log }: WaitPlan,
): Promise<WaitPlan['options']> {
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
