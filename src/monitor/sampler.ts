import { BackendError, type Endpoint, type Sample, type Sampler } from '../backends/types.ts';
import type { EndpointPoller } from '../backends/with-fallback.ts';
import { evaluate, isListening, listenersOf } from './evaluate.ts';
import { type Rediscovery, rediscover, type Target } from './targets.ts';
import type { DaemonWatch } from './watch-processes.ts';
import { type Watched, type WatchedEndpoints, watchEndpoints } from './watched-endpoints.ts';

export interface SamplerInput {
  readonly targets: readonly Target[];
  readonly open: (target: Target) => EndpointPoller;
  readonly daemon: DaemonWatch;
  /** Finds the daemons again; null if the targets were given and stay as they are. */
  readonly rediscovery: Rediscovery | null;
  /** How long a search is trusted while all is well. By default that is as short as a wait needs. */
  readonly trustMs?: number | undefined;
  /** Milliseconds since some fixed moment. */
  readonly now: () => number;
  /**
   * Called with the endpoints that have lost their listener, and whose clients are counted all the
   * same because all sockets of the daemon are known.
   */
  readonly onListenerGone: (silent: readonly Endpoint[]) => void;
}

/** A sampler that owns the endpoints it polls. */
export interface OpenSampler
  extends Sampler,
    Pick<WatchedEndpoints, 'targets' | 'onEnd' | 'seenBetweenPolls' | 'close'> {}

// Finding daemons costs far more than a poll, and a listener may come and go all the time.
const shortestSearchGapMs = 1000;

// Daemons may open further listeners, and nothing reports that. It matters most while no connection
// holds the wait.
const longestTrustMs = { withoutConnections: shortestSearchGapMs, withConnections: 5000 } as const;

/**
 * Samples all targets. When a listener is gone, the daemons are searched for again: another one may
 * have replaced the first, and listen elsewhere. Until that search has succeeded, no sample is
 * counted. The search is also repeated now and then while all is well, because a daemon may listen
 * on more addresses than before.
 */
export function createSampler(input: SamplerInput): OpenSampler {
  const { daemon, rediscovery, now } = input;
  const { all, poll, isUnchanged, loop, replace, ...endpoints } = watchEndpoints(
    input.targets,
    input.open,
  );
  let revision = 0;
  let wasSeen = false;
  let latest: Sample | null = null;
  let isTrusted = false;
  let silent: readonly Endpoint[] = [];
  let notFoundYet = rediscovery?.notFoundYet ?? null;
  let searchedMs = -Infinity;
  let trustedFromMs = now();

  const pollAndEvaluate = (): Sample => {
    const isChanged = poll();
    // A count stands while every endpoint is as it was, its listener included.
    if (!isChanged && latest?.kind === 'counted' && silent.length === 0) {
      daemon.remember(latest.results.flatMap(listenersOf));
      return latest;
    }
    wasSeen ||= all().some(({ isInUse }) => isInUse);
    const counting = all().filter(doesCount);
    const evaluated = evaluate(counting.length > 0 ? counting : all(), daemon, wasSeen);
    revision += 1;
    latest = evaluated.kind === 'counted' ? { ...evaluated, revision } : evaluated;
    noteSilent(silentIn(latest));
    return latest;
  };

  const noteSilent = (current: readonly Endpoint[]): void => {
    if (current.some((endpoint) => !silent.includes(endpoint))) {
      input.onListenerGone(current);
    }
    silent = current;
  };

  const trust = (sample: Sample): Sample => {
    noteTrusted(all());
    isTrusted = true;
    return sample;
  };

  /** The sample after a search for the daemons, unless the last search was a moment ago. */
  const searchAndSample = (sample: Sample, isKnown: boolean, how: Rediscovery): Sample => {
    const nowMs = now();
    if (nowMs - searchedMs < shortestSearchGapMs) {
      return isKnown ? sample : uncertain(sample, notFoundYet);
    }
    searchedMs = nowMs;
    trustedFromMs = nowMs;
    const found = rediscover(endpoints.targets(), how);
    notFoundYet = found.notFoundYet;
    if (notFoundYet !== null) {
      return uncertain(sample, notFoundYet);
    }
    if (found.isChanged) {
      replace(found.targets, how.isRunning);
      latest = null;
    }
    const current = trust(found.isChanged ? pollAndEvaluate() : sample);
    // The daemon's successor may have just started: the quiet period starts over.
    return !isKnown && lacksListener(current) ? uncertain(current, null) : current;
  };

  const take = (how: Rediscovery): Sample => {
    const sample = pollAndEvaluate();
    const isKnown = notFoundYet === null && !all().some(hasLostListener);
    return isKnown &&
      !lacksListener(sample) &&
      now() - trustedFromMs < longestTrustOf(sample, input.trustMs)
      ? trust(sample)
      : searchAndSample(sample, isKnown, how);
  };

  return {
    ...endpoints,
    sample() {
      isTrusted = false;
      return rediscovery === null ? trust(pollAndEvaluate()) : take(rediscovery);
    },
    isUnchanged: () => isTrusted && latest?.kind === 'counted' && isUnchanged(),
    loop: () => (isTrusted && latest?.kind === 'counted' ? loop() : null),
    searchDueMs: () =>
      rediscovery === null || latest === null
        ? Infinity
        : trustedFromMs + longestTrustOf(latest, input.trustMs),
  };
}

/** An endpoint that could not be polled counts in any case: it may have connections. */
function doesCount({ target, result, isInUse, isRepeated }: Watched): boolean {
  return result.kind === 'failed' || ((isInUse || !target.isAssumed) && !isRepeated);
}

/** The endpoints without a listener whose connections are counted all the same. */
function silentIn(sample: Sample): Endpoint[] {
  return sample.kind === 'counted'
    ? sample.results.filter((result) => !isListening(result)).map(({ endpoint }) => endpoint)
    : [];
}

function noteTrusted(watched: readonly Watched[]): void {
  for (const each of watched) {
    if (each.result.kind === 'polled') {
      each.trustedListeners = each.result.snapshot.listenerInodes;
    }
  }
}

function hasLostListener({ result, trustedListeners }: Watched): boolean {
  return (
    result.kind === 'polled' &&
    trustedListeners.some((inode) => !result.snapshot.listenerInodes.includes(inode))
  );
}

/** Whether an endpoint has no listener, be its clients counted or not. */
function lacksListener(sample: Sample): boolean {
  return sample.kind === 'failed'
    ? sample.error.code === 'ERR_NO_LISTENER'
    : sample.kind === 'counted' &&
        sample.results.some((result) => result.kind === 'polled' && !isListening(result));
}

function longestTrustOf(sample: Sample, trustMs: number | undefined): number {
  if (sample.kind !== 'counted') {
    return Infinity;
  }
  const { withConnections, withoutConnections } = longestTrustMs;
  return trustMs ?? (sample.connections.length > 0 ? withConnections : withoutConnections);
}

/** A daemon that is gone is gone in any case. But a count may be only a part of the connections. */
function uncertain(sample: Sample, notFoundYet: string | null): Sample {
  if (sample.kind !== 'counted') {
    return sample;
  }
  const { results, connections } = sample;
  const error =
    notFoundYet === null
      ? new BackendError(
          'ERR_LISTENER_REPLACED',
          'find the listener',
          'a listener is gone, and where the daemon listens now is not known yet',
        )
      : new BackendError(
          'ERR_NOT_FOUND_YET',
          'find the daemon',
          `where the daemon listens can't be read (${notFoundYet})`,
        );
  return { kind: 'failed', error, results, connections };
}
