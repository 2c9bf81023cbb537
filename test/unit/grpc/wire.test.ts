import { describe, expect, it } from 'vitest';
import { createFrameReader, encodeFrame } from '../../../src/grpc/frames.ts';
import { readFields } from '../../../src/grpc/protobuf.ts';

const malformed = expect.objectContaining({ code: 'ERR_ANSWER_MALFORMED' });

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

describe('the fields of a message', () => {
  it('are skipped when unknown, groups as a whole', () => {
    const unknown = '0d 01020304 11 0102030405060708 1b 08 01 23 1001 24 2a0161 1c 2001';
    expect(readFields(hex(unknown)).map(({ number, kind }) => [number, kind])).toEqual([
      [1, 'other'],
      [2, 'other'],
      [3, 'other'],
      [4, 'varint'],
    ]);
  });

  it.each([
    ['the end of a group that did not begin', '0c'],
    ['a group without an end', '0b 08 01'],
    ['a group that ends as another one', '0b 14'],
    ['a kind of field that there is not', '0e'],
    ['another such kind within a group', '0b 0f'],
    ['a field without a number', '00 01'],
    ['a field with a number too large', '80 80 80 80 20 01'],
    ['a number of eleven bytes', '08 80808080808080808080 01'],
    ['a length beyond the end', '0a ffffffff0f 61'],
    ['a length of 2^64 - 1', '0a ffffffffffffffffff01 61'],
    ['groups in groups without end', '0b'.repeat(1000)],
  ])('are malformed by %s', (_, bytes) => {
    expect(() => readFields(hex(bytes))).toThrow(malformed);
  });

  it('hold numbers of up to ten bytes', () => {
    expect(readFields(hex('08 ffffffffffffffffff01'))).toEqual([
      { number: 1, kind: 'varint', value: 2n ** 64n - 1n },
    ]);
    expect(readFields(hex('08 80808080808080808001'))).toEqual([
      { number: 1, kind: 'varint', value: 2n ** 63n },
    ]);
  });
});

describe('the frames of an answer', () => {
  const messages = [hex('0102'), hex(''), hex('12 04 0a027231')];
  const answer = Buffer.concat(messages.map(encodeFrame));

  it('are read alike in chunks of any size', () => {
    for (let size = 1; size <= answer.length; size += 1) {
      const reader = createFrameReader();
      const read: Uint8Array[] = [];
      for (let start = 0; start < answer.length; start += size) {
        read.push(...reader.push(answer.subarray(start, start + size)));
      }
      reader.end();
      expect(read.map((message) => Buffer.from(message))).toEqual(messages);
    }
  });

  it('that end within one of them are cut', () => {
    const ends = [7, 12, answer.length];
    for (let length = 1; length < answer.length; length += 1) {
      const reader = createFrameReader();
      reader.push(answer.subarray(0, length));
      if (ends.includes(length)) {
        expect(() => reader.end()).not.toThrow();
      } else {
        expect(() => reader.end()).toThrow(expect.objectContaining({ code: 'ERR_ANSWER_CUT' }));
      }
    }
  });

  it('are refused when compressed or larger than gRPC takes, before they are there', () => {
    const code = (bytes: string): string | undefined => {
      try {
        createFrameReader().push(hex(bytes));
        return undefined;
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(code('00 00400000')).toBeUndefined();
    expect(code('00 00400001')).toBe('ERR_ANSWER_TOO_LARGE');
    expect(code('01 00000001')).toBe('ERR_ANSWER_COMPRESSED');
    expect(code('02 00000001')).toBe('ERR_ANSWER_COMPRESSED');
  });
});
