import type { Child } from './child.ts';
import { tellsToStop } from './signals.ts';
import type { ChildEnd, RunEvent } from './types.ts';

export interface SuperviseInput {
  readonly child: Child;
  /** Calls back for each signal that is to be passed on. */
  readonly onSignal: (callback: (signal: NodeJS.Signals) => void) => void;
  /** Waits until the daemon may stop, or until told to wait no more. Never rejects. */
  readonly wait: (signal: AbortSignal) => Promise<void>;
  readonly onEvent: (event: RunEvent) => void;
}

/**
 * Passes signals on to the daemon until it ends, and says how it did. The first one that tells to
 * stop is held back until the wait is over, which a second one or the daemon's end brings about at
 * once.
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
