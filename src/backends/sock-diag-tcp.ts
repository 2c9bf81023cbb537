import { peerText, plainAddress } from './addresses.ts';
import { guarded, type NativeAddon, type NativeTcpTracker } from './native.ts';
import { looped } from './poll-loop.ts';
import { tcpConnection } from './snapshot.ts';
import type {
  Connection,
  EndpointSnapshot,
  TcpEndpoint,
  TrackedEndpoint,
  Traffic,
  TrafficOf,
} from './types.ts';

const counterUnreadable =
  "the kernel's counter of new connections (/proc/net/snmp) can't be read, so each poll walks the " +
  "host's table of connections";

export function openTcp(addon: NativeAddon, endpoint: TcpEndpoint): TrackedEndpoint {
  const tracker = new addon.TcpTracker(endpoint.localPort);
  let latest: Latest | undefined;
  let announcesEnds = false;

  const poll = (): EndpointSnapshot => {
    const revision = tracker.poll();
    if (latest?.snapshot.revision !== revision) {
      latest = read(tracker, endpoint, revision, latest);
    }
    return latest.snapshot;
  };

  const open: TrackedEndpoint = {
    poll: () => guarded(poll),
    traffic: () => guarded(() => trafficOf(tracker, latest)),
    takeEnded: () =>
      guarded(() =>
        tracker.takeEnded().map(({ peerAddress, peerPort, bytesReceived }) => {
          const address = peerPort === 0 ? null : plainAddress(peerAddress);
          const peer = address === null ? null : peerText(address, peerPort);
          return { peer, peerAddress: address, bytesReceived };
        }),
      ),
    onEnd(callback) {
      announcesEnds = guarded(() => tracker.onDestroyed(callback));
      return announcesEnds;
    },
    announcesEnds: () => announcesEnds,
    seenBetweenPolls: () => tracker.seenBetweenPolls(),
    degraded: () => (tracker.mode() === 'counter-unreadable' ? counterUnreadable : null),
    mode: () => tracker.mode(),
    close: () => tracker.close(),
  };
  return looped(open, (revision) =>
    latest?.snapshot.revision === revision ? [[tracker, revision]] : null,
  );
}

interface Latest {
  readonly snapshot: EndpointSnapshot;
  readonly byCookie: ReadonlyMap<number, Connection>;
}

const nothing: Pick<Latest, 'byCookie'> = { byCookie: new Map() };

const idColumns = 3;

/** The snapshot of the latest poll. A connection that was there before is the same object in both. */
function read(
  tracker: NativeTcpTracker,
  endpoint: TcpEndpoint,
  revision: number,
  before: Pick<Latest, 'byCookie'> = nothing,
): Latest {
  const ids = tracker.ids();
  const listenerInodes: number[] = [];
  const byCookie = new Map<number, Connection>();
  const added: number[] = [];
  for (let at = 0; at < ids.length; at += idColumns) {
    const cookie = ids[at] as number;
    const inode = ids[at + 1] as number;
    const known = before.byCookie.get(cookie);
    if (ids[at + 2] === 1) {
      listenerInodes.push(inode);
    } else if (known?.inode === inode) {
      byCookie.set(cookie, known);
    } else {
      added.push(cookie);
    }
  }
  for (const socket of tracker.sockets(Float64Array.from(added))) {
    byCookie.set(Number(socket.cookie), tcpConnection(endpoint, socket));
  }
  return { snapshot: { revision, listenerInodes, connections: [...byCookie.values()] }, byCookie };
}

const trafficColumns = 7;

/** The traffic that the latest poll of the tracker has read, of the connections of a snapshot. */
function trafficOf(tracker: NativeTcpTracker, latest: Latest | undefined): TrafficOf {
  const traffic = new Map<Connection, Traffic>();
  const rows = tracker.traffic();
  for (let at = 0; at < rows.length; at += trafficColumns) {
    const connection = latest?.byCookie.get(rows[at] as number);
    if (connection !== undefined) {
      traffic.set(connection, {
        bytesReceived: known(rows[at + 1]),
        bytesAcked: known(rows[at + 2]),
        msSinceReceived: known(rows[at + 3]),
        msSinceSent: known(rows[at + 4]),
        msSinceAcked: known(rows[at + 5]),
        unanswered: known(rows[at + 6]),
      });
    }
  }
  return traffic;
}

function known(number: number | undefined): number | null {
  return number === undefined || number < 0 ? null : number;
}
