import type { Endpoint } from '../backends/types.ts';
import { addressesOf } from './host-addresses.ts';

/** Where to connect to: what `node:net` takes, the host being an address, and its name for TLS. */
export type Target =
  | { readonly path: string }
  | { readonly name: string; readonly host: string; readonly port: number };

const allAddresses: Readonly<Record<string, readonly string[]>> = {
  '0.0.0.0': ['127.0.0.1'],
  '::': ['::1', '127.0.0.1'],
  // As Go reads it, and so buildkitd.
  '': ['::1', '127.0.0.1'],
};

/**
 * Where a daemon can be reached that listens on this endpoint, one after the other. One that listens
 * on all addresses is asked over the loopback interface, and every other one where it listens.
 *
 * @throws what looking up a host's name does, or what the signal says.
 */
export async function targetsOf(
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<readonly Target[]> {
  if (endpoint.kind === 'unix') {
    return [{ path: endpoint.path.replace(/^@/, '\0') }];
  }
  const port = endpoint.localPort;
  const host = hostOf(endpoint.address);
  const loopback = allAddresses[host];
  return loopback === undefined
    ? (await addressesOf(host, signal)).map((each) => ({ name: host, host: each, port }))
    : loopback.map((each) => ({ name: each, host: each, port }));
}

function hostOf(address: string): string {
  const [, host = ''] = /^tcp:\/\/(.*):\d+$/.exec(address) ?? [];
  return host.replace(/^\[(.*)\]$/, '$1');
}
