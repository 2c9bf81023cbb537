import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Buildkitd, startBuildkitd, startClient } from '../../test/support/buildkitd.ts';
import { type Call, commanded } from '../../test/support/commanded.ts';
import { machineMs } from '../../test/support/machine-time.ts';
import { nodeCalled } from '../../test/support/peer-process.ts';
import { run } from '../../test/support/running.ts';
import { openSandbox, type Sandbox, type SandboxProcess } from '../../test/support/sandbox.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import {
  createTail,
  endAll,
  enter,
  type GroundTruth,
  newLifetime,
  openGroundTruth,
  readNotes,
} from './ground-truth.ts';
import { type ClientPlan, type EndpointName, type Incident, listeners } from './plan.ts';

const program = fileURLToPath(new URL('clients.mjs', import.meta.url));

const requestEveryMs = 1000;

/** A daemon and its clients in namespaces of their own, and the truth of them. */
export interface Workload {
  readonly sandbox: Sandbox;
  readonly truth: GroundTruth;
  /** Takes up what the clients have noted. */
  readonly readNotes: () => void;
  /** Has the daemon listen on these. */
  readonly openEndpoints: (endpoints: readonly EndpointName[]) => Promise<void>;
  /** Sends clients, each at its time after the given moment. */
  readonly send: (clients: readonly ClientPlan[], startMs: number) => Promise<void>;
  /** Connects a client that stays connected. Returns the function that closes the connection. */
  readonly hold: (endpoint: EndpointName) => Promise<() => Promise<void>>;
  readonly happen: (incident: Incident) => Promise<void>;
  readonly close: () => Promise<void>;
}

interface ClientProcess {
  readonly process: SandboxProcess;
  readonly call: Call;
  readonly prefix: string;
}

export async function openWorkload(name: string): Promise<Workload> {
  const sandbox = await openSandbox();
  const truth = openGroundTruth();
  const notesPath = join(sandbox.directory, 'notes');
  writeFileSync(notesPath, '');
  const tail = createTail(notesPath);
  let endpoints: readonly EndpointName[] = [];
  let daemon: Buildkitd | null = null;
  let lastNumber = 0;
  const number = (): number => {
    lastNumber += 1;
    return lastNumber;
  };

  const takeNotes = (): void => {
    for (const note of readNotes(tail())) {
      enter(truth, note);
    }
  };

  const startClientProcess = async (): Promise<ClientProcess> => {
    const node = nodeCalled(sandbox, 'buildctl');
    const process = await sandbox.start([node, program, notesPath]);
    return { process, call: await commanded(process), prefix: `${name}-${number()}-` };
  };
  const steady = await startClientProcess();
  let mortal = await startClientProcess();

  const requestBuilds = async (): Promise<void> => {
    const fromMs = machineMs();
    if (await isDone(daemon?.builds())) {
      truth.answeredRequests.push({ fromMs, toMs: machineMs() });
    }
  };
  let lastRequest = Promise.resolve();
  const requestTimer = setInterval(() => {
    lastRequest = lastRequest.then(requestBuilds);
  }, requestEveryMs);

  const startDaemon = async (down?: { toMs: number }): Promise<void> => {
    // What a daemon does that finds the socket of one that was killed.
    const path = listeners.unix.address.slice('unix://'.length);
    await run(['nsenter', `--target=${sandbox.pid}`, '--mount', 'rm', '-f', path]).ended;
    daemon = await startBuildkitd(sandbox);
    if (down !== undefined) {
      down.toMs = machineMs();
    }
    for (const endpoint of endpoints) {
      await daemon.listen(listeners[endpoint].address);
    }
  };

  const endDaemon = async (): Promise<{ fromMs: number; toMs: number }> => {
    const down = { fromMs: machineMs(), toMs: Infinity };
    truth.downs.push(down);
    await kill(daemon?.process);
    const killedMs = machineMs();
    takeNotes();
    endAll(truth.lifetimes.values(), { fromMs: down.fromMs, toMs: killedMs });
    for (const [index, build] of truth.builds.entries()) {
      truth.builds[index] = { ...build, toMs: Math.min(build.toMs, down.fromMs) };
    }
    return down;
  };

  const planned = (
    { endpoint, address, lifeMs, end, hasSentNothing }: ClientPlan,
    { prefix }: ClientProcess,
  ) => ({
    id: `${prefix}${number()}`,
    ...{ endpoint, address, lifeMs, end, hasSentNothing },
  });

  const happenings: Readonly<Record<Incident['kind'], (lifeMs: number) => Promise<void>>> = {
    async 'restart-daemon'(lifeMs) {
      const down = await endDaemon();
      await delay(lifeMs);
      await startDaemon(down);
    },
    async 'stop-daemon'(lifeMs) {
      const stopped = daemon?.process;
      const stop = { fromMs: machineMs(), toMs: Infinity };
      truth.stops.push(stop);
      await stopFor(stopped, lifeMs);
      stop.toMs = machineMs();
    },
    'stop-clients': (lifeMs) => stopFor(mortal.process, lifeMs),
    async 'kill-clients'() {
      const { process, prefix } = mortal;
      const fromMs = machineMs();
      await kill(process);
      takeNotes();
      const theirs = [...truth.lifetimes.values()].filter(({ id }) => id.startsWith(prefix));
      endAll(theirs, { fromMs, toMs: machineMs() });
      mortal = await startClientProcess();
    },
    async build(lifeMs) {
      const ref = `${name}-build-${number()}`;
      const runner = daemon;
      if (!(await isDone(runner?.begin(ref)))) {
        return;
      }
      const build = { ref, fromMs: machineMs(), toMs: Infinity };
      truth.builds.push(build);
      await delay(lifeMs);
      const endingMs = machineMs();
      // Where the daemon was killed, its end is known.
      const index = truth.builds.findIndex((each) => each.ref === ref && each.toMs === Infinity);
      if (index >= 0) {
        truth.builds[index] = { ...build, toMs: endingMs };
      }
      await isDone(runner?.end(ref));
    },
    async 'build-of-client'(lifeMs) {
      const endpoint = endpoints[0] ?? 'unix';
      const lifetime = newLifetime(`${name}-process-${number()}`, endpoint, false, machineMs());
      truth.lifetimes.set(lifetime.id, lifetime);
      const client = await startClient(sandbox, 'build', listeners[endpoint].ways[0], {
        ref: lifetime.id,
      });
      const isReady = await waitFor(
        'the client',
        () => client.stdout() !== '' || client.hasEnded(),
      );
      // Between this and its kill it is there, unless the daemon or the daemon's end has its way.
      lifetime.fromMs = isReady && !client.hasEnded() ? machineMs() : null;
      await delay(lifeMs);
      const isThere = !client.hasEnded() && client.stdout() === '"ready"\n';
      const leavingMs = machineMs();
      await kill(client);
      lifetime.isDismissed = !isThere && lifetime.toMs === Infinity;
      lifetime.toMs = Math.min(lifetime.toMs, leavingMs);
      lifetime.latestMs = Math.min(lifetime.latestMs, machineMs());
    },
    async hog(lifeMs) {
      const hogs = [1, 2].map(() => run(['sh', '-c', 'while :; do :; done']));
      await delay(Math.min(lifeMs, 1000));
      await Promise.all(hogs.map((hog) => hog.kill()));
    },
    beside: (lifeMs) => steady.call({ do: 'beside', count: 50, lifeMs }),
  };

  return {
    sandbox,
    truth,
    readNotes: takeNotes,
    async openEndpoints(now) {
      endpoints = now;
      const down = await endDaemon();
      await startDaemon(down);
    },
    async send(clients, startMs) {
      if (mortal.process.hasEnded()) {
        mortal = await startClientProcess();
      }
      await Promise.all(
        [steady, mortal].map((clientProcess) => {
          const theirs = clients.filter(({ isMortal }) => isMortal === (clientProcess === mortal));
          const timed = theirs.map((client) => ({
            ...planned(client, clientProcess),
            atMs: startMs + client.atMs,
          }));
          return clientProcess.call({ do: 'play', clients: timed });
        }),
      );
    },
    async hold(endpoint) {
      const id = `${steady.prefix}holder-${number()}`;
      const [address] = listeners[endpoint].ways;
      const client = {
        id,
        endpoint,
        address,
        lifeMs: null,
        end: 'close',
        hasSentNothing: false,
        atMs: 0,
      };
      await steady.call({ do: 'play', clients: [client] });
      await waitFor('the holder', () => {
        takeNotes();
        return truth.lifetimes.get(id)?.fromMs;
      });
      return () => steady.call({ do: 'leave', id });
    },
    happen: ({ kind, lifeMs }) => happenings[kind](lifeMs),
    async close() {
      clearInterval(requestTimer);
      await sandbox.close();
    },
  };
}

async function stopFor(process: SandboxProcess | undefined, lifeMs: number): Promise<void> {
  if (process === undefined || process.hasEnded()) {
    return;
  }
  try {
    await process.signal('SIGSTOP');
    await delay(lifeMs);
    await process.signal('SIGCONT');
  } catch {
    // Killed meanwhile.
  }
}

/** Whether a command was done: a daemon that is killed meanwhile does it no more. */
async function isDone(command: Promise<unknown> | undefined): Promise<boolean> {
  return (
    (await command?.then(
      () => true,
      () => false,
    )) ?? false
  );
}

/** Kills a process of a sandbox itself: what the sandbox started is only `nsenter`. */
async function kill(resident: SandboxProcess | undefined): Promise<void> {
  if (resident === undefined || resident.hasEnded()) {
    return;
  }
  try {
    process.kill(resident.pid, 'SIGKILL');
    // Where it was stopped, so was its `nsenter`, which has to see its end.
    process.kill(resident.parentPid, 'SIGCONT');
  } catch {
    // It has ended by itself.
  }
  await resident.ended;
}
