import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type Cli, type CliOptions, checkJson, startCli } from './cli.ts';
import { wrongInRecord } from './json-page.ts';
import { type PeerProcess, startClients, startDaemon } from './peer-process.ts';
import type { Sandbox } from './sandbox.ts';
import { it as itInSandbox } from './test.ts';

// In the network namespace of the tests, which so can call: ports and paths have to be unique.
const namespaces = ['pid', 'mount'] as const;

interface Reply {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The address to call from. */
  readonly from?: string;
}

/** A call that may take its time. */
interface Call {
  readonly reply: Promise<Reply>;
  readonly hangUp: () => void;
}

/** `buildkit-drain serve` as a process, and what one does with it. */
export interface Serve {
  readonly cli: Cli;
  readonly port: number;
  readonly get: (path: string, options?: CallOptions) => Promise<Reply>;
  readonly call: (path: string, options?: CallOptions) => Call;
  /** Opens a connection, and sends these bytes. */
  readonly open: (bytes: string, from?: string) => Raw;
}

interface Raw {
  readonly socket: Socket;
  /** Resolves with all that came, when the connection is closed. */
  readonly closed: Promise<string>;
}

/** A daemon that listens on `address`, its clients, and a way to start to serve. */
export interface ServeFixture {
  readonly sandbox: Sandbox;
  readonly daemon: PeerProcess;
  readonly clients: PeerProcess;
  readonly address: string;
  readonly serve: (...args: readonly string[]) => Promise<Serve>;
}

export const it = itInSandbox.extend<{ served: ServeFixture }>({
  served: async ({ sandbox }, use) => {
    const daemon = await startDaemon(sandbox, { namespaces });
    const clients = await startClients(sandbox, { namespaces });
    const { address } = await daemon.listen('tcp://127.0.0.1:0');
    const serve = (...args: readonly string[]): Promise<Serve> =>
      startServe(sandbox, ['--builds', 'off', '--addr', address, ...args]);
    await use({ sandbox, daemon, clients, address, serve });
  },
});

/** Runs `buildkit-drain serve` on a free port, with a short interval and quiet period. */
export async function startServe(
  sandbox: Sandbox,
  args: readonly string[],
  options: CliOptions = {},
): Promise<Serve> {
  const quick = ['--interval', '20ms', '--quiet-period', '500ms'];
  const log = ['--log-to', 'stderr', '--log-level', 'debug'];
  const command = ['serve', '--listen', '127.0.0.1:0', ...quick, ...log, ...args];
  const cli = await startCli(sandbox, command, { namespaces, ...options });
  const port = Number(new URL(String((await cli.event('serving'))['url'])).port);
  const call = (path: string, options?: CallOptions): Call => callAt(port, path, options);
  return {
    cli,
    port,
    call,
    get: (path, options) => call(path, options).reply,
    open: (bytes, from) => openAt(port, bytes, from),
  };
}

function callAt(port: number, path: string, { from, ...options }: CallOptions = {}): Call {
  let sent: ClientRequest | undefined;
  const reply = new Promise<Reply>((resolve, reject) => {
    const where = {
      host: '127.0.0.1',
      port,
      path,
      agent: false,
      ...(from && { localAddress: from }),
    };
    sent = request({ ...where, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () => {
        try {
          checkAnswer(path, response.statusCode, body);
          resolve({ status: response.statusCode, headers: response.headers, body });
        } catch (error) {
          reject(error);
        }
      });
    });
    sent.on('error', reject).end();
  });
  return { reply, hangUp: () => sent?.destroy() };
}

const described = ['/drain', '/accepting', '/readyz', '/healthz', '/connections'];

/** Holds the JSON of an answer against docs/json.md. */
function checkAnswer(path: string, status: number | undefined, body: string): void {
  if (path === '/metrics' || body === '') {
    return;
  }
  const answer = JSON.parse(body);
  const isRefused = !described.includes(path) || 'expected' in answer || status === 500;
  checkJson(wrongInRecord(isRefused ? 'Refused requests' : `GET ${path}`, answer), body);
}

function openAt(port: number, bytes: string, from?: string): Raw {
  const socket = connect({ host: '127.0.0.1', port, ...(from && { localAddress: from }) });
  let got = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    got += text;
  });
  socket.on('error', () => {});
  socket.write(Buffer.from(bytes, 'latin1'));
  return { socket, closed: new Promise((resolve) => socket.on('close', () => resolve(got))) };
}
