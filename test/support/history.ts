import fc from 'fast-check';
import { expect } from 'vitest';
import { type BackendName, backendNames, type EndpointSnapshot } from '../../src/backends/types.ts';
import type { Observe } from './observer.ts';
import type { Client, PeerProcess } from './peer-process.ts';
import { waitFor } from './wait-for.ts';

/** Sockets of a real kernel, and the processes that make and observe them. */
export interface Stage {
  readonly daemon: PeerProcess;
  readonly clients: PeerProcess;
  readonly observe: Observe;
}

const transports = ['tcp', 'unix'] as const;
type Transport = (typeof transports)[number];

const listened = { tcp: 'tcp://[::]:1234', unix: 'unix:///run/d.sock' } as const;
export const otherPort = 'tcp://127.0.0.1:12345';
const ways = {
  tcp: ['tcp://127.0.0.1:1234', 'tcp://[::1]:1234'],
  unix: [listened.unix],
} as const;

/** The ground truth: what must be listed, kept by nothing but what was done. */
interface Truth {
  readonly listeners: Record<Transport, number | null>;
  /** The connected clients. */
  readonly here: Record<Transport, Client[]>;
  /** The names of leaving clients, which may be listed until the daemon has closed its end. */
  readonly leaving: Record<Transport, string[]>;
  isStopped: boolean;
}

type Command = fc.AsyncCommand<Truth, Stage>;

function command(
  text: string,
  check: (truth: Readonly<Truth>) => boolean,
  run: (truth: Truth, stage: Stage) => Promise<void>,
): Command {
  return { check, run, toString: () => text };
}

function peers({ connections }: EndpointSnapshot): (string | null)[] {
  return connections.map(({ peer }) => peer);
}

const namesOf = (clients: readonly Client[]): string[] => clients.map(({ name }) => name);

/**
 * Polls until the snapshot is correct, which must be so at once except for what the daemon itself
 * has to do. No poll meanwhile may miss a connection, or show one that does not exist.
 */
async function checkSnapshot(
  by: BackendName,
  transport: Transport,
  truth: Truth,
  { observe }: Stage,
): Promise<void> {
  const here = namesOf(truth.here[transport]);
  const allowed = [...here, ...truth.leaving[transport]];
  const isNamed = by === 'sock-diag' || transport === 'tcp';
  // A unix connection that its client has half closed is open until the daemon closes it, which a
  // stopped daemon does not do. Of TCP, a connection without its client's half is not established.
  const mayStay = truth.isStopped && transport === 'unix';
  await waitFor(`a correct snapshot of ${transport} by ${by}`, async () => {
    const snapshot = await observe(by, listened[transport]);
    const listener = truth.listeners[transport];
    expect(snapshot.listenerInodes).toEqual(listener === null ? [] : [listener]);
    const seen = peers(snapshot);
    expect(seen.length).toBeGreaterThanOrEqual(here.length);
    expect(seen.length).toBeLessThanOrEqual(allowed.length);
    if (isNamed) {
      expect(seen).toEqual(expect.arrayContaining(here));
      const others = seen.filter((name) => name === null || !allowed.includes(name));
      expect(others).toEqual([]);
    }
    if (snapshot.isUnchanged) {
      expect(lastSeen.get(`${by} ${transport}`)).toEqual(snapshot.connections);
    }
    lastSeen.set(`${by} ${transport}`, snapshot.connections);
    return mayStay || seen.length === here.length;
  });
  if (by === 'procfs' && !mayStay) {
    truth.leaving[transport] = [];
  }
}

const lastSeen = new Map<string, EndpointSnapshot['connections']>();

async function checkAll(truth: Truth, stage: Stage): Promise<void> {
  for (const transport of transports) {
    for (const by of backendNames) {
      await checkSnapshot(by, transport, truth, stage);
    }
  }
}

/** Waits until the daemon has accepted all clients. */
async function untilAccepted(truth: Truth, stage: Stage): Promise<void> {
  await checkAll(truth, stage);
  await waitFor('the daemon to accept all', async () => {
    const accepted = (await stage.daemon.accepted()).map(({ peer }) => peer);
    const unix = accepted.filter((peer) => peer === null).length;
    const isThere = ({ name }: Client): boolean => accepted.includes(name);
    return unix >= truth.here.unix.length && truth.here.tcp.every(isThere);
  });
}

const isRunning = ({ isStopped }: Truth): boolean => !isStopped;

const result = fc.constant(command('poll', () => true, checkAll));

const connect = fc
  .tuple(fc.constantFrom(...transports), fc.nat(), fc.constantFrom(1, 1, 2, 3, 20))
  .map(([transport, way, count]) => {
    const to = ways[transport][way % ways[transport].length] ?? listened[transport];
    return command(
      `connect ${count} to ${to}`,
      ({ listeners }) => listeners[transport] !== null,
      async ({ here }, { clients }) =>
        void here[transport].push(...(await clients.connect(to, count))),
    );
  });

/** A client ends: at once, or its own half first. */
const end = fc
  .tuple(fc.constantFrom(...transports), fc.nat(), fc.constantFrom('leave', 'finish'))
  .map(([transport, which, how]) =>
    command(
      `${how} of ${transport} client ${which}`,
      ({ here }) => here[transport].length > 0,
      async ({ here, leaving }, { clients }) => {
        const [client] = here[transport].splice(which % here[transport].length, 1);
        if (client !== undefined) {
          leaving[transport].push(client.name);
          await clients[how as 'leave' | 'finish']([client]);
        }
      },
    ),
  );

/** Clients that come and go between two polls. */
const burst = fc
  .tuple(fc.constantFrom(...transports), fc.integer({ min: 1, max: 8 }))
  .map(([transport, count]) =>
    command(
      `burst of ${count} ${transport} clients`,
      ({ listeners }) => listeners[transport] !== null,
      async ({ leaving }, { clients }) => {
        const some = await clients.connect(ways[transport][0], count);
        leaving[transport].push(...namesOf(some));
        await clients.leave(some);
      },
    ),
  );

const otherNetns = fc.constant(
  command(
    'connect to another port',
    () => true,
    async (_, { clients }) => {
      await clients.connect(otherPort);
    },
  ),
);

const stop = fc.constant(
  command('stop the daemon', isRunning, async (truth, { daemon }) => {
    await daemon.process.signal('SIGSTOP');
    truth.isStopped = true;
  }),
);

const goOn = fc.constant(
  command(
    'let the daemon go on',
    ({ isStopped }) => isStopped,
    async (truth, { daemon }) => {
      await daemon.process.signal('SIGCONT');
      truth.isStopped = false;
    },
  ),
);

/** The daemon ends all connections. */
const dismiss = fc.constant(
  command('dismiss', isRunning, async (truth, stage) => {
    await untilAccepted(truth, stage);
    await stage.daemon.dismiss();
    for (const transport of transports) {
      truth.leaving[transport].push(...namesOf(truth.here[transport].splice(0)));
    }
  }),
);

const listenOrNot = fc.constantFrom(...transports).map((transport) =>
  command(`listen or not on ${transport}`, isRunning, async (truth, stage) => {
    if (truth.listeners[transport] === null) {
      truth.listeners[transport] = await listenOn(transport, stage);
    } else {
      // A client that is not accepted yet would be refused.
      await untilAccepted(truth, stage);
      await stage.daemon.unlisten(listened[transport]);
      truth.listeners[transport] = null;
    }
  }),
);

async function listenOn(transport: Transport, { daemon }: Stage): Promise<number> {
  // With TCP, the connection of a client that has closed its half stays open until the daemon closes it.
  const options = { keepsHalfOpen: transport === 'tcp' };
  return (await daemon.listen(listened[transport], options)).inode;
}

/** Histories of sockets, with polls at any time. */
export const histories = fc.commands(
  [
    result,
    result,
    result,
    connect,
    connect,
    end,
    end,
    burst,
    otherNetns,
    stop,
    goOn,
    dismiss,
    listenOrNot,
  ],
  { maxCommands: 30 },
);

/** Plays one history on what is left of the one before, which is nothing that can be seen. */
export async function playHistory(stage: Stage, commands: Iterable<Command>): Promise<void> {
  const truth: Truth = {
    listeners: { tcp: null, unix: null },
    here: { tcp: [], unix: [] },
    leaving: { tcp: [], unix: [] },
    isStopped: false,
  };
  for (const transport of transports) {
    truth.listeners[transport] = await listenOn(transport, stage);
  }
  try {
    await fc.asyncModelRun(() => ({ model: truth, real: stage }), commands);
    await checkAll(truth, stage);
  } finally {
    if (truth.isStopped) {
      await stage.daemon.process.signal('SIGCONT');
      truth.isStopped = false;
    }
    await stage.clients.leave([...truth.here.tcp, ...truth.here.unix]);
    for (const transport of transports) {
      truth.leaving[transport].push(...namesOf(truth.here[transport].splice(0)));
      if (truth.listeners[transport] !== null) {
        await stage.daemon.unlisten(listened[transport]);
        truth.listeners[transport] = null;
      }
    }
    await checkAll(truth, stage);
    await stage.daemon.dismiss();
  }
}
