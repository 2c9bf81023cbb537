import { closedError } from './closed.ts';
import { fromNative, loadAddon, type NativeAddon } from './native.ts';
import { type Backend, BackendError, type Endpoint } from './types.ts';
import type { EndpointTracker } from './watch.ts';
import { trackTcp } from './watch-tcp.ts';
import { trackUnix } from './watch-unix.ts';

/**
 * The backend that asks the kernel over netlink (sock_diag(7)). It sees its own namespace, and
 * keeps descriptors open for each endpoint that it has looked at.
 */
export function createSockDiagBackend(): Backend {
  let loaded: NativeAddon | BackendError | undefined;
  let isClosed = false;
  // By what is looked at: names that differ in what can't be seen have the same text.
  const watches = new Map<string | number, EndpointTracker>();

  // A binary that could not be loaded stays so: it is tried once, not at every look.
  const addon = (): NativeAddon => {
    loaded ??= load();
    if (loaded instanceof BackendError) {
      throw loaded;
    }
    return loaded;
  };

  const watchOf = (endpoint: Endpoint): EndpointTracker => {
    if (isClosed) {
      throw closedError();
    }
    let watch = watches.get(endpointKey(endpoint));
    if (watch === undefined) {
      watch = endpoint.kind === 'tcp' ? trackTcp(addon(), endpoint) : trackUnix(addon(), endpoint);
      watches.set(endpointKey(endpoint), watch);
    }
    return watch;
  };

  return {
    name: 'sock-diag',
    poll(endpoint) {
      return ask(() => watchOf(endpoint).poll());
    },
    isUnchanged(endpoint) {
      return ask(() => watches.get(endpointKey(endpoint))?.isUnchanged() ?? false);
    },
    traffic(endpoint) {
      return ask(() => watchOf(endpoint).traffic());
    },
    endedTraffic(endpoint) {
      return ask(() => watches.get(endpointKey(endpoint))?.endedTraffic() ?? []);
    },
    onEnd(endpoint, callback) {
      return ask(() => watchOf(endpoint).onEnd(callback));
    },
    announcesEnds(endpoint) {
      return watches.get(endpointKey(endpoint))?.announcesEnds() ?? false;
    },
    seenBetweenPolls(endpoint) {
      return watches.get(endpointKey(endpoint))?.seenBetweenPolls() ?? 0;
    },
    degraded(endpoint) {
      return watches.get(endpointKey(endpoint))?.degraded() ?? null;
    },
    mode(endpoint) {
      return watches.get(endpointKey(endpoint))?.mode() ?? null;
    },
    close() {
      isClosed = true;
      for (const watch of watches.values()) {
        watch.close();
      }
      watches.clear();
    },
  };
}

function endpointKey(endpoint: Endpoint): string | number {
  return endpoint.kind === 'tcp' ? endpoint.localPort : endpoint.path;
}

function load(): NativeAddon | BackendError {
  try {
    return loadAddon();
  } catch (error) {
    return asBackendError(error);
  }
}

function ask<Answer>(question: () => Answer): Answer {
  try {
    return question();
  } catch (error) {
    throw asBackendError(error);
  }
}

function asBackendError(error: unknown): BackendError {
  return error instanceof BackendError ? error : fromNative(error);
}
