import type { Endpoint } from '../backends/types.ts';
import { callError } from './errors.ts';

export interface Limit {
  readonly endpoint: Endpoint;
  readonly timeoutMs: number;
  /** Aborted when the time is up, if not before. */
  readonly asking: AbortController;
}

/**
 * Asks with a time limit.
 *
 * @param ask must end with the signal's reason when the signal is raised, and report what it waits for.
 * @throws what `ask` throws; when the time is up, a BackendError (`ERR_CALL_TIMEOUT`) that says what it was waiting for.
 */
export async function withTimeout<Answer>(
  { endpoint: { address }, timeoutMs, asking }: Limit,
  ask: (signal: AbortSignal, onStage: (stage: string) => void) => Promise<Answer>,
): Promise<Answer> {
  let stage = 'to begin';
  const giveUp = (): void => {
    asking.abort(
      callError(
        'ERR_CALL_TIMEOUT',
        `${address} did not answer within ${timeoutMs}ms: it was waiting ${stage}`,
      ),
    );
  };
  const timer = setTimeout(giveUp, timeoutMs);
  try {
    return await ask(asking.signal, (next) => {
      stage = next;
    });
  } finally {
    clearTimeout(timer);
  }
}
