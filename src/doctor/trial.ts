import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ListenOptions, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { factsOf } from '../backends/snapshot.ts';
import type { Backend, Endpoint, OpenEndpoint } from '../backends/types.ts';
import {
  type Attempt,
  attempt,
  attemptLater,
  type BackendTrial,
  type Family,
  families,
  type Trial,
} from './types.ts';

/**
 * Opens a listener of each kind, on the loopback interface and in a temporary folder, and checks whether each backend sees
 * it. Nothing connects to it.
 */
export async function tryBackends(backends: readonly Backend[]): Promise<Trial[]> {
  const folder = attempt(() => mkdtempSync(join(tmpdir(), 'buildkit-drain-')));
  try {
    const trials: Trial[] = [];
    for (const family of families) {
      trials.push(await tryFamily(family, folder, backends));
    }
    return trials;
  } finally {
    if (folder.kind === 'done') {
      rmSync(folder.value, { recursive: true, force: true });
    }
  }
}

async function tryFamily(
  family: Family,
  folder: Attempt<string>,
  backends: readonly Backend[],
): Promise<Trial> {
  const listener = await attemptLater(() => listen(family, folder));
  if (listener.kind === 'failed') {
    return { family, listener, backends: [] };
  }
  const { server, endpoint } = listener.value;
  const trials: BackendTrial[] = [];
  for (const backend of backends) {
    trials.push(await tryOne(backend, endpoint));
  }
  server.close();
  return { family, listener, backends: trials };
}

interface TriedListener {
  readonly server: Server;
  readonly endpoint: Endpoint;
}

async function listen(family: Family, folder: Attempt<string>): Promise<TriedListener> {
  if (family !== 'unix') {
    const server = await opened({ host: family === 'IPv4' ? '127.0.0.1' : '::1', port: 0 });
    const bound = server.address();
    const localPort = typeof bound === 'object' && bound !== null ? bound.port : 0;
    return { server, endpoint: { kind: 'tcp', address: `tcp://try:${localPort}`, localPort } };
  }
  if (folder.kind === 'failed') {
    throw new Error(folder.reason);
  }
  const path = join(folder.value, 'try.sock');
  return {
    server: await opened({ path }),
    endpoint: { kind: 'unix', address: `unix://${path}`, path },
  };
}

function opened(where: ListenOptions): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen(where, () => resolve(server));
  });
}

// After this many polls, with a pause between them, a backend shows how it gets its answers.
const mostPolls = 10;
const pauseMs = 20;

async function tryOne(backend: Backend, endpoint: Endpoint): Promise<BackendTrial> {
  const opened = attempt(() => backend.open(endpoint));
  if (opened.kind === 'failed') {
    return { backend: backend.name, sees: opened, mode: null, degraded: null, reportsEnds: null };
  }
  const open = opened.value;
  const poll = (): Attempt<boolean> => attempt(() => open.poll().listenerInodes.length > 0);
  let sees = poll();
  for (let polls = 1; polls < mostPolls && isSettling(open); polls += 1) {
    await delay(pauseMs);
    sees = poll();
  }
  const trial = {
    backend: backend.name,
    sees,
    mode: factsOf(open)?.mode() ?? null,
    degraded: factsOf(open)?.degraded() ?? null,
    reportsEnds: reportsEnds(open),
  };
  open.close();
  return trial;
}

function isSettling(open: OpenEndpoint): boolean {
  const mode = factsOf(open)?.mode() ?? 'tracked';
  return mode !== 'tracked' && mode !== 'counter-unreadable';
}

function reportsEnds(open: OpenEndpoint): boolean | null {
  const tcp = factsOf(open);
  if (tcp === null) {
    return null;
  }
  const hears = attempt(() => tcp.onEnd(() => {}));
  return hears.kind === 'done' && hears.value;
}
