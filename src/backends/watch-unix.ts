import { socketText } from './addresses.ts';
import type { NativeAddon, NativeUnixTracker } from './native.ts';
import { unixConnection } from './snapshot.ts';
import { socketNames } from './socket-names.ts';
import type { Connection, EndpointSnapshot, UnixEndpoint } from './types.ts';
import type { EndpointTracker } from './watch.ts';

const looksPerSearch = 10;

interface Named {
  readonly name: string;
  readonly tracker: NativeUnixTracker;
}

/** Of unix sockets the kernel keeps no traffic, and it tells nobody of their end. */
export function trackUnix(addon: NativeAddon, endpoint: UnixEndpoint): EndpointTracker {
  let trackers: Named[] = [];
  let silentLooks = 0;
  let seen: { readonly revision: number; readonly snapshot: EndpointSnapshot } | undefined;

  const track = (name: string): Named =>
    trackers.find((named) => named.name === name) ?? {
      name,
      tracker: new addon.UnixTracker(nameBytes(name)),
    };

  // The way to the socket may come to be with the daemon, so that its names are found anew now and
  // then; while it listens, they stay.
  const follow = (): void => {
    const names = socketNames(endpoint.path);
    const before = trackers;
    trackers = names.map(track);
    for (const named of before) {
      if (!trackers.includes(named)) {
        named.tracker.close();
        seen = undefined;
      }
    }
  };

  // Each revision only rises, so that their sum tells whether any did. Where one of them can't be
  // had, nothing is taken in.
  const poll = (): number => {
    let sum = 0;
    for (const { tracker } of trackers) {
      sum += tracker.poll();
    }
    return sum;
  };

  return {
    poll() {
      const isSilent = seen === undefined || seen.snapshot.listenerInodes.length === 0;
      if (isSilent && silentLooks % looksPerSearch === 0) {
        follow();
      }
      silentLooks = isSilent ? silentLooks + 1 : 0;
      const revision = poll();
      if (seen?.revision !== revision) {
        seen = { revision, snapshot: unixSight(endpoint, trackers) };
      }
      return seen.snapshot;
    },
    isUnchanged() {
      const isListening = seen !== undefined && seen.snapshot.listenerInodes.length > 0;
      return isListening && poll() === seen?.revision;
    },
    traffic() {
      return new Map();
    },
    endedTraffic() {
      return [];
    },
    onEnd() {
      return false;
    },
    announcesEnds() {
      return false;
    },
    seenBetweenPolls() {
      return 0;
    },
    degraded() {
      return null;
    },
    mode() {
      return null;
    },
    close() {
      for (const { tracker } of trackers) {
        tracker.close();
      }
    },
  };
}

function unixSight(endpoint: UnixEndpoint, trackers: readonly Named[]): EndpointSnapshot {
  // A client that has closed its end has left, and its inode with it, though a daemon that does not
  // run may keep the connection for long.
  const take = (to: Connection[], inode: number, peerInode: number): void => {
    if (peerInode !== 0) {
      to.push(unixConnection(endpoint, inode, socketText(peerInode)));
    }
  };
  const listenerInodes: number[] = [];
  const accepted: Connection[] = [];
  const queued: Connection[] = [];
  for (const { tracker } of trackers) {
    const sockets = tracker.sockets();
    for (const { inode, peerInode } of sockets.accepted) {
      take(accepted, inode, peerInode);
    }
    for (const { inode, queuedPeerInodes } of sockets.listeners) {
      listenerInodes.push(inode);
      for (const peerInode of queuedPeerInodes) {
        take(queued, 0, peerInode);
      }
    }
  }
  return { listenerInodes, connections: [...accepted, ...queued] };
}

/** unix(7): an abstract name begins with a zero byte, for which people write `@`. */
function nameBytes(name: string): Uint8Array {
  return Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : name);
}
