import fc from 'fast-check';
import { afterAll, expect } from 'vitest';
import { BackendError } from '../../src/backends/types.ts';

// `npm run fuzz` says how long, and `npm run check` does not.
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 0);
const seed = process.env['FUZZ_SEED'];
const path = process.env['FUZZ_PATH'];

// That many properties share the time, on one processor.
const properties = 43;

// One that is interrupted in its first case has failed, and cases with processes take their time.
const leastAsyncMs = 10_000;

let cases = 0;
afterAll(() => {
  if (seconds > 0) {
    console.log(`${cases} cases`);
  }
});

/** How much to try: a little within `npm run check`, and for some time when fuzzing. */
function runs<Value>(shortRuns = 200, leastMs = 0): fc.Parameters<Value> {
  const shareMs = (seconds * 1000) / properties;
  const limits =
    seconds > 0
      ? { numRuns: 1e9, interruptAfterTimeLimit: Math.max(leastMs, shareMs) }
      : { numRuns: shortRuns };
  return {
    ...limits,
    ...(seed !== undefined && { seed: Number(seed) }),
    ...(path !== undefined && { path }),
  };
}

/** Holds what must be so for all values. A failure is reported with the seed that reproduces it. */
export function holds<Values extends [unknown, ...unknown[]]>(
  arbitraries: { [Index in keyof Values]: fc.Arbitrary<Values[Index]> },
  check: (...values: Values) => void,
  shortRuns?: number,
): void {
  const counted = (...values: Values): void => {
    cases += 1;
    check(...values);
  };
  fc.assert(fc.property(...arbitraries, counted), runs(shortRuns));
}

/** The same of what takes its time. */
export async function holdsAsync<Values extends [unknown, ...unknown[]]>(
  arbitraries: { [Index in keyof Values]: fc.Arbitrary<Values[Index]> },
  check: (...values: Values) => Promise<void>,
  shortRuns?: number,
): Promise<void> {
  const counted = async (...values: Values): Promise<void> => {
    cases += 1;
    await check(...values);
  };
  // Each case of a failing wait takes the whole of its limit: the first is reported unshrunk.
  await fc.assert(fc.asyncProperty(...arbitraries, counted), {
    ...runs(shortRuns, leastAsyncMs),
    endOnFailure: true,
  });
}

/** Any bytes as other programs may have them in texts: of Latin-1, one character for each. */
export function bytesAsText(constraints: fc.IntArrayConstraints = {}): fc.Arbitrary<string> {
  return fc.uint8Array(constraints).map((bytes) => Buffer.from(bytes).toString('latin1'));
}

/** A text with characters that an attacker would choose. */
export const foreignText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc
    .array(
      fc.constantFrom('\n', '\r', '\u001b[2J', '\u0085', '\u009b', '\u2028', '\u202e', '"', 'x'),
    )
    .map((parts) => parts.join('')),
);

/** Bytes that were changed here and there: flipped, taken out, put in, doubled, or cut off. */
export function mutated(original: Uint8Array): fc.Arbitrary<Buffer> {
  const change = fc.record({
    at: fc.nat({ max: Math.max(0, original.length - 1) }),
    how: fc.constantFrom('flip', 'remove', 'insert', 'double', 'cut'),
    length: fc.integer({ min: 1, max: 20 }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
  });
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    let bytes = Buffer.from(original);
    for (const { at, how, length, bytes: other } of changes) {
      const before = bytes.subarray(0, at);
      const [middle, after] = [bytes.subarray(at, at + length), bytes.subarray(at + length)];
      const parts = {
        flip: [before, other, bytes.subarray(at + other.length)],
        remove: [before, after],
        insert: [before, other, middle, after],
        double: [before, middle, middle, after],
        cut: [before],
      };
      bytes = Buffer.concat(parts[how]);
    }
    return bytes;
  });
}

/** What comes of bytes; null where they are refused in one of the declared ways. */
export function valueOrNull<Value>(parse: () => Value): Value | null {
  try {
    return parse();
  } catch (error) {
    expect(error).toBeInstanceOf(BackendError);
    expect((error as BackendError).code).toMatch(
      /^ERR_ANSWER_(MALFORMED|CUT|COMPRESSED|TOO_LARGE)$/,
    );
    return null;
  }
}

type Value = bigint | Uint8Array;

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0n; rest >>= 7n) {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
  }
  return bytes;
}

/** A message as any encoder of protobuf writes it. */
export function encoded(fields: readonly (readonly [number, Value])[]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) => {
      const tag = (kind: number): number[] => varint(BigInt(number * 8 + kind));
      return typeof value === 'bigint'
        ? Buffer.from([...tag(0), ...varint(value)])
        : Buffer.from([...tag(2), ...varint(BigInt(value.length)), ...value]);
    }),
  );
}
