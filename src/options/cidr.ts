import { BlockList, isIP } from 'node:net';
import { BadValueError } from './bad-value.ts';

const expected = 'an IP address or a CIDR block such as 10.0.0.0/8 or fd00::/8';

/** Tells whether an address, IPv4 or IPv6, lies in one of the blocks. @throws BadValueError */
export function parseCidrs(texts: readonly string[]): (address: string) => boolean {
  if (texts.length === 0) {
    return () => false;
  }
  const blocks = new BlockList();
  for (const text of texts) {
    addBlock(blocks, text);
  }
  return (address) => blocks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function addBlock(blocks: BlockList, text: string): void {
  const [address = '', prefix] = text.split('/', 2);
  const version = isIP(address);
  const bits = version === 6 ? 128 : 32;
  const length = prefix ?? String(bits);
  const isForm = version !== 0 && !address.includes('%') && /^\d{1,3}$/.test(length);
  if (!isForm || text.split('/').length > 2 || Number(length) > bits) {
    throw new BadValueError(expected, text);
  }
  blocks.addSubnet(address, Number(length), version === 6 ? 'ipv6' : 'ipv4');
}
