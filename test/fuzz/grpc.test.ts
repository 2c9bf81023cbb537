import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameReader, encodeFrame } from '../../src/grpc/frames.ts';
import { readFields } from '../../src/grpc/protobuf.ts';
import { encoded, holds, mutated, valueOrNull } from '../support/fuzz.ts';

const fieldNumber = fc.integer({ min: 1, max: 2 ** 29 - 1 });
const field = fc.tuple(
  fieldNumber,
  fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.uint8Array()),
);

describe('a message', () => {
  it('is read as it was written', () => {
    holds([fc.array(field)], (fields) => {
      const read = readFields(encoded(fields)).map((each) =>
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
    const written = fc.array(field, { minLength: 1 }).chain((fields) => mutated(encoded(fields)));
    holds([fc.oneof(fc.uint8Array({ maxLength: 200 }), written)], (bytes) => {
      const fields = valueOrNull(() => readFields(bytes));
      expect(fields?.length ?? 0).toBeLessThanOrEqual(bytes.length / 2);
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
