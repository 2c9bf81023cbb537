import { socketNames, socketText } from './addresses.ts';
import { guarded, type NativeAddon, type NativeUnixTracker } from './native.ts';
import { looped } from './poll-loop.ts';
import { type Contents, unixConnection } from './snapshot.ts';
import type { Connection, EndpointSnapshot, OpenEndpoint, UnixEndpoint } from './types.ts';

const pollsPerSearch = 10;

interface Named {
  readonly name: string;
  readonly tracker: NativeUnixTracker;
  /** As of its latest poll. */
  revision: number;
}

/** The kernel keeps no traffic of unix sockets, and does not report their end. */
export function openUnix(addon: NativeAddon, endpoint: UnixEndpoint): OpenEndpoint {
  let trackers: Named[] = [];
  let pollsWithoutListener = 0;
  let revision = 0;
  let latest: EndpointSnapshot | undefined;
  let sumAtLatest = 0;

  const track = (name: string): Named =>
    trackers.find((named) => named.name === name) ?? {
      name,
      tracker: new addon.UnixTracker(nameBytes(name)),
      revision: 0,
    };

  // The directory of the socket may appear with the daemon, so its names are looked up again now and
  // then. While it listens, they stay.
  const findNames = (): void => {
    const before = trackers;
    trackers = socketNames(endpoint.path).map(track);
    for (const named of before) {
      if (!trackers.includes(named)) {
        named.tracker.close();
        latest = undefined;
      }
    }
  };

  // Each tracker's revision only rises, so the sum shows whether any of them did. If one of them
  // throws, nothing is taken over.
  const pollTrackers = (): number => {
    let sum = 0;
    for (const named of trackers) {
      named.revision = named.tracker.poll();
      sum += named.revision;
    }
    return sum;
  };

  const poll = (): EndpointSnapshot => {
    const hasListener = latest !== undefined && latest.listenerInodes.length > 0;
    if (!hasListener && pollsWithoutListener % pollsPerSearch === 0) {
      findNames();
    }
    pollsWithoutListener = hasListener ? 0 : pollsWithoutListener + 1;
    const sum = pollTrackers();
    if (latest === undefined || sum !== sumAtLatest) {
      sumAtLatest = sum;
      revision += 1;
      latest = { revision, ...unixContents(endpoint, trackers) };
    }
    return latest;
  };

  const open: OpenEndpoint = {
    poll: () => guarded(poll),
    close() {
      for (const { tracker } of trackers) {
        tracker.close();
      }
    },
  };
  return looped(open, (of) =>
    latest?.revision === of ? trackers.map(({ tracker, revision: own }) => [tracker, own]) : null,
  );
}

function unixContents(endpoint: UnixEndpoint, trackers: readonly Named[]): Contents {
  // A client that has closed its end has no inode any more, even though a stopped daemon may keep
  // the connection for long.
  const add = (to: Connection[], inode: number, peerInode: number): void => {
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
      add(accepted, inode, peerInode);
    }
    for (const { inode, queuedPeerInodes } of sockets.listeners) {
      listenerInodes.push(inode);
      for (const peerInode of queuedPeerInodes) {
        add(queued, 0, peerInode);
      }
    }
  }
  return { listenerInodes, connections: [...accepted, ...queued] };
}

/** unix(7): an abstract name begins with a zero byte, which is written as `@`. */
function nameBytes(name: string): Uint8Array {
  return Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : name);
}
