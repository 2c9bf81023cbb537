import { malformed } from './errors.ts';

/** One field of a message, as far as one can read it without knowing what it means. */
export type Field =
  | { readonly number: number; readonly kind: 'varint'; readonly value: bigint }
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly number: number; readonly kind: 'other' };

// https://protobuf.dev/programming-guides/encoding: the three bits of a tag that say what follows.
const wire = { varint: 0, fixed64: 1, bytes: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

const longestVarintBytes = 10;
const deepestGroup = 32;
const largestFieldNumber = 2 ** 29 - 1;

/**
 * The fields of a message, in the order they came. Groups are skipped whole.
 *
 * @throws BackendError (`ERR_ANSWER_MALFORMED`)
 */
export function readFields(message: Uint8Array): Field[] {
  const reader = createReader(message);
  const fields: Field[] = [];
  while (!reader.isAtEnd()) {
    fields.push(readField(reader, 0));
  }
  return fields;
}

/** The number under a field's number, the last one given; 0 where there is none, as in proto3. */
export function varintOf(fields: readonly Field[], number: number): bigint {
  const field = fields.findLast((each) => each.number === number);
  if (field !== undefined && field.kind !== 'varint') {
    throw malformed(`field ${number} is no number`);
  }
  return field?.value ?? 0n;
}

/** The text under a field's number, the last one given; empty where there is none, as in proto3. */
export function textField(fields: readonly Field[], number: number): string {
  const bytes = bytesOf(fields, number).at(-1);
  return bytes === undefined ? '' : decodeText(bytes, number);
}

function decodeText(bytes: Uint8Array, number: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed(`field ${number} is no text`);
  }
}

/** The bytes under a field's number, the last ones given; empty where there are none, as in proto3. */
export function bytesField(fields: readonly Field[], number: number): Uint8Array {
  return bytesOf(fields, number).at(-1) ?? new Uint8Array();
}

/** The fields of the message under a field's number. Given more than once, its parts are merged. */
export function messageField(fields: readonly Field[], number: number): Field[] | null {
  const parts = bytesOf(fields, number);
  return parts.length === 0 ? null : parts.flatMap(readFields);
}

function bytesOf(fields: readonly Field[], number: number): Uint8Array[] {
  return fields
    .filter((field) => field.number === number)
    .map((field) => {
      if (field.kind !== 'bytes') {
        throw malformed(`field ${number} is no sequence of bytes`);
      }
      return field.value;
    });
}

/** What is under a field's number as one text or one sequence of bytes for each time that it is given. */
export function textFields(fields: readonly Field[], number: number): string[] {
  return bytesOf(fields, number).map((bytes) => decodeText(bytes, number));
}

/** The messages under a field's number that may be given more than once. */
export function messageFields(fields: readonly Field[], number: number): Field[][] {
  return bytesOf(fields, number).map(readFields);
}

/** The entries of a map from text to text. */
export function textMapField(fields: readonly Field[], number: number): Map<string, string> {
  return new Map(
    messageFields(fields, number).map((entry) => [textField(entry, 1), textField(entry, 2)]),
  );
}

/** A message with these fields, by number. */
export function encodeMessage(
  fields: readonly (readonly [number, bigint | string | Uint8Array])[],
): Uint8Array {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'bigint') {
        return [encodeVarint(BigInt(number << 3) | BigInt(wire.varint)), encodeVarint(value)];
      }
      const bytes = Buffer.from(value);
      const tag = BigInt(number << 3) | BigInt(wire.bytes);
      return [encodeVarint(tag), encodeVarint(BigInt(bytes.length)), bytes];
    }),
  );
}

function encodeVarint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Uint8Array.from([...bytes, Number(rest)]);
}

interface Reader {
  isAtEnd(): boolean;
  varint(): bigint;
  take(length: number): Uint8Array;
}

function createReader(message: Uint8Array): Reader {
  let offset = 0;
  return {
    isAtEnd: () => offset === message.length,
    varint() {
      let value = 0n;
      for (let index = 0; index < longestVarintBytes; index += 1) {
        const byte = message[offset];
        if (byte === undefined) {
          throw malformed('a message ends within a number');
        }
        offset += 1;
        value |= BigInt(byte & 0x7f) << BigInt(7 * index);
        if (byte < 0x80) {
          return BigInt.asUintN(64, value);
        }
      }
      throw malformed(`a number has more than ${longestVarintBytes} bytes`);
    },
    take(length) {
      if (length > message.length - offset) {
        throw malformed('a message ends within a field');
      }
      offset += length;
      return message.subarray(offset - length, offset);
    },
  };
}

function readField(reader: Reader, depth: number): Field {
  const { number, type } = readTag(reader);
  switch (type) {
    case wire.varint:
      return { number, kind: 'varint', value: reader.varint() };
    case wire.bytes:
      return { number, kind: 'bytes', value: reader.take(Number(reader.varint())) };
    case wire.fixed64:
      reader.take(8);
      return { number, kind: 'other' };
    case wire.fixed32:
      reader.take(4);
      return { number, kind: 'other' };
    case wire.groupStart:
      skipGroup(reader, number, depth + 1);
      return { number, kind: 'other' };
    default:
      throw malformed(`a field of kind ${type} has no place here`);
  }
}

function readTag(reader: Reader): { number: number; type: number } {
  const tag = reader.varint();
  const number = Number(tag >> 3n);
  if (number < 1 || number > largestFieldNumber) {
    throw malformed(`no field has the number ${number}`);
  }
  return { number, type: Number(tag & 7n) };
}

function skipGroup(reader: Reader, group: number, depth: number): void {
  if (depth > deepestGroup) {
    throw malformed('groups are nested too deep');
  }
  for (;;) {
    const { number, type } = readTag(reader);
    if (type === wire.groupEnd) {
      if (number !== group) {
        throw malformed('a group ends within another one');
      }
      return;
    }
    skipValue(reader, number, type, depth);
  }
}

function skipValue(reader: Reader, number: number, type: number, depth: number): void {
  switch (type) {
    case wire.varint:
      reader.varint();
      return;
    case wire.bytes:
      reader.take(Number(reader.varint()));
      return;
    case wire.fixed64:
      reader.take(8);
      return;
    case wire.fixed32:
      reader.take(4);
      return;
    case wire.groupStart:
      skipGroup(reader, number, depth + 1);
      return;
    default:
      throw malformed(`a field of kind ${type} has no place here`);
  }
}
