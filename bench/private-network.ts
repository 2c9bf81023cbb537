import { spawnSync } from 'node:child_process';

/** How to run a command so that it has a network of its own. */
export interface PrivateNetwork {
  /** What to put before the command; empty where a network of its own is not to be had. */
  readonly prefix: readonly string[];
  /** Null, or why not. */
  readonly whyNot: string | null;
}

/** What is to be said where there is none. */
export function notPrivate(whyNot: string): { readonly what: string; readonly why: string } {
  return {
    what: 'a network namespace of its own',
    why: `${whyNot}: measured among the sockets of this network`,
  };
}

// `ifconfig` is what an image with busybox alone has.
const raiseLoopback = '{ ip link set lo up || ifconfig lo up; } 2>/dev/null';
const ways = [
  ['unshare', '--net'],
  ['unshare', '--map-root-user', '--net'],
];

/** Tries what this place allows: as root, else as root of a user namespace. */
export function findPrivateNetwork(searchPath: string): PrivateNetwork {
  const reasons = ways.map((way) => {
    const [command = '', ...args] = way;
    const tried = spawnSync(command, [...args, 'sh', '-c', raiseLoopback], {
      env: { PATH: searchPath },
      encoding: 'utf8',
    });
    const reason = tried.error === undefined ? tried.stderr.trim() : `${command} can't be run`;
    return tried.status === 0 ? null : reason;
  });
  const found = ways[reasons.indexOf(null)];
  return found === undefined
    ? { prefix: [], whyNot: reasons.at(-1) || 'the loopback interface could not be raised' }
    : { prefix: [...found, 'sh', '-c', `${raiseLoopback}; exec "$0" "$@"`], whyNot: null };
}
