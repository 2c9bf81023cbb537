import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { codeOf } from './errors.ts';

/**
 * The addresses of a host: by /etc/hosts, or else by DNS. `dns.lookup`, which Node.js would take, starts
 * threads, and ends this process where no more of them may be had.
 *
 * @throws the resolver's error, or what the signal says.
 */
export async function addressesOf(host: string, signal: AbortSignal): Promise<readonly string[]> {
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

/** resolv.conf(5): which names a short one may stand for, in the order they are to be tried. */
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
  // A query that goes on would keep this process from ending.
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
 * The words of each line, without comments; none of a file that is not there for us.
 * @throws what reading it throws for want of descriptors or memory.
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
