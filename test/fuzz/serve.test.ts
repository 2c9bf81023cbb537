import { once } from 'node:events';
import { connect } from 'node:net';
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

describe('a server of waits', () => {
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
});
