import { peerText, plainAddress } from './addresses.ts';
import type { NativeAddon, NativeTcpSocket } from './native.ts';
import { tcpSnapshot } from './snapshot.ts';
import type { EndpointSnapshot, TcpEndpoint, Traffic } from './types.ts';
import type { EndpointTracker } from './watch.ts';

const counterUnreadable =
  "the kernel's counter of new connections (/proc/net/snmp) can't be read, so each look walks the " +
  "host's table of connections";

export function trackTcp(addon: NativeAddon, endpoint: TcpEndpoint): EndpointTracker {
  const tracker = new addon.TcpTracker(endpoint.localPort);
  let isAnnounced = false;
  let seen: { readonly revision: number; readonly snapshot: EndpointSnapshot } | undefined;

  return {
    poll() {
      const revision = tracker.poll();
      if (seen?.revision !== revision) {
        seen = { revision, snapshot: tcpSnapshot(endpoint, tracker.sockets()) };
      }
      return seen.snapshot;
    },
    isUnchanged() {
      return seen !== undefined && tracker.poll() === seen.revision;
    },
    traffic() {
      const sockets = tracker.socketsWithTraffic().filter(({ state }) => state !== 'listen');
      const connections = seen?.snapshot.connections ?? [];
      return new Map(
        sockets.flatMap((socket, index) => {
          const connection = connections[index];
          return connection?.inode === socket.inode ? [[connection, trafficOf(socket)]] : [];
        }),
      );
    },
    endedTraffic() {
      return tracker.takeEnded().map(({ peerAddress, peerPort, bytesReceived }) => {
        const address = peerPort === 0 ? null : plainAddress(peerAddress);
        const peer = address === null ? null : peerText(address, peerPort);
        return { peer, peerAddress: address, bytesReceived };
      });
    },
    onEnd(callback) {
      isAnnounced = tracker.onDestroyed(callback);
      return isAnnounced;
    },
    announcesEnds() {
      return isAnnounced;
    },
    seenBetweenPolls() {
      return tracker.seenBetweenPolls();
    },
    degraded() {
      return tracker.mode() === 'counter-unreadable' ? counterUnreadable : null;
    },
    mode() {
      return tracker.mode();
    },
    close() {
      tracker.close();
    },
  };
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
