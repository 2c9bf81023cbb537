// For scripts that try the addon by itself, in processes and threads of their own.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

export const loadAddon = () => createRequire(import.meta.url)(process.env.ADDON);

/** A TCP and a unix listener of this process, and clients that come and go. */
export async function openFixture() {
  const path = join(tmpdir(), `buildkit-drain-${randomUUID()}.sock`);
  process.on('exit', () => rmSync(path, { force: true }));
  const accept = () => createServer((socket) => socket.resume().on('error', () => {}));
  const tcp = accept().listen(0, '127.0.0.1');
  const unix = accept().listen(path);
  await Promise.all([once(tcp, 'listening'), once(unix, 'listening')]);
  const { port } = tcp.address();

  const arriveAt = async (server, ...where) => {
    const accepted = once(server, 'connection');
    const client = connect(...where);
    const [[socket]] = await Promise.all([accepted, once(client, 'connect')]);
    return {
      /** Resolves when both ends are gone. */
      async leave() {
        const closed = once(socket, 'close');
        client.destroy();
        await closed;
      },
    };
  };
  return {
    port,
    // Of its own memory and not of Buffer's pool: an over-read shows.
    name: Uint8Array.from(Buffer.from(path)),
    arrive: () => arriveAt(tcp, port, '127.0.0.1'),
    arriveByUnix: () => arriveAt(unix, path),
    close() {
      tcp.close();
      unix.close();
    },
  };
}

/**
 * Endpoints in a process of their own (endpoints.mjs), of which the n-th has n % 3 clients. `ask`
 * hands over a line without waiting for it to be done.
 */
export async function startEndpoints(count, folder) {
  const args = [fileURLToPath(new URL('endpoints.mjs', import.meta.url)), String(count)];
  const child = spawn(process.execPath, folder === undefined ? args : [...args, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value } = await lines.next();
  return {
    addresses: JSON.parse(value),
    ask: (line) => child.stdin.write(`${line}\n`),
    done: () => lines.next(),
    async end() {
      const exit = once(child, 'exit');
      child.stdin.end();
      await exit;
    },
  };
}

/** A worker that runs `body`, in which `addon`, `port`, `name` and `parent` are at hand. */
export function startWorker(body, { port, name } = {}) {
  const source = `
    import { parentPort as parent, workerData } from 'node:worker_threads';
    import { loadAddon } from ${JSON.stringify(import.meta.url)};
    const { port, name } = workerData;
    const addon = loadAddon();
    ${body}`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { port, name },
  });
}

/** What a worker posts last, and its exit code: both may come in one turn. */
export async function messagesOf(worker) {
  const [[message], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  return [message, code];
}

/** What this process has open that the addon opens, too, by what /proc calls it. */
export function descriptors() {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return /^socket:|\/net\/snmp$/.test(target) ? [target] : [];
    } catch {
      return [];
    }
  });
}

/** Resolves when `isSo` returns true; says what it waited for when it does not. */
export async function waitFor(what, isSo) {
  const end = Date.now() + 20_000;
  while (!isSo()) {
    if (Date.now() > end) {
      throw new Error(`Waited in vain until ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
