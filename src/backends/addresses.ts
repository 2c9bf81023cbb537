import { realpathSync } from 'node:fs';
import { SocketAddress } from 'node:net';
import { basename, dirname } from 'node:path';

const mappedPrefix = '::ffff:';

/** Both backends write addresses the same way: IPv6 in canonical form, IPv4-mapped as IPv4. */
export function plainAddress(address: string): string {
  const isMapped = address.startsWith(mappedPrefix) && address.includes('.');
  return isMapped ? address.slice(mappedPrefix.length) : address;
}

/** The canonical text of an IPv6 address given as eight groups of hexadecimal digits. */
export function canonicalIpv6(groups: string): string {
  return new SocketAddress({ address: groups, family: 'ipv6' }).address;
}

export function peerText(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** As /proc/<pid>/fd shows a socket, so that the process that holds it can be found. */
export function socketText(inode: number): string {
  return `socket:[${inode}]`;
}

/**
 * The names under which the kernel may know the socket at a path. It keeps the path as the daemon
 * wrote it: if a directory is a symbolic link (/var/run), the socket may have either name.
 */
export function socketNames(path: string): string[] {
  if (path.startsWith('@')) {
    return [path];
  }
  try {
    const directory = realpathSync.native(dirname(path));
    const resolved = `${directory === '/' ? '' : directory}/${basename(path)}`;
    return resolved === path ? [path] : [path, resolved];
  } catch {
    // It does not exist, or is in another container's file system.
    return [path];
  }
}
