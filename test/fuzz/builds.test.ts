import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBuildEvent, decodeInfo } from '../../src/builds/control.ts';
import { countsRightly } from '../../src/builds/version.ts';
import { encoded, foreignText, holds, mutated, valueOrNull } from '../support/fuzz.ts';

const text = fc.string({ unit: 'grapheme' });
const started = fc.record({
  ref: text.filter((ref) => ref !== ''),
  seconds: fc.integer({ min: 0, max: 4e9 }),
  nanos: fc.nat({ max: 999_999_999 }),
  others: fc.array(fc.tuple(fc.integer({ min: 10, max: 99 }), fc.uint8Array()), { maxLength: 3 }),
});
type Started = typeof started extends fc.Arbitrary<infer Each> ? Each : never;

function startedEvent({ ref, seconds, nanos, others }: Started): Buffer {
  const createdAt = encoded([
    [1, BigInt(seconds)],
    [2, BigInt(nanos)],
  ]);
  return encoded([[2, encoded([...others, [1, Buffer.from(ref)], [6, createdAt]])]]);
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
