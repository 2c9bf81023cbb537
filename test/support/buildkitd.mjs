// A stand-in for buildkitd that speaks its API: it builds nothing, and knows which builds run.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { brokenServers } from './broken-server.mjs';
import { serveCommands } from './commands.mjs';
import { createContent } from './content.mjs';
import {
  bytesField,
  completeEvent,
  content,
  control,
  firstText,
  infoResponse,
  startedEvent,
} from './wire.mjs';

// What a beat is on the wire, with the 14 bytes that HTTP/2 and gRPC add to a message.
const beatBytes = 196 - 14;
const workersBytes = 600;
// Where v0.12.3 is asked with more builds than this, it holds a lock from then on, and no build ends.
const queueLength = 32;
let isLocked = false;
// A record has some kilobytes.
const recordFiller = ' '.repeat(4000);

const stored = createContent();
const listeners = new Map();
const builds = new Map();
/** The calls that listen to what happens to builds, until they hang up. */
const monitors = new Set();
const record = [];
/** The builds that it has finished, the one that began last first. */
let finished = [];

// The clock that all processes of a machine share.
const machineMs = () => Number(process.hrtime.bigint()) / 1e6;
const behaviour = {
  package: 'github.com/moby/buildkit',
  version: 'v0.25.0',
  /** right, false-zero, late-build, unimplemented, error or garbage */
  answer: 'right',
  /** How many builds it has finished before, and keeps a record of. */
  history: 1,
  /** The digest of these builds' logs. */
  logs: null,
  /** Whether it records builds, also those that run: not where its history is switched off. */
  recordsBuilds: true,
  /** How long it waits before it answers; -1 for ever. */
  delayMs: 0,
  beatMs: 5000,
  /** How long a session may leave its health checks unanswered. Its build goes on without it. */
  patienceMs: 40_000,
  /** How long a build takes that no command ends before; null for ever. */
  buildMs: null,
  /** die at once, as up to v0.13, or wait for the running builds, as since v0.14 */
  onSigterm: 'die',
  /** Whether it sends no more records than it is asked for: older versions send them all. */
  knowsLimit: true,
};

const failures = {
  unimplemented: { code: status.UNIMPLEMENTED, details: 'unknown method' },
  error: { code: status.UNAVAILABLE, details: 'not now' },
};

const after = (answer) => behaviour.delayMs >= 0 && setTimeout(answer, behaviour.delayMs);

function listenBuildHistory(call) {
  const { answer } = behaviour;
  if (answer === 'false-zero' && builds.size > queueLength) {
    isLocked = true;
    return;
  }
  const [activeOnly, earlyExit, limitOne] = [
    [0x08, 1],
    [0x18, 1],
    [0x28, 1],
  ].map((field) => call.request.includes(Buffer.from(field)));
  after(() => {
    if (failures[answer]) {
      call.emit('error', failures[answer]);
      return;
    }
    const events = answer === 'garbage' ? [Buffer.from('garbage')] : active(activeOnly);
    const completed = answer === 'garbage' || activeOnly ? [] : past(limitOne);
    for (const event of [...events, ...completed]) {
      call.write(event);
    }
    if (earlyExit) {
      call.end();
    } else {
      monitors.add(call);
      call.on('cancelled', () => monitors.delete(call));
    }
  });
}

function active(activeOnly) {
  const { answer, recordsBuilds } = behaviour;
  if (answer === 'late-build' && !activeOnly) {
    return [startedEvent({ ref: 'late', startedAtMs: Date.now() })];
  }
  return answer === 'right' && recordsBuilds ? [...builds.values()].map(startedEvent) : [];
}

function past(limitOne) {
  const { history, logs, knowsLimit } = behaviour;
  const before = Array.from({ length: history }, (_, number) => {
    return { ref: `past-${number}${recordFiller}`, startedAtMs: 0, endedAtMs: 0, logs };
  });
  const records = [...finished, ...before];
  return (limitOne && knowsLimit ? records.slice(0, 1) : records).map(completeEvent);
}

function tellMonitors(event) {
  if (behaviour.recordsBuilds) {
    monitors.forEach((call) => void call.write(event));
  }
}

function info(_, answer) {
  const isOld = behaviour.answer === 'unimplemented';
  const { package: name, version } = behaviour;
  const response = version === '' ? Buffer.alloc(0) : infoResponse({ package: name, version });
  after(() => answer(isOld ? { code: status.UNIMPLEMENTED } : null, response));
}

function begin(ref, onEnd = () => {}) {
  const entry = { ref, begunMs: machineMs(), endedMs: null };
  record.push(entry);
  const startedAtMs = Date.now();
  builds.set(ref, { ref, startedAtMs, onEnd, entry });
  tellMonitors(startedEvent({ ref, startedAtMs }));
}

function drop(ref, errorCode = null) {
  const build = builds.get(ref);
  if (builds.delete(ref)) {
    build.entry.endedMs = machineMs();
    const { startedAtMs } = build;
    const done = { ref, startedAtMs, endedAtMs: Date.now(), errorCode };
    tellMonitors(completeEvent(done));
    finished = behaviour.recordsBuilds
      ? [done, ...finished].sort((one, other) => other.startedAtMs - one.startedAtMs)
      : finished;
  }
  return build;
}

function end(ref) {
  if (!isLocked) {
    drop(ref)?.onEnd();
  }
}

/** A build is as long as the call that asks for it. */
function solve(call, answer) {
  const ref = firstText(call.request);
  begin(ref, () => answer(null, Buffer.alloc(0)));
  if (behaviour.buildMs !== null) {
    setTimeout(end, behaviour.buildMs, ref);
  }
  call.on('cancelled', () => drop(ref, status.CANCELLED));
}

/** BytesMessages: the server asks for a sign of life now and then, and the client gives it. */
function session(call) {
  const message = bytesField(1, Buffer.alloc(beatBytes));
  let heardMs = machineMs();
  const beat = setInterval(() => {
    if (machineMs() - heardMs <= behaviour.patienceMs) {
      call.write(message);
      return;
    }
    stop();
    call.end();
  }, behaviour.beatMs);
  const stop = () => clearInterval(beat);
  call.on('data', () => {
    heardMs = machineMs();
  });
  call.on('error', stop);
  call.on('cancelled', stop);
  call.on('end', () => {
    stop();
    call.end();
  });
}

function listWorkers(_, answer) {
  answer(null, bytesField(1, bytesField(1, Buffer.alloc(workersBytes, 'w'))));
}

function targetOf(address) {
  return address.startsWith('tcp://')
    ? address.slice('tcp://'.length)
    : address.replace('unix://', 'unix:').replace(':@', ':\0');
}

function credentialsOf(tls) {
  if (tls === undefined) {
    return ServerCredentials.createInsecure();
  }
  const [ca, cert, key] = [tls.ca, tls.cert, tls.key].map((path) => path && readFileSync(path));
  const pair = { private_key: key, cert_chain: cert };
  return ServerCredentials.createSsl(ca ?? null, [pair], ca !== undefined);
}

function listen({ address, tls }) {
  if (address.startsWith('unix:///')) {
    const path = address.slice('unix://'.length);
    mkdirSync(dirname(path), { recursive: true });
    // What an earlier process has left.
    rmSync(path, { force: true });
  }
  const server = new Server();
  server.addService(control, { listenBuildHistory, info, solve, session, listWorkers });
  server.addService(content, stored.methods);
  return new Promise((resolve, reject) => {
    server.bindAsync(targetOf(address), credentialsOf(tls), (error, port) => {
      if (error) {
        reject(error);
        return;
      }
      const text = address.startsWith('tcp://') ? address.replace(/:\d+$/, `:${port}`) : address;
      listeners.set(text, { unlisten: () => server.unbind(targetOf(text)), server });
      resolve({ address: text });
    });
  });
}

function listenBroken({ address, how }) {
  const server = brokenServers[how]();
  const [, host, port] = /^tcp:\/\/\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  const where = host === undefined ? { path: address.slice(7) } : { host, port: Number(port) };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      const text = address.replace(/:\d+$/, `:${server.address().port}`);
      listeners.set(text, { unlisten: () => server.close() });
      resolve({ address: text });
    });
  });
}

let sigterms = 0;

process.on('SIGTERM', () => {
  sigterms += 1;
  if (behaviour.onSigterm === 'die' || sigterms === 3) {
    process.exit(1);
  }
  const servers = [...listeners.values()].flatMap(({ server }) => server ?? []);
  const shut = servers.map((server) => new Promise((resolve) => server.tryShutdown(resolve)));
  void Promise.all(shut).then(() => process.exit(1));
});

await serveCommands({
  listen,
  listenBroken,
  /** Accepts no more connections; open ones stay open. */
  unlisten: ({ address }) => void listeners.get(address).unlisten(),
  behave: (changes) => void Object.assign(behaviour, changes),
  begin: ({ refs }) => refs.forEach((ref) => void begin(ref)),
  end: ({ refs }) => refs.forEach(end),
  /** Forgets the builds that it has finished. */
  prune() {
    finished = [];
    behaviour.history = 0;
  },
  builds: () => [...builds.keys()],
  /** All builds, with when they ran by the machine's monotonic clock; null for not ended. */
  record: () => record,
  ...stored.commands,
});
