import { callError, cut } from './errors.ts';

// A gRPC frame: one byte for the compression flag, four for the message's length, the message.
const headerBytes = 5;

// gRPC clients accept this much in one message by default.
export const longestMessageBytes = 4 * 1024 * 1024;

export function encodeFrame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

export interface FrameReader {
  /** Adds received bytes, in chunks of any size, and returns the messages that they complete. @throws BackendError */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** The end of the stream. @throws BackendError when the last message is incomplete. */
  end(): void;
}

export function createFrameReader(): FrameReader {
  let chunks: Uint8Array[] = [];
  let held = 0;
  let needed = headerBytes;

  /** Takes complete messages out. Chunks are joined only when a message is complete. */
  const takeWhole = (): readonly Uint8Array[] => {
    const messages: Uint8Array[] = [];
    let rest: Uint8Array = Buffer.concat(chunks);
    needed = neededFor(rest);
    while (rest.length >= needed) {
      messages.push(rest.subarray(headerBytes, needed));
      rest = rest.subarray(needed);
      needed = neededFor(rest);
    }
    chunks = [rest];
    held = rest.length;
    return messages;
  };

  return {
    push(chunk) {
      chunks.push(chunk);
      held += chunk.length;
      return held >= needed ? takeWhole() : [];
    },
    end() {
      if (held > 0) {
        throw cut('its last message is incomplete');
      }
    },
  };
}

/** The length of the next frame, as far as its header is known. */
function neededFor(rest: Uint8Array): number {
  return rest.length < headerBytes ? headerBytes : headerBytes + messageLength(rest);
}

function messageLength(frame: Uint8Array): number {
  if (frame[0] !== 0) {
    throw callError(
      'ERR_ANSWER_COMPRESSED',
      'the answer is compressed, which was not requested; check for a proxy before the daemon',
    );
  }
  const length = Buffer.from(frame.buffer, frame.byteOffset, headerBytes).readUInt32BE(1);
  if (length > longestMessageBytes) {
    throw tooLarge('a message', longestMessageBytes);
  }
  return length;
}

export function tooLarge(what: string, most: number): Error {
  return callError(
    'ERR_ANSWER_TOO_LARGE',
    `${what} is larger than the accepted ${most} bytes; check that this is the daemon's address`,
  );
}
