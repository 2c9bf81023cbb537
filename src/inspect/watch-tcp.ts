import type { NativeAddon } from './native.ts';
import { tcpSight } from './sight.ts';
import type { Sight, TcpEndpoint } from './types.ts';
import type { Watch } from './watch.ts';

const counterUnreadable =
  "the kernel's counter of new connections (/proc/net/snmp) can't be read, so each look walks the " +
  "host's table of connections";

export function watchTcp(addon: NativeAddon, endpoint: TcpEndpoint): Watch {
  const tracker = new addon.TcpTracker(endpoint.localPort);
  let seen: { readonly revision: number; readonly sight: Sight } | undefined;

  return {
    look(withTraffic) {
      const revision = tracker.poll();
      if (withTraffic) {
        return tcpSight(endpoint, tracker.socketsWithTraffic());
      }
      if (seen?.revision !== revision) {
        seen = { revision, sight: tcpSight(endpoint, tracker.sockets()) };
      }
      return seen.sight;
    },
    onEnd(callback) {
      return tracker.onDestroyed(callback);
    },
    seenBetweenLooks() {
      return tracker.seenBetweenPolls();
    },
    handicap() {
      return tracker.mode() === 'counter-unreadable' ? counterUnreadable : null;
    },
    close() {
      tracker.close();
    },
  };
}
