import type { Child, ChildEnd } from './child.ts';

export interface SuperviseInput {
  readonly child: Child;
  /** Calls back for each signal to pass on. */
  readonly onSignal: (callback: (signal: NodeJS.Signals) => void) => void;
  /** Waits until the daemon may stop, or until the signal is raised. Never rejects. */
  readonly wait: (signal: AbortSignal) => Promise<void>;
  readonly onEvent: (event: RunEvent) => void;
}

/**
 * Passes signals on to the daemon until it ends, and returns how it ended. The first signal that asks to stop is held
 * back until the wait is over. A second one, or the daemon's end, ends the wait at once.
 */
export async function supervise({
  child,
  onSignal,
  wait,
  onEvent,
}: SuperviseInput): Promise<ChildEnd> {
  const { pid } = child;
  const over = new AbortController();
  let phase: 'running' | 'draining' | 'stopping' | 'ended' = 'running';
  let waiting = Promise.resolve();

  const stop = (): void => {
    if (phase === 'draining') {
      phase = 'stopping';
      onEvent({ kind: 'run-stopping', pid });
      child.kill('SIGTERM');
    }
  };

  onSignal((signal) => {
    if (phase === 'stopping' || !tellsToStop(signal)) {
      child.kill(signal);
    } else if (phase === 'running') {
      phase = 'draining';
      onEvent({ kind: 'run-draining', pid, signal });
      waiting = wait(over.signal).then(stop);
    } else if (phase === 'draining') {
      onEvent({ kind: 'run-skipped', signal });
      over.abort(signal);
      stop();
    }
  });

  const end = await child.ended;
  phase = 'ended';
  over.abort("the daemon's end");
  await waiting;
  onEvent({ kind: 'run-ended', pid, end });
  return end;
}

/** What happens to the daemon that `run` started. */
export type RunEvent =
  | { readonly kind: 'run-started'; readonly pid: number; readonly program: string }
  /** Told to stop: the wait begins. */
  | { readonly kind: 'run-draining'; readonly pid: number; readonly signal: NodeJS.Signals }
  /** Told to stop once more: the wait is over. */
  | { readonly kind: 'run-skipped'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'run-stopping'; readonly pid: number }
  | { readonly kind: 'run-ended'; readonly pid: number; readonly end: ChildEnd }
  /** The wait has failed and connections are unknown: SIGTERM is held back all the same. */
  | { readonly kind: 'run-unknown'; readonly reason: string; readonly restMs: number | null }
  /** This is process 1, and it cannot reap orphans. */
  | { readonly kind: 'run-not-reaping'; readonly reason: string };

/**
 * Waits. Where the wait fails, holds until the deadline or until `over` is raised: no failure may end a wait early.
 * Never rejects.
 */
export async function waitOrHold(
  wait: (over: AbortSignal) => Promise<void>,
  timeoutMs: number | null,
  over: AbortSignal,
  onEvent: (event: RunEvent) => void,
): Promise<void> {
  const startedMs = performance.now();
  try {
    await wait(over);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const restMs =
      timeoutMs === null ? null : Math.max(0, startedMs + timeoutMs - performance.now());
    onEvent({ kind: 'run-unknown', reason, restMs });
    await hold(restMs, over);
  }
}

function hold(restMs: number | null, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    over.addEventListener('abort', () => resolve());
    if (over.aborted) {
      resolve();
    } else if (restMs !== null) {
      setTimeout(resolve, restMs);
    }
  });
}

/**
 * The signals that are passed on to the daemon: those that can be caught, except
 *
 * - SIGCHLD, which reports the daemon's own end;
 * - SIGTTIN and SIGTTOU, by which the kernel stops a background process that uses the terminal;
 * - SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV and SIGSYS: a process that causes them cannot go on.
 */
export const passedOn = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGABRT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGSTKFLT',
  'SIGCONT',
  'SIGTSTP',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPWR',
] as const satisfies readonly NodeJS.Signals[];

/** Whether a signal asks the process to stop. Ctrl-C does, too, and the daemon is drained for it. */
function tellsToStop(signal: NodeJS.Signals): boolean {
  return signal === 'SIGTERM' || signal === 'SIGINT';
}

// signal(7): these leave a core file, which would be of the wrong process.
const dumping: readonly NodeJS.Signals[] = [
  ...(['SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS'] as const),
  ...(['SIGFPE', 'SIGSEGV', 'SIGXCPU', 'SIGXFSZ', 'SIGSYS'] as const),
];

export function leavesCore(signal: NodeJS.Signals): boolean {
  return dumping.includes(signal);
}
