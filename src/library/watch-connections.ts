import type { Backend, Endpoint } from '../backends/types.ts';
import { atMostEvery, shortestWakeMs } from '../monitor/monitor.ts';
import { type ConnectionsUpdate, createChanges } from './connection-changes.ts';
import { openPoller } from './count-connections.ts';

/** The updates of a watch, one for each call of `next`. */
export interface ConnectionsWatch extends AsyncDisposable {
  /**
   * Resolves with the next update, at once if there has been a change since the last one. It never rejects but once
   * the signal has aborted: then once, with an `AbortError`.
   */
  next(): Promise<IteratorResult<ConnectionsUpdate, undefined>>;
  /** Frees the descriptors and ends the watch. A second call does nothing. */
  return(): Promise<IteratorReturnResult<undefined>>;
  /** The watch itself, for `for await`. */
  [Symbol.asyncIterator](): ConnectionsWatch;
}

interface WatchInput {
  readonly endpoint: Endpoint;
  /** The preferred one first. */
  readonly backends: readonly Backend[];
  readonly intervalMs: number;
  readonly signal: AbortSignal | undefined;
}

interface Waiting {
  readonly resolve: (result: IteratorResult<ConnectionsUpdate, undefined>) => void;
  readonly reject: (error: Error) => void;
}

/** Holds nothing before the first call of `next`. */
export function watchConnections(input: WatchInput): ConnectionsWatch {
  const { endpoint, backends, intervalMs, signal } = input;
  const changes = createChanges();
  const waiting: Waiting[] = [];
  let open: { poller: ReturnType<typeof openPoller>; timer: NodeJS.Timeout } | null = null;
  let isOver = false;
  let failure: Error | null = null;

  /** @returns whether there is an answer yet. */
  const answer = ({ resolve, reject }: Waiting): boolean => {
    if (failure !== null) {
      reject(failure);
      failure = null;
      return true;
    }
    if (isOver) {
      resolve({ done: true, value: undefined });
      return true;
    }
    const update = changes.take(open?.poller.skipped() ?? null);
    if (update === null) {
      return false;
    }
    resolve({ done: false, value: update });
    return true;
  };

  const answerAll = (): void => {
    while (waiting[0] !== undefined && answer(waiting[0])) {
      waiting.shift();
    }
    // Only what waits for an update keeps the process alive. In between, polls go on.
    open?.timer[waiting.length > 0 ? 'ref' : 'unref']();
  };

  const poll = (): void => {
    if (open !== null) {
      changes.observe(open.poller.poll(), open.poller.seenBetweenPolls());
      answerAll();
    }
  };

  const end = (): void => {
    isOver = true;
    signal?.removeEventListener('abort', abort);
    clearInterval(open?.timer);
    open?.poller.close();
    open = null;
    answerAll();
  };

  const abort = (): void => {
    failure = new AbortError(signal?.reason);
    end();
  };

  const begin = (): void => {
    if (signal?.aborted) {
      abort();
      return;
    }
    signal?.addEventListener('abort', abort);
    open = { poller: openPoller(endpoint, backends), timer: setInterval(poll, intervalMs) };
    open.poller.onEnd(atMostEvery(shortestWakeMs, poll));
    poll();
  };

  const watch: ConnectionsWatch = {
    next: () =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        if (open === null && !isOver) {
          begin();
        } else {
          answerAll();
        }
      }),
    async return() {
      failure = null;
      end();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => watch,
    async [Symbol.asyncDispose]() {
      await watch.return();
    },
  };
  return watch;
}

/** As Node's own calls reject once their signal has aborted. */
class AbortError extends Error {
  override readonly name = 'AbortError';
  readonly code = 'ABORT_ERR';

  constructor(cause: unknown) {
    super('The operation was aborted', { cause });
  }
}
