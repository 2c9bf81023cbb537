import { guarded, loadAddon, type NativeAddon } from './native.ts';
import { requireLinux } from './platform.ts';
import { openTcp } from './sock-diag-tcp.ts';
import { openUnix } from './sock-diag-unix.ts';
import type { Backend } from './types.ts';

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
