import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Endpoint } from '../backends/types.ts';
import { codeOf } from './errors.ts';

/**
 * The addresses of a host: by /etc/hosts, or else by DNS. `dns.lookup`, Node's default, starts threads, and
 * ends the process where no more threads are allowed.
 *
 * @throws the resolver's error, or the signal's reason.
 */
async function addressesOf(host: string, signal: AbortSignal): Promise<readonly string[]> {
  if (isIP(host) !== 0) {
    return [host];
  }
  const listed = addressesIn(linesOf('/etc/hosts'), host);
  return listed.length > 0 ? listed : await resolve(fullNames(host), signal);
}

function addressesIn(hosts: readonly (readonly string[])[], host: string): readonly string[] {
  const wanted = host.toLowerCase();
  return hosts.flatMap(([address = '', ...names]) =>
    isIP(address) !== 0 && names.some((name) => name.toLowerCase() === wanted) ? [address] : [],
  );
}

/** resolv.conf(5): the names that a short one may stand for, in the order in which they are tried. */
function fullNames(host: string): readonly string[] {
  let domains: readonly string[] = [];
  let leastDots = 1;
  for (const [keyword, ...values] of linesOf('/etc/resolv.conf')) {
    if (keyword === 'search' || keyword === 'domain') {
      domains = values;
    } else if (keyword === 'options') {
      const dots = values.find((value) => /^ndots:\d+$/.test(value));
      leastDots = dots === undefined ? leastDots : Number(dots.slice('ndots:'.length));
    }
  }
  if (host.endsWith('.')) {
    return [host];
  }
  const longer = domains.map((domain) => `${host}.${domain}`);
  return host.split('.').length > leastDots ? [host, ...longer] : [...longer, host];
}

async function resolve(names: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  signal.throwIfAborted();
  const resolver = new Resolver();
  // A running query would keep the process alive.
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel);
  let failure: unknown;
  try {
    for (const name of names) {
      const [ipv4, ipv6] = await Promise.allSettled([
        resolver.resolve4(name),
        resolver.resolve6(name),
      ]);
      signal.throwIfAborted();
      const addresses = [ipv4, ipv6].flatMap((each) =>
        each.status === 'fulfilled' ? each.value : [],
      );
      if (addresses.length > 0) {
        return addresses;
      }
      failure = ipv4.status === 'rejected' ? ipv4.reason : failure;
    }
  } finally {
    signal.removeEventListener('abort', cancel);
  }
  throw failure;
}

/**
 * The words of each line, without comments; none where the file is missing or not readable.
 * @throws what reading throws where descriptors or memory are exhausted.
 */
function linesOf(path: string): readonly (readonly string[])[] {
  return textOf(path)
    .split('\n')
    .map((line) =>
      line
        .replace(/[#;].*/, '')
        .trim()
        .split(/\s+/),
    );
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes(codeOf(error))) {
      return '';
    }
    throw error;
  }
}

/** Where to connect to: what `node:net` takes, the host being an address, and its name for TLS. */
export type BuildsTarget =
  | { readonly path: string }
  | { readonly name: string; readonly host: string; readonly port: number };

const allAddresses: Readonly<Record<string, readonly string[]>> = {
  '0.0.0.0': ['127.0.0.1'],
  '::': ['::1', '127.0.0.1'],
  // As Go, and so buildkitd, reads it.
  '': ['::1', '127.0.0.1'],
};

/**
 * The targets to try, in order, for a daemon that listens on this endpoint. Where it listens on all addresses, the loopback
 * interface is used, and else its own address.
 *
 * @throws what resolving a host name throws, or the signal's reason.
 */
export async function buildsTargets(
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<readonly BuildsTarget[]> {
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
