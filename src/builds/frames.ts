import { askError, cut } from './errors.ts';

// A frame of gRPC: a byte that says whether the message is compressed, its length in four, itself.
const headerBytes = 5;

// What gRPC's own clients take at most in one message; and for all of an answer, in which each
// running build is one message of some kilobytes.
const longestMessageBytes = 4 * 1024 * 1024;
const longestAnswerBytes = 4 * longestMessageBytes;

export function encodeFrame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

export interface FrameReader {
  /** Takes in what came, however it was cut into chunks. @throws BackendError */
  push(chunk: Uint8Array): void;
  /** The messages that are whole by now. */
  messages(): readonly Uint8Array[];
  /** The messages, when no more will come. @throws BackendError when the last one is not whole. */
  end(): readonly Uint8Array[];
}

export function createFrameReader(): FrameReader {
  const messages: Uint8Array[] = [];
  let chunks: Uint8Array[] = [];
  let held = 0;
  let needed = headerBytes;
  let total = 0;

  /** Cuts off what is whole; chunks are put together only when a message is. */
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
        throw cut('its last message is not whole');
      }
      return messages;
    },
  };
}

/** How many bytes the next frame has, as far as one can tell by now. */
function neededFor(rest: Uint8Array): number {
  return rest.length < headerBytes ? headerBytes : headerBytes + messageLength(rest);
}

function messageLength(frame: Uint8Array): number {
  if (frame[0] !== 0) {
    throw askError(
      'ERR_ANSWER_COMPRESSED',
      'the answer is compressed, which was not asked for; check what stands before buildkitd',
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
    `${what} is larger than the ${most} bytes that are taken; check that this is buildkitd's address`,
  );
}
