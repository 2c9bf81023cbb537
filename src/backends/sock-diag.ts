import { closedError } from './closed.ts';
import { fromNative, loadAddon, type NativeAddon } from './native.ts';
import { type Endpoint, InspectError, type Inspector } from './types.ts';
import type { Watch } from './watch.ts';
import { watchTcp } from './watch-tcp.ts';
import { watchUnix } from './watch-unix.ts';

/**
 * The inspector that asks the kernel over netlink (sock_diag(7)). It sees its own namespace, and
 * keeps descriptors open for each endpoint that it has looked at.
 */
export function createSockDiagInspector(): Inspector {
  let loaded: NativeAddon | InspectError | undefined;
  let isClosed = false;
  // By what is looked at: names that differ in what can't be seen have the same text.
  const watches = new Map<string | number, Watch>();

  // A binary that could not be loaded stays so: it is tried once, not at every look.
  const addon = (): NativeAddon => {
    loaded ??= load();
    if (loaded instanceof InspectError) {
      throw loaded;
    }
    return loaded;
  };

  const watchOf = (endpoint: Endpoint): Watch => {
    if (isClosed) {
      throw closedError();
    }
    let watch = watches.get(placeOf(endpoint));
    if (watch === undefined) {
      watch = endpoint.kind === 'tcp' ? watchTcp(addon(), endpoint) : watchUnix(addon(), endpoint);
      watches.set(placeOf(endpoint), watch);
    }
    return watch;
  };

  return {
    name: 'sock-diag',
    look(endpoint) {
      return ask(() => watchOf(endpoint).look());
    },
    isUnchanged(endpoint) {
      return ask(() => watches.get(placeOf(endpoint))?.isUnchanged() ?? false);
    },
    traffic(endpoint) {
      return ask(() => watchOf(endpoint).traffic());
    },
    endedTraffic(endpoint) {
      return ask(() => watches.get(placeOf(endpoint))?.endedTraffic() ?? []);
    },
    onEnd(endpoint, callback) {
      return ask(() => watchOf(endpoint).onEnd(callback));
    },
    announcesEnds(endpoint) {
      return watches.get(placeOf(endpoint))?.announcesEnds() ?? false;
    },
    seenBetweenLooks(endpoint) {
      return watches.get(placeOf(endpoint))?.seenBetweenLooks() ?? 0;
    },
    handicap(endpoint) {
      return watches.get(placeOf(endpoint))?.handicap() ?? null;
    },
    mode(endpoint) {
      return watches.get(placeOf(endpoint))?.mode() ?? null;
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

function placeOf(endpoint: Endpoint): string | number {
  return endpoint.kind === 'tcp' ? endpoint.localPort : endpoint.path;
}

function load(): NativeAddon | InspectError {
  try {
    return loadAddon();
  } catch (error) {
    return asInspectError(error);
  }
}

function ask<Answer>(question: () => Answer): Answer {
  try {
    return question();
  } catch (error) {
    throw asInspectError(error);
  }
}

function asInspectError(error: unknown): InspectError {
  return error instanceof InspectError ? error : fromNative(error);
}
