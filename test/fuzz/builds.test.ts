import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackendError } from '../../src/backends/types.ts';
import { countsRightly } from '../../src/builds/answers.ts';
import { decodeBuildEvent, decodeInfo } from '../../src/builds/control.ts';
import { createFrameReader, encodeFrame } from '../../src/grpc/frames.ts';
import { readFields } from '../../src/grpc/protobuf.ts';
import { foreignText, holds, mutated } from '../support/fuzz.ts';

/** What comes of bytes; null where they are refused in one of the declared ways. */
function valueOrNull<Value>(parse: () => Value): Value | null {
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
function encode(fields: readonly (readonly [number, Value])[]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) => {
      const tag = (kind: number): number[] => varint(BigInt(number * 8 + kind));
      return typeof value === 'bigint'
        ? Buffer.from([...tag(0), ...varint(value)])
        : Buffer.from([...tag(2), ...varint(BigInt(value.length)), ...value]);
    }),
  );
}

const fieldNumber = fc.integer({ min: 1, max: 2 ** 29 - 1 });
const field = fc.tuple(
  fieldNumber,
  fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.uint8Array()),
);

describe('a message', () => {
  it('is read as it was written', () => {
    holds([fc.array(field)], (fields) => {
      const read = readFields(encode(fields)).map((each) =>
        each.kind === 'other' ? null : [each.number, each.kind, each.value],
      );
      const expected = fields.map(([number, value]) =>
        typeof value === 'bigint'
          ? [number, 'varint', value]
          : [number, 'bytes', Buffer.from(value)],
      );
      expect(read).toEqual(expected);
    });
  });

  it('of any bytes is read or refused', () => {
    const written = fc.array(field, { minLength: 1 }).chain((fields) => mutated(encode(fields)));
    holds([fc.oneof(fc.uint8Array({ maxLength: 200 }), written)], (bytes) => {
      const fields = valueOrNull(() => readFields(bytes));
      expect(fields?.length ?? 0).toBeLessThanOrEqual(bytes.length / 2);
    });
  });
});

const text = fc.string({ unit: 'grapheme' });
const started = fc.record({
  ref: text.filter((ref) => ref !== ''),
  seconds: fc.integer({ min: 0, max: 4e9 }),
  nanos: fc.nat({ max: 999_999_999 }),
  others: fc.array(fc.tuple(fc.integer({ min: 10, max: 99 }), fc.uint8Array()), { maxLength: 3 }),
});
type Started = typeof started extends fc.Arbitrary<infer Each> ? Each : never;

function startedEvent({ ref, seconds, nanos, others }: Started): Buffer {
  const createdAt = encode([
    [1, BigInt(seconds)],
    [2, BigInt(nanos)],
  ]);
  return encode([[2, encode([...others, [1, Buffer.from(ref)], [6, createdAt]])]]);
}

describe('an event of a running build', () => {
  it('names the build and its beginning', () => {
    holds([started], (build) => {
      const startedAtMs = build.seconds * 1000 + Math.floor(build.nanos / 1e6);
      expect(decodeBuildEvent(startedEvent(build))).toEqual({
        kind: 'running',
        build: { ref: build.ref, startedAtMs },
      });
    });
  });

  it('that was cut is refused, and never taken for none', () => {
    holds([started, fc.nat()], (build, length) => {
      const event = startedEvent(build);
      const cut = event.subarray(0, length % event.length);
      expect(valueOrNull(() => decodeBuildEvent(cut))).toBeNull();
    });
  });

  it('of any bytes is a build with a name, another event, or refused', () => {
    holds([started.chain((build) => mutated(startedEvent(build)))], (bytes) => {
      const event = valueOrNull(() => decodeBuildEvent(bytes));
      if (event?.kind === 'running') {
        expect(event.build.ref).not.toBe('');
        expect(event.build.startedAtMs).not.toBeNaN();
      } else {
        expect(event?.atMs).not.toBeNaN();
      }
      const version = valueOrNull(() => decodeInfo(bytes));
      expect(typeof (version?.version ?? '')).toBe('string');
    });
  });
});

describe('the frames of an answer', () => {
  it('are read alike however they arrive, and refused if they do not to the end', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    holds([fc.array(fc.uint8Array()), sizes, fc.nat()], (messages, chunkSizes, cut) => {
      const answer = Buffer.concat(messages.map(encodeFrame));
      const read = (bytes: Buffer): Buffer[] => {
        const reader = createFrameReader();
        const messages: Buffer[] = [];
        for (let at = 0, chunk = 0; at < bytes.length; chunk += 1) {
          const size = chunkSizes[chunk % chunkSizes.length] ?? 1;
          const complete = reader.push(bytes.subarray(at, at + size));
          messages.push(...complete.map((each) => Buffer.from(each)));
          at += size;
        }
        reader.end();
        return messages;
      };
      expect(read(answer)).toEqual(messages.map((each) => Buffer.from(each)));

      const part = answer.subarray(0, cut % (answer.length + 1));
      const whole = valueOrNull(() => read(part));
      const expectedBytes = whole === null ? null : Buffer.concat(whole.map(encodeFrame));
      expect(expectedBytes ?? part).toEqual(part);
    });
  });

  it('of any bytes are read or refused', () => {
    const answer = fc
      .array(fc.uint8Array(), { minLength: 1 })
      .chain((messages) => mutated(Buffer.concat(messages.map(encodeFrame))));
    holds([fc.array(fc.oneof(fc.uint8Array(), answer))], (chunks) => {
      const messages = valueOrNull(() => {
        const reader = createFrameReader();
        const complete = chunks.flatMap((chunk) => reader.push(chunk));
        reader.end();
        return complete;
      });
      const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
      expect((messages?.length ?? 0) * 5).toBeLessThanOrEqual(bytes);
    });
  });
});

describe('the version of a daemon', () => {
  const upstream = 'github.com/moby/buildkit';

  it('is trusted from v0.12.4 on, if it is a release', () => {
    const part = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 999_999 }));
    holds([fc.nat({ max: 2 }), part, part], (major, minor, patch) => {
      const rank = (major * 1e6 + minor) * 1e6 + patch;
      const version = `v${major}.${minor}.${patch}`;
      expect(countsRightly({ package: upstream, version })).toBe(rank >= 12e6 + 4);
      expect(countsRightly({ package: `${upstream}/x`, version })).toBe(false);
    });
  });

  it('of any text is a version or not trusted', () => {
    holds([foreignText], (version) => {
      const isVersion = /^v?\d+\.\d+\.\d+/.test(version);
      expect(countsRightly({ package: upstream, version }) && !isVersion).toBe(false);
      expect(countsRightly({ package: version, version: 'v0.13.1' })).toBe(version === upstream);
    });
  });
});
