import { SocketAddress } from 'node:net';

const mappedPrefix = '::ffff:';

/** Both backends write an address alike: IPv6 in its canonical form, IPv4-mapped as plain IPv4. */
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

/** The way /proc/<pid>/fd names a socket, so that a reader can find the process behind it. */
export function socketText(inode: number): string {
  return `socket:[${inode}]`;
}
