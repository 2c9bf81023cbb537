import type { Endpoint } from '../backends/types.ts';
import { askError } from './errors.ts';

export interface Limit {
  readonly endpoint: Endpoint;
  readonly timeoutMs: number;
  /** Aborted when the time is up, if not by somebody else before. */
  readonly asking: AbortController;
}

/**
 * Asks within a time.
 *
 * @param ask is to end when the signal says so, with its reason, and to tell what it waits for.
 * @throws what `ask` throws: where the time was up, an BackendError (`ERR_ASK_TIMEOUT`) that tells
 * what it was waiting for.
 */
export async function withTimeout<Answer>(
  { endpoint: { address }, timeoutMs, asking }: Limit,
  ask: (signal: AbortSignal, onStage: (stage: string) => void) => Promise<Answer>,
): Promise<Answer> {
  let stage = 'to begin';
  const giveUp = (): void => {
    asking.abort(
      askError(
        'ERR_ASK_TIMEOUT',
        `${address} did not answer within ${timeoutMs}ms: the time went by in waiting ${stage}`,
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
