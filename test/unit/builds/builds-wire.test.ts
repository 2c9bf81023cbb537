import { describe, expect, it } from 'vitest';
import { decodeBuildEvent, decodeInfo, listenLatestRecord } from '../../../src/builds/control.ts';
import { readFields } from '../../../src/grpc/protobuf.ts';

const malformed = expect.objectContaining({ code: 'ERR_ANSWER_MALFORMED' });

function hex(...parts: string[]): Buffer {
  return Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
}

// What protoc's encoding of these messages is, written by hand.
const record = [
  '0a 02 7231', // Ref = "r1"
  '12 01 66', // Frontend = "f"
  '1a 06 0a016b 120176', // FrontendAttrs = { k: "v" }
  '32 0c 08 80e2cfaa06 10 80cab5ee01', // CreatedAt = { seconds: 1700000000, nanos: 500000000 }
  '70 01', // pinned = true
].join('');
const started = hex('12 1f', record);
const build = { kind: 'running', build: { ref: 'r1', startedAtMs: 1_700_000_000_500 } };

describe('a question for one record', () => {
  it('is for an early exit and one record, and not for running builds alone', () => {
    expect(readFields(listenLatestRecord.request)).toEqual([
      { number: 3, kind: 'varint', value: 1n },
      { number: 5, kind: 'varint', value: 1n },
    ]);
  });
});

describe('an event of the build history', () => {
  it('names the build that began, and when', () => {
    expect(decodeBuildEvent(started)).toEqual(build);
    expect(decodeBuildEvent(hex('08 00 12 1f', record))).toEqual(build);
  });

  it('of another kind is no running build', () => {
    const ended = { kind: 'ended', atMs: null };
    expect(decodeBuildEvent(hex('08 01 12 1f', record))).toEqual(ended);
    expect(decodeBuildEvent(hex('08 02 12 1f', record))).toEqual(ended);
    expect(() => decodeBuildEvent(hex('08 03 12 1f', record))).toThrow(malformed);
  });

  it('of a build that has ended says when', () => {
    const completed = '08 01 12 0c 0a027231 3a 06 08 80e2cfaa06';
    expect(decodeBuildEvent(hex(completed))).toEqual({ kind: 'ended', atMs: 1_700_000_000_000 });
  });

  it('cut at any byte is malformed', () => {
    for (let length = 0; length < started.length; length += 1) {
      expect(() => decodeBuildEvent(started.subarray(0, length))).toThrow(malformed);
    }
  });

  it('may come in parts, of which the later one wins', () => {
    expect(decodeBuildEvent(hex('12 04 0a027230 12 1f', record))).toEqual(build);
    expect(decodeBuildEvent(hex('12 04 0a027231 12 04 3202 080a'))).toEqual({
      kind: 'running',
      build: { ref: 'r1', startedAtMs: 10_000 },
    });
  });

  it('without a ref is malformed, without a time or with a senseless one has none', () => {
    expect(() => decodeBuildEvent(hex('12 02 1200'))).toThrow(malformed);
    expect(() => decodeBuildEvent(hex('12 02 0a00'))).toThrow(malformed);
    const timeless = { kind: 'running', build: { ref: 'r1', startedAtMs: null } };
    expect(decodeBuildEvent(hex('12 04 0a027231'))).toEqual(timeless);
    // seconds: -1, in ten bytes; nanos: 2,000,000,000
    const before1970 = '12 11 0a027231 32 0b 08 ffffffffffffffffff01';
    expect(decodeBuildEvent(hex(before1970))).toEqual(timeless);
    const wrongNanos = '12 0c 0a027231 32 06 10 80a8d6b907';
    expect(decodeBuildEvent(hex(wrongNanos))).toEqual(timeless);
  });
});

describe('the answer to the question for the version', () => {
  it('has the program and its version, empty where it does not say', () => {
    const version = '0a 11 0a 03 706b67 12 07 76302e32352e30 1a 01 61';
    expect(decodeInfo(hex(version))).toEqual({ package: 'pkg', version: 'v0.25.0' });
    expect(decodeInfo(hex(''))).toEqual({ package: '', version: '' });
    expect(decodeInfo(hex('0a 00'))).toEqual({ package: '', version: '' });
    expect(() => decodeInfo(hex('0a 03 12 01 ff'))).toThrow(malformed);
  });
});
