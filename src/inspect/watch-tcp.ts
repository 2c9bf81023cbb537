import type { NativeAddon } from './native.ts';
import { tcpSight } from './sight.ts';
import type { Sight, TcpEndpoint } from './types.ts';
import type { Watch } from './watch.ts';

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
    close() {
      tracker.close();
    },
  };
}
