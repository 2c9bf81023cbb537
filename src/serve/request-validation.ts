import type { Socket } from 'node:net';

/**
 * Lets the parser see no more than one request of a connection. A chunk of small requests would keep it
 * busy for longer than anybody could stop it: what comes behind the first header is overwritten with
 * zero bytes, which are no request.
 */
export function passOneRequest(socket: Socket): void {
  let isPassed = false;
  let tail = Buffer.alloc(0);
  socket.prependListener('data', (chunk: Buffer) => {
    const end = isPassed ? 0 : headerEnd(Buffer.concat([tail, chunk]));
    if (end === null) {
      tail = Buffer.from(chunk.subarray(-longestTail));
      return;
    }
    chunk.fill(0, isPassed ? 0 : end - tail.length);
    isPassed = true;
  });
}

const blankLines = ['\n\r\n', '\n\n'];
const longestTail = 2;

/** Where the header ends, with its blank line; null where it goes on. */
function headerEnd(bytes: Buffer): number | null {
  const ends = blankLines.flatMap((blank) => {
    const begin = bytes.indexOf(blank);
    return begin < 0 ? [] : [begin + blank.length];
  });
  return ends.length === 0 ? null : Math.min(...ends);
}
