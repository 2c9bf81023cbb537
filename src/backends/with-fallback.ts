import {
  type Backend,
  BackendError,
  type BackendName,
  type EndedConnection,
  type Endpoint,
  type EndpointResult,
  type TrafficOf,
} from './types.ts';

/** Which means of looking is used for an endpoint, and why not the one that comes first. */
export type BackendNotice =
  | {
      readonly kind: 'backend-chosen';
      readonly endpoint: Endpoint;
      readonly backend: BackendName;
      readonly skipped: SkippedBackend | null;
    }
  | {
      readonly kind: 'backend-switched';
      readonly endpoint: Endpoint;
      readonly backend: BackendName;
      readonly skipped: SkippedBackend;
    }
  | {
      readonly kind: 'backend-degraded';
      readonly endpoint: Endpoint;
      readonly backend: BackendName;
      /** Why its looks cost more than they have to; null when they no longer do. */
      readonly degraded: string | null;
    };

/** Looks at one endpoint. Nothing of it throws. */
export interface EndpointPoller {
  readonly poll: () => EndpointResult;
  /** Whether a look now would return the very look of the last time, its listener included. */
  readonly isUnchanged: () => boolean;
  /** The traffic of the latest look's connections, as far as it is to be had. */
  readonly traffic: () => TrafficOf;
  /** The connections that have ended since the last call, as far as they are told. */
  readonly endedTraffic: () => readonly EndedConnection[];
  /** Whether the ends of the latest look's connections will be told without any look. */
  readonly announcesEnds: () => boolean;
}

export interface SkippedBackend {
  readonly backend: BackendName;
  readonly reason: string;
}

// A failure is often over at the next look. An answer without a listener is an answer: it is
// only checked against the other means now and then.
const looksBeforeTrial = { failed: 5, 'no listener': 50 } as const;

const looksPerHandicap = 50;

/**
 * Looks at one endpoint by the first backend that sees its listener, and changes to another one
 * when the chosen one has failed several times in a row. While nothing changes, the same look is
 * handed back.
 *
 * @param backends in order of preference, at least one.
 */
export function withFallback(
  endpoint: Endpoint,
  backends: readonly Backend[],
  notify: (notice: BackendNotice) => void,
): EndpointPoller {
  let chosen: Backend | undefined;
  let unvouchedInARow = 0;
  let last: EndpointResult | undefined;
  let results = 0;
  let degraded: string | null = null;

  const choose = (): EndpointResult => {
    const tried = pollInTurn(backends, endpoint);
    const best = bestOf(tried);
    if (best.result.kind === 'failed') {
      return { kind: 'failed', endpoint, error: combinedError(tried, best.result.error) };
    }
    chosen = best.backend;
    const [first] = tried;
    const skipped = first === undefined || first === best ? null : skip(first);
    notify({ kind: 'backend-chosen', endpoint, backend: chosen.name, skipped });
    return best.result;
  };

  const tellHandicap = (current: Backend): void => {
    const now = current.degraded?.(endpoint) ?? null;
    if (now !== degraded) {
      degraded = now;
      notify({ kind: 'backend-degraded', endpoint, backend: current.name, degraded });
    }
  };

  const pollAgain = (current: Backend): EndpointResult => {
    const result = pollOnce(current, endpoint, last);
    last = result;
    results += 1;
    if (results % looksPerHandicap === 1) {
      tellHandicap(current);
    }
    if (vouches(result)) {
      unvouchedInARow = 0;
      return result;
    }
    unvouchedInARow += 1;
    const patience = looksBeforeTrial[result.kind === 'failed' ? 'failed' : 'no listener'];
    return unvouchedInARow % patience === 0 ? trial({ backend: current, result }) : result;
  };

  const trial = (current: Attempt): EndpointResult => {
    const others = backends.filter((backend) => backend !== current.backend);
    const best = bestOf([current, ...pollInTurn(others, endpoint)]);
    if (best !== current) {
      chosen = best.backend;
      unvouchedInARow = 0;
      // It was the other one's: that it is over is not this one's to tell.
      degraded = null;
      const skipped = skip(current);
      notify({ kind: 'backend-switched', endpoint, backend: chosen.name, skipped });
    }
    return best.result;
  };

  return {
    poll: () => (chosen === undefined ? choose() : pollAgain(chosen)),
    isUnchanged() {
      return last !== undefined && vouches(last) && hasNothingNew(chosen, endpoint);
    },
    traffic() {
      return trafficOf(chosen, endpoint);
    },
    endedTraffic() {
      return endedTrafficOf(chosen, endpoint);
    },
    announcesEnds() {
      return chosen?.announcesEnds?.(endpoint) ?? false;
    },
  };
}

// Where it fails, the look that follows does so as well, and tells why.
function hasNothingNew(backend: Backend | undefined, endpoint: Endpoint): boolean {
  try {
    return backend?.isUnchanged?.(endpoint) ?? false;
  } catch {
    return false;
  }
}

// Traffic only ever takes connections out of the count: unknown, they stay in it.
function trafficOf(backend: Backend | undefined, endpoint: Endpoint): TrafficOf {
  try {
    return backend?.traffic?.(endpoint) ?? new Map();
  } catch {
    return new Map();
  }
}

// As good as a kernel that does not tell.
function endedTrafficOf(
  backend: Backend | undefined,
  endpoint: Endpoint,
): readonly EndedConnection[] {
  try {
    return backend?.endedTraffic?.(endpoint) ?? [];
  } catch {
    return [];
  }
}

interface Attempt {
  readonly backend: Backend;
  readonly result: EndpointResult;
}

function pollInTurn(backends: readonly Backend[], endpoint: Endpoint): Attempt[] {
  const tried: Attempt[] = [];
  for (const backend of backends) {
    const result = pollOnce(backend, endpoint);
    tried.push({ backend, result });
    if (vouches(result)) {
      break;
    }
  }
  return tried;
}

/** @param known an earlier look, handed back where it is the same. */
function pollOnce(backend: Backend, endpoint: Endpoint, known?: EndpointResult): EndpointResult {
  try {
    const snapshot = backend.poll(endpoint);
    if (known?.kind === 'polled' && known.snapshot === snapshot && known.backend === backend.name) {
      return known;
    }
    return { kind: 'polled', endpoint, backend: backend.name, snapshot };
  } catch (error) {
    return { kind: 'failed', endpoint, error: asBackendError(error) };
  }
}

// What a backend throws beside its own errors is a bug of ours. It must not end the wait.
function asBackendError(error: unknown): BackendError {
  if (error instanceof BackendError) {
    return error;
  }
  const message = `a bug in buildkit-drain: ${error instanceof Error ? error.message : error}`;
  return new BackendError('ERR_BUG', 'look', message, { cause: error });
}

function vouches(result: EndpointResult): boolean {
  return result.kind === 'polled' && result.snapshot.listenerInodes.length > 0;
}

function bestOf(tried: readonly Attempt[]): Attempt {
  const best =
    tried.find(({ result }) => vouches(result)) ??
    tried.find(({ result }) => result.kind === 'polled') ??
    tried[0];
  if (best === undefined) {
    throw new RangeError('Expected at least one backend but received none');
  }
  return best;
}

function skip({ backend, result }: Attempt): SkippedBackend {
  const reason = result.kind === 'failed' ? result.error.message : 'it sees no listener';
  return { backend: backend.name, reason };
}

function combinedError(tried: readonly Attempt[], first: BackendError): BackendError {
  const reasons = tried.map((attempt) => {
    const { backend, reason } = skip(attempt);
    return `${backend}: ${reason}`;
  });
  return new BackendError(first.code, first.operation, reasons.join('; '), { cause: first });
}
