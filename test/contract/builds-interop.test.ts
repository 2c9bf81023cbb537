import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http2';
import { Client, credentials } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { createBuildsClient } from '../../src/builds/client.ts';
import { parseEndpoint } from '../../src/options/endpoint.ts';

interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const service = '/moby.buildkit.v1.Control/';

/** The calls that a server gets from whoever is told its address. */
async function callsOf(ask: (address: string) => Promise<unknown>, count: number): Promise<Call[]> {
  const calls: Call[] = [];
  const server = createServer();
  server.on('stream', async (stream, headers) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) {
      chunks.push(chunk);
    }
    calls.push({ headers, body: Buffer.concat(chunks).toString('hex') });
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    // An empty message: a daemon that does not say its version is asked nevertheless.
    stream.end(headers[':path'] === `${service}Info` ? Buffer.alloc(5) : undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  await ask(`127.0.0.1:${port}`);
  await expect.poll(() => calls.length).toBe(count);
  server.close();
  return calls.sort((one, other) => pathOf(one).localeCompare(pathOf(other)));
}

function pathOf({ headers }: Call): string {
  return headers[':path'] ?? '';
}

/** What the two of them must agree on: the rest is each one's own. */
function essence({ headers, body }: Call): unknown {
  const { ':method': method, ':path': path, ':scheme': scheme, te } = headers;
  const type = headers['content-type'];
  return { method, path, scheme, te, type, body };
}

describe('a question for builds', () => {
  it('is the same as one of a gRPC library', async () => {
    const ours = await callsOf(
      (address) => createBuildsClient({ endpoint: parseEndpoint(`tcp://${address}`) }).ask(),
      2,
    );
    const theirs = await callsOf(async (address) => {
      const client = new Client(address, credentials.createInsecure());
      const asIs = (bytes: Buffer): Buffer => bytes;
      const list = client.makeServerStreamRequest(
        `${service}ListenBuildHistory`,
        asIs,
        asIs,
        Buffer.from([8, 1, 24, 1]),
      );
      list.resume();
      list.on('error', () => {});
      client.makeUnaryRequest(`${service}Info`, asIs, asIs, Buffer.alloc(0), () => {});
      await once(list, 'status');
      client.close();
    }, 2);
    expect(ours.map(essence)).toEqual(theirs.map(essence));
    expect(ours.map(({ body }) => body)).toEqual(['0000000000', '000000000408011801']);
  });
});
