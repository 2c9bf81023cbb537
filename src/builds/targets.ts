import type { Endpoint } from '../inspect/types.ts';

/** Where to connect to: what `node:net` takes. */
export type Target = { readonly path: string } | { readonly host: string; readonly port: number };

const allAddresses: Readonly<Record<string, readonly string[]>> = {
  '0.0.0.0': ['127.0.0.1'],
  '::': ['::1', '127.0.0.1'],
  // As Go reads it, and so buildkitd.
  '': ['::1', '127.0.0.1'],
};

/**
 * Where a daemon can be reached that listens on this endpoint, one after the other. One that listens
 * on all addresses is asked over the loopback interface, and every other one where it listens.
 */
export function targetsOf(endpoint: Endpoint): readonly Target[] {
  if (endpoint.kind === 'unix') {
    return [{ path: endpoint.path.replace(/^@/, '\0') }];
  }
  const host = hostOf(endpoint.address);
  return (allAddresses[host] ?? [host]).map((each) => ({ host: each, port: endpoint.localPort }));
}

function hostOf(address: string): string {
  const [, host = ''] = /^tcp:\/\/(.*):\d+$/.exec(address) ?? [];
  return host.replace(/^\[(.*)\]$/, '$1');
}
