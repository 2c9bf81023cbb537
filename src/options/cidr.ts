import { BlockList, isIP, SocketAddress } from 'node:net';
import { BadValueError } from './bad-value.ts';

const expected = 'an IP address or a CIDR block such as 10.0.0.0/8 or fd00::/8';
const mappedBits = 96;

/**
 * Tells whether an address, IPv4 or IPv6, lies in one of the blocks. An IPv6 block has no IPv4
 * address in it, `::/0` neither, but for a block of IPv4-mapped addresses alone.
 *
 * @throws BadValueError
 */
export function parseCidrs(texts: readonly string[]): (address: string) => boolean {
  if (texts.length === 0) {
    return () => false;
  }
  // Node takes an IPv4 address for its mapped one where a list has IPv6 blocks.
  const blocks = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const text of texts) {
    const { address, bits, family } = parseBlock(text);
    blocks[family].addSubnet(address, bits, family);
  }
  const { ipv4, ipv6 } = blocks;
  return (address) =>
    isIP(address) === 6
      ? ipv6.check(address, 'ipv6') || ipv4.check(address, 'ipv6')
      : ipv4.check(address, 'ipv4');
}

interface Block {
  readonly address: string;
  readonly bits: number;
  readonly family: 'ipv4' | 'ipv6';
}

function parseBlock(text: string): Block {
  const [address = '', prefix] = text.split('/', 2);
  const version = isIP(address);
  const mostBits = version === 6 ? 128 : 32;
  const length = prefix ?? String(mostBits);
  const isForm = version !== 0 && !address.includes('%') && /^\d{1,3}$/.test(length);
  const bits = Number(length);
  if (!isForm || text.split('/').length > 2 || bits > mostBits) {
    throw new BadValueError(expected, text);
  }
  if (version === 4) {
    return { address, bits, family: 'ipv4' };
  }
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  const mapped = /^::ffff:([\d.]+)$/.exec(canonical)?.[1];
  return mapped !== undefined && bits >= mappedBits
    ? { address: mapped, bits: bits - mappedBits, family: 'ipv4' }
    : { address, bits, family: 'ipv6' };
}
