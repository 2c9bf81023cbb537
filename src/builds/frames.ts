import { askError, cut } from './errors.ts';

// A gRPC frame: one byte for the compression flag, four for the message's length, the message.
const headerBytes = 5;

// gRPC clients accept this much in one message by default. In a whole answer each running build is one message of some
// kilobytes.
const longestMessageBytes = 4 * 1024 * 1024;
const longestAnswerBytes = 4 * longestMessageBytes;

export function encodeFrame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

export interface FrameReader {
  /** Adds received bytes, in chunks of any size. @throws BackendError */
  push(chunk: Uint8Array): void;
  /** The messages that are complete so far. */
  messages(): readonly Uint8Array[];
  /** All messages, at the end of the stream. @throws BackendError when the last one is incomplete. */
  end(): readonly Uint8Array[];
}

export function createFrameReader(): FrameReader {
  const messages: Uint8Array[] = [];
  let chunks: Uint8Array[] = [];
  let held = 0;
  let needed = headerBytes;
  let total = 0;

  /** Takes complete messages out. Chunks are joined only when a message is complete. */
  const takeWhole = (): void => {
    let rest: Uint8Array = Buffer.concat(chunks);
    needed = neededFor(rest);
    while (rest.length >= needed) {
      messages.push(rest.subarray(headerBytes, needed));
      rest = rest.subarray(needed);
      needed = neededFor(rest);
    }
    chunks = [rest];
    held = rest.length;
  };

  return {
    push(chunk) {
      total += chunk.length;
      if (total > longestAnswerBytes) {
        throw tooLarge('the answer', longestAnswerBytes);
      }
      chunks.push(chunk);
      held += chunk.length;
      if (held >= needed) {
        takeWhole();
      }
    },
    messages: () => messages,
    end() {
      if (held > 0) {
        throw cut('its last message is incomplete');
      }
      return messages;
    },
  };
}

/** The length of the next frame, as far as its header is known. */
function neededFor(rest: Uint8Array): number {
  return rest.length < headerBytes ? headerBytes : headerBytes + messageLength(rest);
}

function messageLength(frame: Uint8Array): number {
  if (frame[0] !== 0) {
    throw askError(
      'ERR_ANSWER_COMPRESSED',
      'the answer is compressed, which was not requested; check for a proxy before buildkitd',
    );
  }
  const length = Buffer.from(frame.buffer, frame.byteOffset, headerBytes).readUInt32BE(1);
  if (length > longestMessageBytes) {
    throw tooLarge('a message', longestMessageBytes);
  }
  return length;
}

function tooLarge(what: string, most: number): Error {
  return askError(
    'ERR_ANSWER_TOO_LARGE',
    `${what} is larger than the accepted ${most} bytes; check that this is buildkitd's address`,
  );
}
