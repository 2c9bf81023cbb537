import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { holdsAsync, mutated } from '../support/fuzz.ts';
import { it } from '../support/serve.ts';

const request = (path: string): Buffer =>
  Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: localhost:9234\r\nAccept: application/openmetrics-text\r\n\r\n`,
  );

const requests = fc
  .constantFrom('/healthz', '/readyz', '/connections', '/metrics', '/nowhere?x=%00')
  .chain((path) => fc.oneof(mutated(request(path)), mutated(request(path)), fc.uint8Array()));

const lineEnds = fc.array(fc.constantFrom('\r\n', '\n'), { maxLength: 3 });
const behind = fc.oneof(
  lineEnds.map((ends) => Buffer.from(ends.join(''))),
  fc.constant(request('/drain')),
  fc.uint8Array({ maxLength: 40 }),
);

/** One request with line ends before it and anything behind it, cut into segments. */
const segmented = fc
  .tuple(lineEnds, behind, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }))
  .map(([before, after, cuts]) => {
    const bytes = Buffer.concat([Buffer.from(before.join('')), request('/healthz'), after]);
    const at = cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b);
    return [0, ...at].map((begin, index) => bytes.subarray(begin, at[index]));
  });

/** Sends segments, and resolves with what came until the other side has closed. */
async function answerToSegments(port: number, segments: readonly Uint8Array[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  const parts: string[] = [];
  socket.setEncoding('latin1').on('data', (part: string) => void parts.push(part));
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  for (const segment of segments) {
    socket.write(segment);
    await setImmediate();
  }
  await closed;
  return parts.join('');
}

/** Sends bytes and no more, and resolves with what came until the other side has closed. */
async function answerTo(port: number, bytes: Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const parts: string[] = [];
  socket.setEncoding('latin1').on('data', (part: string) => void parts.push(part));
  // One that is refused may be cut off.
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  socket.end(bytes);
  await closed;
  return parts.join('');
}

describe('serve', () => {
  it('answers any bytes as HTTP or not at all, and goes on', async ({ served }) => {
    const { port, get, cli } = await served.serve();
    await holdsAsync(
      [requests],
      async (bytes) => {
        const answer = await answerTo(port, bytes);
        expect(answer).toMatch(/^(HTTP\/1\.1 \d{3} [^\r\n]*\r\n|$)/);
        expect(answer).not.toMatch(/^HTTP\/1\.1 5(?!03)/);
      },
      60,
    );
    expect((await get('/healthz')).status).toBe(200);
    const log = cli.process.stderr();
    expect(log.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    // Which fails where a line is not whole.
    expect(cli.logs().every(({ level }) => level !== 'error')).toBe(true);
  });

  it('answers one request however it is cut, whatever is around it', async ({ served }) => {
    const { port, cli } = await served.serve();
    await holdsAsync(
      [segmented],
      async (segments) => {
        const answer = await answerToSegments(port, segments);
        expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n\{"serving":true\}\n$/);
      },
      60,
    );
    const events = cli.logs().map(({ event }) => event);
    expect(events.filter((event) => event === 'bad-request' || event === 'started')).toEqual([]);
  });
});
