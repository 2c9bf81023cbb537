import { peerText, plainAddress } from './addresses.ts';
import { guarded, loadAddon, type NativeAddon, type NativeTcpSocket } from './native.ts';
import { requireLinux } from './platform.ts';
import { looped } from './poll-loop.ts';
import { tcpContents } from './snapshot.ts';
import { openUnix } from './sock-diag-unix.ts';
import type {
  Backend,
  EndpointSnapshot,
  TcpEndpoint,
  TrackedEndpoint,
  Traffic,
  TrafficOf,
} from './types.ts';

/**
 * The backend that asks the kernel over netlink (sock_diag(7)). It sees its own namespace.
 *
 * @throws BackendError (`ERR_PLATFORM`) on another system than Linux.
 */
export function createSockDiagBackend(): Backend {
  requireLinux();
  let loaded: { readonly addon: NativeAddon } | { readonly error: unknown } | undefined;

  // If the binary cannot be loaded, it never can be: try once, not at each poll.
  const addon = (): NativeAddon => {
    loaded ??= load();
    if ('error' in loaded) {
      throw loaded.error;
    }
    return loaded.addon;
  };

  return {
    name: 'sock-diag',
    open: (endpoint) =>
      guarded(() =>
        endpoint.kind === 'tcp' ? openTcp(addon(), endpoint) : openUnix(addon(), endpoint),
      ),
  };
}

function load(): { readonly addon: NativeAddon } | { readonly error: unknown } {
  try {
    return { addon: loadAddon() };
  } catch (error) {
    return { error };
  }
}

const counterUnreadable =
  "the kernel's counter of new connections (/proc/net/snmp) can't be read, so each poll walks the " +
  "host's table of connections";

function openTcp(addon: NativeAddon, endpoint: TcpEndpoint): TrackedEndpoint {
  const tracker = new addon.TcpTracker(endpoint.localPort);
  let latest: EndpointSnapshot | undefined;
  let announcesEnds = false;

  const traffic = (): TrafficOf => {
    const sockets = tracker.socketsWithTraffic().filter(({ state }) => state !== 'listen');
    const connections = latest?.connections ?? [];
    return new Map(
      sockets.flatMap((socket, index) => {
        const connection = connections[index];
        return connection?.inode === socket.inode ? [[connection, trafficOf(socket)]] : [];
      }),
    );
  };

  const open: TrackedEndpoint = {
    poll: () =>
      guarded(() => {
        const revision = tracker.poll();
        if (latest?.revision !== revision) {
          latest = { revision, ...tcpContents(endpoint, tracker.sockets()) };
        }
        return latest;
      }),
    traffic: () => guarded(traffic),
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
  return looped(open, (revision) => (latest?.revision === revision ? [[tracker, revision]] : null));
}

function trafficOf(socket: NativeTcpSocket): Traffic {
  return {
    bytesReceived: socket.bytesReceived,
    bytesAcked: socket.bytesAcked,
    msSinceReceived: socket.lastDataReceivedMs,
    msSinceSent: socket.lastDataSentMs,
    msSinceAcked: socket.lastAckReceivedMs,
    unanswered: socket.unanswered,
  };
}
