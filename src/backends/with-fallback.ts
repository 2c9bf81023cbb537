import { createProcfsBackend } from './procfs/procfs.ts';
import { factsOf } from './snapshot.ts';
import { createSockDiagBackend } from './sock-diag.ts';
import {
  type Backend,
  BackendError,
  type BackendName,
  type Endpoint,
  type EndpointResult,
  type OpenEndpoint,
  type TrackedEndpoint,
} from './types.ts';

/** Which backend is used for an endpoint, and why not the preferred one. */
export type BackendNotice =
  /** The first poll that gave an answer. */
  | {
      readonly kind: 'backend-chosen';
      /** What is polled. */
      readonly endpoint: Endpoint;
      /** The backend that polls it from now on. */
      readonly backend: BackendName;
      /** The preferred backend, where it is not the one that was chosen. */
      readonly skipped: SkippedBackend | null;
    }
  /** The backend in use has failed several times in a row, or saw no listener where another one does. */
  | {
      readonly kind: 'backend-switched';
      /** What is polled. */
      readonly endpoint: Endpoint;
      /** The backend that polls it from now on. */
      readonly backend: BackendName;
      /** The backend that polled it before. */
      readonly skipped: SkippedBackend;
    }
  /** Polls began to cost more than they should, or no longer do. Their answers are right either way. */
  | {
      readonly kind: 'backend-degraded';
      /** What is polled. */
      readonly endpoint: Endpoint;
      /** The backend that polls it. */
      readonly backend: BackendName;
      /** Why its polls cost more than they should; null once they no longer do. */
      readonly degraded: string | null;
    };

/** A backend that is not used, and why. */
export interface SkippedBackend {
  /** Which one. */
  readonly backend: BackendName;
  /** What went wrong, for people. */
  readonly reason: string;
}

/** Polls one endpoint by the best backend. None of its methods throws. */
export interface EndpointPoller {
  readonly poll: () => EndpointResult;
  /** What the chosen backend has open; null until one is chosen. Its methods may throw. */
  readonly current: () => OpenEndpoint | TrackedEndpoint | null;
  /** `TcpFacts.onEnd` of whatever backend is chosen, now or later. */
  readonly onEnd: (callback: () => void) => void;
  /** `TcpFacts.seenBetweenPolls` of all backends that were chosen. */
  readonly seenBetweenPolls: () => number;
  readonly close: () => void;
}

/** The backends, the preferred one first. */
export function createBackends(only: BackendName | 'auto', procRoot: string): Backend[] {
  const makers: Record<BackendName, () => Backend> = {
    'sock-diag': createSockDiagBackend,
    procfs: () => createProcfsBackend(`${procRoot}/net`),
  };
  return only === 'auto' ? Object.values(makers).map((make) => make()) : [makers[only]()];
}

// A failure is often over at the next poll. A snapshot without a listener is an answer: it is only
// compared with the other backends' now and then.
const pollsBeforeTrial = { failed: 5, polled: 50 } as const;

const pollsPerDegradedCheck = 50;

/**
 * Polls an endpoint by the first backend that sees its listener, and switches to another one when
 * the chosen one has failed several times in a row.
 *
 * @param backends in order of preference, at least one.
 */
export function withFallback(
  endpoint: Endpoint,
  backends: readonly Backend[],
  notify: (notice: BackendNotice) => void,
): EndpointPoller {
  let chosen: Chosen | null = null;
  let pollsWithoutListener = 0;
  let polls = 0;
  let degraded: string | null = null;
  let seenByFormer = 0;
  let onEnd: (() => void) | null = null;
  let isClosed = false;

  const closeChosen = (): void => {
    seenByFormer += seenBetweenPolls(chosen);
    chosen?.open.close();
    chosen = null;
  };

  const choose = (next: Chosen): void => {
    closeChosen();
    chosen = next;
    pollsWithoutListener = 0;
    degraded = null;
    reportEnds(next, onEnd);
  };

  const pollFirst = (): EndpointResult => {
    const attempts = pollInTurn(backends, endpoint);
    const best = bestOf(attempts);
    closeAllBut(best, attempts);
    if (best.result.kind === 'failed') {
      return { kind: 'failed', endpoint, error: combinedError(attempts, best.result.error) };
    }
    if (isAnswer(best)) {
      choose(best);
    }
    const [first] = attempts;
    const skipped = first === undefined || first === best ? null : skip(first);
    notify({ kind: 'backend-chosen', endpoint, backend: best.backend.name, skipped });
    return best.result;
  };

  const pollAgain = (current: Chosen): EndpointResult => {
    const result = pollOnce(current, endpoint);
    polls += 1;
    if (polls % pollsPerDegradedCheck === 1) {
      checkDegraded(current);
    }
    if (hasListener(result)) {
      pollsWithoutListener = 0;
      return result;
    }
    pollsWithoutListener += 1;
    return pollsWithoutListener % pollsBeforeTrial[result.kind] === 0
      ? tryOthers({ ...current, result })
      : result;
  };

  const checkDegraded = ({ backend, open }: Chosen): void => {
    const now = factsOf(open)?.degraded() ?? null;
    if (now !== degraded) {
      degraded = now;
      notify({ kind: 'backend-degraded', endpoint, backend: backend.name, degraded });
    }
  };

  const tryOthers = (current: Attempt): EndpointResult => {
    const others = pollInTurn(
      backends.filter((backend) => backend !== current.backend),
      endpoint,
    );
    const best = bestOf([current, ...others]);
    closeAllBut(best, others);
    if (best !== current && isAnswer(best)) {
      choose(best);
      const skipped = skip(current);
      notify({ kind: 'backend-switched', endpoint, backend: best.backend.name, skipped });
    }
    return best.result;
  };

  return {
    poll() {
      if (isClosed) {
        const error = new BackendError('ERR_CLOSED', 'poll', 'the endpoint was closed');
        return { kind: 'failed', endpoint, error };
      }
      return chosen === null ? pollFirst() : pollAgain(chosen);
    },
    current: () => chosen?.open ?? null,
    onEnd(callback) {
      onEnd = callback;
      if (chosen !== null) {
        reportEnds(chosen, onEnd);
      }
    },
    seenBetweenPolls: () => seenByFormer + seenBetweenPolls(chosen),
    close() {
      isClosed = true;
      closeChosen();
    },
  };
}

interface Chosen {
  readonly backend: Backend;
  readonly open: OpenEndpoint | TrackedEndpoint;
}

interface Attempt {
  readonly backend: Backend;
  /** Null if the backend could not open the endpoint. */
  readonly open: OpenEndpoint | TrackedEndpoint | null;
  readonly result: EndpointResult;
}

function isAnswer(attempt: Attempt): attempt is Attempt & Chosen {
  return attempt.open !== null && attempt.result.kind === 'polled';
}

/** Up to the first backend that sees a listener. */
function pollInTurn(backends: readonly Backend[], endpoint: Endpoint): Attempt[] {
  const attempts: Attempt[] = [];
  for (const backend of backends) {
    const attempt = openAndPoll(backend, endpoint);
    attempts.push(attempt);
    if (hasListener(attempt.result)) {
      break;
    }
  }
  return attempts;
}

function openAndPoll(backend: Backend, endpoint: Endpoint): Attempt {
  try {
    const open = backend.open(endpoint);
    return { backend, open, result: pollOnce({ backend, open }, endpoint) };
  } catch (error) {
    return { backend, open: null, result: failure(endpoint, error) };
  }
}

function pollOnce({ backend, open }: Chosen, endpoint: Endpoint): EndpointResult {
  try {
    return { kind: 'polled', endpoint, backend: backend.name, snapshot: open.poll() };
  } catch (error) {
    return failure(endpoint, error);
  }
}

// Anything but a backend's own error is a bug of ours. It must not end the wait.
function failure(endpoint: Endpoint, cause: unknown): EndpointResult & { kind: 'failed' } {
  if (cause instanceof BackendError) {
    return { kind: 'failed', endpoint, error: cause };
  }
  const message = `a bug in buildkit-drain: ${cause instanceof Error ? cause.message : cause}`;
  return {
    kind: 'failed',
    endpoint,
    error: new BackendError('ERR_BUG', 'poll', message, { cause }),
  };
}

// Reported ends only save time: without them, the next poll sees that a connection is gone.
function reportEnds({ open }: Chosen, callback: (() => void) | null): void {
  try {
    if (callback !== null) {
      factsOf(open)?.onEnd(callback);
    }
  } catch {}
}

function seenBetweenPolls(chosen: Chosen | null): number {
  return factsOf(chosen?.open ?? null)?.seenBetweenPolls() ?? 0;
}

function hasListener(result: EndpointResult): boolean {
  return result.kind === 'polled' && result.snapshot.listenerInodes.length > 0;
}

function bestOf(attempts: readonly Attempt[]): Attempt {
  const best =
    attempts.find(({ result }) => hasListener(result)) ?? attempts.find(isAnswer) ?? attempts[0];
  if (best === undefined) {
    throw new RangeError('Expected at least one backend but received none');
  }
  return best;
}

function closeAllBut(best: Attempt, attempts: readonly Attempt[]): void {
  for (const attempt of attempts) {
    if (attempt !== best || !isAnswer(best)) {
      attempt.open?.close();
    }
  }
}

function skip({ backend, result }: Attempt): SkippedBackend {
  const reason = result.kind === 'failed' ? result.error.message : 'it sees no listener';
  return { backend: backend.name, reason };
}

/** Of attempts that have all failed. */
function combinedError(attempts: readonly Attempt[], first: BackendError): BackendError {
  const reasons = attempts.map((attempt) => {
    const { backend, reason } = skip(attempt);
    return `${backend}: ${reason}`;
  });
  return new BackendError(first.code, first.operation, reasons.join('; '), { cause: first });
}
