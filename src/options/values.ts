import { BlockList, isIP, SocketAddress } from 'node:net';

/** A text that is not what it should be. The message says what was expected and what was received. */
export class BadValueError extends Error {
  override readonly name = 'BadValueError';
  /** That of all errors about arguments. */
  readonly code = 'ERR_BAD_VALUE';
  /** What would have been right, as a noun: `a duration such as 100ms or 1h30m`. */
  readonly expected: string;
  /** The text as it was given. */
  readonly received: string;

  /** @internal */
  constructor(expected: string, received: string) {
    super(`expected ${expected} but received ${JSON.stringify(received)}`);
    this.expected = expected;
    this.received = received;
  }
}

/** What is expected of one of a few words; also of an argument of the library, as the next two. */
export function choiceOfText(choices: readonly string[]): string {
  return `one of ${choices.join(', ')}`;
}

export function wholeNumberText(least: number, most: number): string {
  return `a whole number from ${least} to ${most}`;
}

/** The end of what is expected of a duration. */
export function durationRangeText(shortestMs: number): string {
  return `${shortestMs > 0 ? ` from ${shortestMs}ms` : ''} up to 168h`;
}

/** Makes a parser for one of a few words. */
export function oneOf<const Choice extends string>(
  choices: readonly Choice[],
): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((each) => each === text);
    if (choice === undefined) {
      throw new BadValueError(choiceOfText(choices), text);
    }
    return choice;
  };
}

/** A whole number in decimal digits. @throws BadValueError when it has another form or is out of range. */
export function parseWholeNumber(text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || value < least || value > most) {
    throw new BadValueError(wholeNumberText(least, most), text);
  }
  return value;
}

const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const number = String.raw`\d+(?:\.\d+)?`;
const form = new RegExp(
  `^(?:(?<d>${number})d)?(?:(?<h>${number})h)?(?:(?<m>${number})m(?:in)?(?!s))?` +
    `(?:(?<s>${number})s)?(?:(?<ms>${number})ms)?$`,
);
const withoutUnit = new RegExp(`^${number}$`);

// Node's timers count to 2^31 milliseconds, some 24 days, and fire at once beyond.
export const longestMs = 7 * unitMs.d;

/**
 * The milliseconds of a duration such as `100ms`, `1.5s`, `58min` or `1h30m`: numbers with their
 * units, the larger unit first. Fractions of a millisecond are rounded.
 *
 * @throws BadValueError when it has another form, or is shorter than `shortestMs` or longer than a week.
 */
export function parseDuration(text: string, shortestMs = 0): number {
  const range = durationRangeText(shortestMs);
  if (withoutUnit.test(text)) {
    throw new BadValueError(
      `a duration with its unit, such as ${text}ms, ${text}s or ${text}m,${range}`,
      text,
    );
  }
  const parts = form.exec(text)?.groups;
  const durationMs = Object.entries(unitMs).reduce(
    (sum, [unit, ms]) => sum + Number(parts?.[unit] ?? 0) * ms,
    0,
  );
  const isInRange = durationMs >= shortestMs && durationMs <= longestMs;
  if (text === '' || parts === undefined || !isInRange) {
    throw new BadValueError(`a duration such as 100ms, 10s, 5m or 1h30m${range}`, text);
  }
  return Math.round(durationMs);
}

/** The path of a file, or null for the word none. @throws BadValueError */
export function parseFile(text: string): string | null {
  if (text === '' || text.endsWith('/') || text.includes('\0')) {
    throw new BadValueError('the path of a file, or none,', text);
  }
  return text === 'none' ? null : text;
}

/** Values separated by commas, each once. */
export function listOf<Value>(parse: (text: string) => Value): (text: string) => readonly Value[] {
  return (text) => [...new Set(text.split(',').map((part) => parse(part.trim())))];
}

export function ascending(parse: (text: string) => number): (text: string) => readonly number[] {
  return (text) => listOf(parse)(text).toSorted((one, other) => one - other);
}

export function noneOr<Value>(
  parse: (text: string) => readonly Value[],
): (text: string) => readonly Value[] {
  return (text) => (text === 'none' ? [] : parse(text));
}

const expected = 'an IP address or a CIDR block such as 10.0.0.0/8 or fd00::/8';
const mappedBits = 96;

/**
 * Makes the function that checks whether an IPv4 or IPv6 address is in one of the blocks. An IPv6 block has no IPv4
 * address in it, not even `::/0`, except a block of IPv4-mapped addresses.
 *
 * @throws BadValueError
 */
export function parseCidrs(texts: readonly string[]): (address: string) => boolean {
  if (texts.length === 0) {
    return () => false;
  }
  // Where a list has IPv6 blocks, Node treats an IPv4 address as its mapped one.
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
