import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type BackendName, backendNames, type EndpointSnapshot } from '../../src/backends/types.ts';
import { compiled } from '../support/native.ts';
import { joinSandboxes, tcpStates } from '../support/network.ts';
import { type Observe, startObserver } from '../support/observer.ts';
import {
  type Client,
  type PeerProcess,
  startClients,
  startDaemon,
} from '../support/peer-process.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it as itInSandbox } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

interface Stage {
  readonly sandbox: Sandbox;
  readonly daemon: PeerProcess;
  readonly clients: PeerProcess;
  readonly observe: Observe;
}

const it = itInSandbox.extend<{ stage: Stage }>({
  stage: async ({ sandbox, daemon, clients }, use) => {
    await use({ sandbox, daemon, clients, observe: await startObserver(sandbox) });
  },
});

// What both must agree on. A unix client's peer is known to sock-diag alone.
function tcpSet({ connections }: EndpointSnapshot): string[] {
  return connections
    .map(({ peer, peerAddress, inode }) => `${peer} ${peerAddress} ${inode}`)
    .sort();
}

function inodeSet({ connections }: EndpointSnapshot): number[] {
  return connections.map(({ inode }) => inode).sort((a, b) => a - b);
}

function peers({ connections }: EndpointSnapshot): (string | null)[] {
  return connections.map(({ peer }) => peer).sort();
}

function names(clients: readonly Client[]): string[] {
  return clients.map(({ name }) => name).sort();
}

/** What the daemon itself says it has accepted, once it has accepted so many. */
async function acceptedBy(
  daemon: PeerProcess,
  count: number,
): Promise<{ peer: string | null; inode: number }[]> {
  for (;;) {
    const accepted = await daemon.accepted();
    if (accepted.length >= count) {
      return [...accepted];
    }
  }
}

describe.concurrent.each(backendNames)('%s, of TCP', (by: BackendName) => {
  it.for([
    ['IPv4 clients', 'tcp://127.0.0.1:1234', 'tcp://127.0.0.1:1234', '127.0.0.1'],
    ['IPv6 clients', 'tcp://[::1]:1234', 'tcp://[::1]:1234', '::1'],
    ['IPv4 clients of an IPv6 listener', 'tcp://[::]:1234', 'tcp://127.0.0.1:1234', '127.0.0.1'],
  ] as const)('sees %s, each with its peer and inode', async ([, listened, to, ip], { stage }) => {
    const { daemon, clients, observe } = stage;
    const { inode } = await daemon.listen(listened);
    const some = await clients.connect(to, 3);
    const accepted = await acceptedBy(daemon, 3);

    const snapshot = await observe(by, 'tcp://0.0.0.0:1234');
    expect(snapshot.name).toBe(by);
    expect(snapshot.listenerInodes).toEqual([inode]);
    expect(peers(snapshot)).toEqual(names(some));
    expect(tcpSet(snapshot)).toEqual(
      accepted.map((each) => `${each.peer} ${ip} ${each.inode}`).sort(),
    );
  });

  it('sees IPv4 and IPv6 clients of one listener together', async ({ stage }) => {
    const { daemon, clients, observe } = stage;
    await daemon.listen('tcp://[::]:1234');
    const some = await clients.connect('tcp://127.0.0.1:1234', 2);
    const others = await clients.connect('tcp://[::1]:1234', 2);
    expect(peers(await observe(by, 'tcp://0.0.0.0:1234'))).toEqual(names([...some, ...others]));
  });

  it('counts a client that the daemon has not accepted, with inode 0', async ({ stage }) => {
    const { daemon, clients, observe } = stage;
    const { inode } = await daemon.listen('tcp://127.0.0.1:1234');
    await daemon.process.signal('SIGSTOP');
    const some = await clients.connect('tcp://127.0.0.1:1234', 2);
    const snapshot = await observe(by, 'tcp://0.0.0.0:1234');
    expect(peers(snapshot)).toEqual(names(some));
    expect(inodeSet(snapshot)).toEqual([0, 0]);
    expect(snapshot.listenerInodes).toEqual([inode]);
  });

  it('keeps apart port 12345 and port 1234', async ({ stage }) => {
    const { daemon, clients, observe } = stage;
    await daemon.listen('tcp://127.0.0.1:1234');
    await daemon.listen('tcp://127.0.0.1:12345');
    const some = await clients.connect('tcp://127.0.0.1:1234', 1);
    const others = await clients.connect('tcp://127.0.0.1:12345', 2);
    expect(peers(await observe(by, 'tcp://0.0.0.0:1234'))).toEqual(names(some));
    expect(peers(await observe(by, 'tcp://0.0.0.0:12345'))).toEqual(names(others));
  });

  it("does not take the daemon's own connection to a port 1234 for a client", async ({
    stage,
    openSandbox,
  }) => {
    const { daemon, sandbox, observe } = stage;
    const otherNetns = await openSandbox();
    const [, address] = await joinSandboxes(sandbox, otherNetns);
    const other = await startDaemon(otherNetns);
    await other.listen('tcp://0.0.0.0:1234');
    await daemon.listen('tcp://0.0.0.0:1234');
    await daemon.connect(`tcp://${address}:1234`, 2);
    const snapshot = await observe(by, 'tcp://0.0.0.0:1234');
    expect(snapshot.listenerInodes).toHaveLength(1);
    expect(snapshot.connections).toEqual([]);
    const theirs = await startObserver(otherNetns);
    expect((await theirs(by, 'tcp://0.0.0.0:1234')).connections).toHaveLength(2);
  });

  it('does not count a client that has closed its half', async ({ stage }) => {
    const { daemon, clients, observe, sandbox } = stage;
    await daemon.listen('tcp://127.0.0.1:1234', { keepsHalfOpen: true });
    const some = await clients.connect('tcp://127.0.0.1:1234', 3);
    await clients.finish(some.slice(0, 1));
    await waitFor('CLOSE_WAIT', () => tcpStates(sandbox, 1234).includes('CLOSE_WAIT'));
    expect(peers(await observe(by, 'tcp://0.0.0.0:1234'))).toEqual(names(some.slice(1)));
  });

  it('does not count what a connection leaves behind in TIME_WAIT', async ({ stage }) => {
    const { daemon, clients, observe, sandbox } = stage;
    await daemon.listen('tcp://127.0.0.1:1234');
    await clients.connect('tcp://127.0.0.1:1234', 2);
    await acceptedBy(daemon, 2);
    await daemon.dismiss();
    await waitFor('TIME_WAIT', () => {
      return tcpStates(sandbox, 1234).sort().join() === 'LISTEN,TIME_WAIT,TIME_WAIT';
    });
    const snapshot = await observe(by, 'tcp://0.0.0.0:1234');
    expect(snapshot.listenerInodes).toHaveLength(1);
    expect(snapshot.connections).toEqual([]);
  });

  it('sees the clients of an MPTCP listener, plain ones and those that use MPTCP', async ({
    stage,
  }) => {
    const { clients, observe, sandbox } = stage;
    const mptcp = compiled('mptcp');
    const listener = await sandbox.start([mptcp, 'listen', '1234']);
    const [, listening] = (await listener.line(0)).split(' ');
    const [plain] = await clients.connect('tcp://127.0.0.1:1234');
    const [, accepted] = (await listener.line(1)).split(' ');
    const multipath = await sandbox.start([mptcp, 'connect', '1234']);
    const [, port] = (await multipath.line(0)).split(' ');
    const [, acceptedToo] = (await listener.line(2)).split(' ');

    const snapshot = await observe(by, 'tcp://0.0.0.0:1234');
    expect(snapshot.listenerInodes).toEqual([Number(listening)]);
    expect(tcpSet(snapshot)).toEqual(
      [`${plain?.name} 127.0.0.1 ${accepted}`, `127.0.0.1:${port} 127.0.0.1 ${acceptedToo}`].sort(),
    );
  });

  it('sees 5,000 clients at once', async ({ stage }) => {
    const { daemon, clients, observe } = stage;
    await daemon.listen('tcp://[::]:1234', { backlog: 4096 });
    const some = await clients.connect('tcp://127.0.0.1:1234', 2500);
    const others = await clients.connect('tcp://[::1]:1234', 2500);
    const accepted = await acceptedBy(daemon, 5000);
    const snapshot = await observe(by, 'tcp://0.0.0.0:1234');
    expect(peers(snapshot)).toEqual(names([...some, ...others]));
    expect(inodeSet(snapshot)).toEqual(accepted.map(({ inode }) => inode).sort((a, b) => a - b));
  });

  it('sees neither listener nor client where nothing listens', async ({ stage }) => {
    const { daemon, observe } = stage;
    await daemon.listen('tcp://127.0.0.1:8372');
    const { listenerInodes, connections } = await observe(by, 'tcp://0.0.0.0:1234');
    expect({ listenerInodes, connections }).toEqual({ listenerInodes: [], connections: [] });
  });

  it('does not see what another network namespace has', async ({ stage, openSandbox }) => {
    const { observe } = stage;
    const other = await openSandbox();
    const [daemon, clients] = await Promise.all([startDaemon(other), startClients(other)]);
    await daemon.listen('tcp://127.0.0.1:1234');
    await clients.connect('tcp://127.0.0.1:1234');
    const { listenerInodes, connections } = await observe(by, 'tcp://0.0.0.0:1234');
    expect({ listenerInodes, connections }).toEqual({ listenerInodes: [], connections: [] });
  });
});

describe.concurrent.each(backendNames)('%s, of a daemon that is stopped', (by: BackendName) => {
  it.for(['tcp://127.0.0.1:1234', 'unix:///run/buildkitd.sock'])(
    'does not count clients that have closed, accepted or queued, with or without data: %s',
    async (address, { stage }) => {
      const { daemon, clients, observe } = stage;
      await daemon.listen(address);
      const accepted = await clients.connect(address, 2);
      await acceptedBy(daemon, 2);
      await daemon.process.signal('SIGSTOP');
      const queued = await clients.connect(address, 3);
      await clients.say([...accepted, ...queued.slice(0, 2)], 'x'.repeat(2000));
      expect((await observe(by, address)).connections).toHaveLength(5);

      const [stays, leaves] = accepted;
      const [staysQueued, ...leaveTheQueue] = queued;
      const left = [leaves, ...leaveTheQueue].flatMap((client) => client ?? []);
      await clients.leave(left);
      const here = [stays, staysQueued].flatMap((client) => client ?? []);
      await waitFor('the closed connections to be gone', async () => {
        const { connections } = await observe(by, address);
        expect(connections.length).toBeGreaterThanOrEqual(here.length);
        return connections.length === here.length;
      });
      const snapshot = await observe(by, address);
      expect(snapshot.listenerInodes).toHaveLength(1);
      const isNamed = by === 'sock-diag' || address.startsWith('tcp:');
      expect(peers(snapshot)).toEqual(isNamed ? names(here) : [null, null]);
      expect(inodeSet(snapshot)[0]).toBe(0);

      await clients.kill();
      await waitFor('no connection to be left', async () => {
        return (await observe(by, address)).connections.length === 0;
      });
    },
  );
});

describe.concurrent.each(backendNames)('%s, of unix sockets', (by: BackendName) => {
  const socket = '/run/buildkitd.sock';

  it('sees accepted clients, and does not take the listener for one', async ({ stage }) => {
    const { daemon, clients, observe } = stage;
    const { inode } = await daemon.listen(`unix://${socket}`);
    const some = await clients.connect(`unix://${socket}`, 3);
    const accepted = await acceptedBy(daemon, 3);
    const snapshot = await observe(by, `unix://${socket}`);
    expect(snapshot.listenerInodes).toEqual([inode]);
    expect(inodeSet(snapshot)).toEqual(accepted.map((each) => each.inode).sort((a, b) => a - b));
    expect(peers(snapshot)).toEqual(by === 'sock-diag' ? names(some) : [null, null, null]);
  });

  it('sees queued clients besides accepted ones, with inode 0', async ({ stage }) => {
    const { daemon, clients, observe } = stage;
    await daemon.listen(`unix://${socket}`);
    const some = await clients.connect(`unix://${socket}`, 1);
    const [accepted] = await acceptedBy(daemon, 1);
    await daemon.process.signal('SIGSTOP');
    const others = await clients.connect(`unix://${socket}`, 2);
    const snapshot = await observe(by, `unix://${socket}`);
    expect(inodeSet(snapshot)).toEqual([0, 0, accepted?.inode]);
    expect(peers(snapshot)).toEqual(
      by === 'sock-diag' ? names([...some, ...others]) : [null, null, null],
    );
  });

  it('sees 3,000 queued clients at once', async ({ stage }) => {
    const { daemon, clients, observe } = stage;
    const { inode } = await daemon.listen(`unix://${socket}`, { backlog: 4096 });
    await daemon.process.signal('SIGSTOP');
    const some = await clients.connect(`unix://${socket}`, 3000);
    const snapshot = await observe(by, `unix://${socket}`);
    expect(snapshot.listenerInodes).toEqual([inode]);
    expect(inodeSet(snapshot)).toEqual(Array(3000).fill(0));
    if (by === 'sock-diag') {
      expect(peers(snapshot)).toEqual(names(some));
    }
  });

  it('does not take a socket file without a listener for one', async ({ stage }) => {
    const { daemon, observe, sandbox } = stage;
    await daemon.listen(`unix://${socket}`);
    await daemon.process.signal('SIGKILL');
    await daemon.process.ended;
    const file = await (await sandbox.start(['stat', '--format=%F', socket])).ended;
    expect(file.stdout).toBe('socket\n');
    const { listenerInodes, connections } = await observe(by, `unix://${socket}`);
    expect({ listenerInodes, connections }).toEqual({ listenerInodes: [], connections: [] });
  });

  it.for([
    ['a path of 107 bytes', `/run/${'p'.repeat(102)}`],
    ['a path with blanks and letters beyond ASCII', '/run/mein büld/käfig.sock'],
  ])('finds %s', async ([, path], { stage }) => {
    const { daemon, clients, observe, sandbox } = stage;
    await (await sandbox.start(['mkdir', '-p', '/run/mein büld'])).ended;
    const { inode } = await daemon.listen(`unix://${path}`);
    await clients.connect(`unix://${path}`, 2);
    const accepted = await acceptedBy(daemon, 2);
    const snapshot = await observe(by, `unix://${path}`);
    expect(snapshot.listenerInodes).toEqual([inode]);
    expect(inodeSet(snapshot)).toEqual(accepted.map((each) => each.inode).sort((a, b) => a - b));
  });

  it.for([
    ['an abstract name', 'buildkitd'],
    ['an abstract name of 106 bytes', 'n'.repeat(106)],
  ] as const)('finds %s', async ([, name], { stage }) => {
    const { observe, sandbox } = stage;
    const abstract = compiled('abstract');
    const listener = await sandbox.start([abstract, 'listen', name]);
    const inodes = [(await listener.line(0)).split(' ')[1]];
    const client = await sandbox.start([abstract, 'connect', name]);
    const clientInode = (await client.line(0)).split(' ')[1];
    inodes.push((await listener.line(1)).split(' ')[1]);
    const snapshot = await observe(by, `unix://@${name}`);
    expect([...snapshot.listenerInodes, ...inodeSet(snapshot)]).toEqual(inodes.map(Number));
    expect(peers(snapshot)).toEqual([by === 'sock-diag' ? `socket:[${clientInode}]` : null]);
  });

  it('distinguishes an abstract name from a path with the same letters, and a name from its prefix', async ({
    stage,
  }) => {
    const { daemon, clients, observe, sandbox } = stage;
    const abstract = compiled('abstract');
    await daemon.listen('unix:///run/a');
    await daemon.listen('unix:///run/ab');
    const listener = await sandbox.start([abstract, 'listen', '/run/a']);
    await listener.line(0);
    await clients.connect('unix:///run/ab', 2);
    const client = await sandbox.start([abstract, 'connect', '/run/a']);
    await client.line(0);
    expect((await observe(by, 'unix:///run/a')).connections).toHaveLength(0);
    expect((await observe(by, 'unix:///run/ab')).connections).toHaveLength(2);
    expect((await observe(by, 'unix://@/run/a')).connections).toHaveLength(1);
  });

  it('finds a socket by a path that leads through a symbolic link', async ({ stage }) => {
    const { daemon, clients, observe, sandbox } = stage;
    mkdirSync(join(sandbox.directory, 'real'));
    await (await sandbox.start(['ln', '-s', `${sandbox.directory}/real`, '/run/link'])).ended;
    const { inode } = await daemon.listen(`unix://${sandbox.directory}/real/d.sock`);
    await clients.connect(`unix://${sandbox.directory}/real/d.sock`);
    const snapshot = await observe(by, 'unix:///run/link/d.sock');
    expect(snapshot.listenerInodes).toEqual([inode]);
    expect(snapshot.connections).toHaveLength(1);
  });

  it('finds a socket by the path that the daemon wrote, itself through a symbolic link', async ({
    stage,
  }) => {
    const { daemon, clients, observe, sandbox } = stage;
    mkdirSync(join(sandbox.directory, 'real'));
    await (await sandbox.start(['ln', '-s', `${sandbox.directory}/real`, '/run/link'])).ended;
    await daemon.listen('unix:///run/link/d.sock');
    await clients.connect('unix:///run/link/d.sock');
    expect((await observe(by, 'unix:///run/link/d.sock')).connections).toHaveLength(1);
  });
});

describe.concurrent('both backends', () => {
  it('see the same set of connections in a sandbox with all kinds of sockets at once', async ({
    stage,
  }) => {
    const { daemon, clients, observe, sandbox } = stage;
    const connect = clients.connect;
    await daemon.listen('tcp://[::]:1234', { keepsHalfOpen: true });
    await daemon.listen('tcp://127.0.0.1:12345');
    await daemon.listen('unix:///run/d.sock');
    await connect('tcp://127.0.0.1:1234', 20);
    await connect('tcp://[::1]:1234', 20);
    await connect('tcp://127.0.0.1:12345', 5);
    await connect('unix:///run/d.sock', 7);
    await clients.finish(await connect('tcp://127.0.0.1:1234', 3));
    await acceptedBy(daemon, 55);
    await daemon.process.signal('SIGSTOP');
    await connect('tcp://127.0.0.1:1234', 4);
    await connect('tcp://[::1]:1234', 4);
    await connect('unix:///run/d.sock', 6);
    const closed = (): boolean =>
      tcpStates(sandbox, 1234).filter((state) => state === 'CLOSE_WAIT').length === 3;
    await waitFor('three half-closed connections', closed);

    const tcp = await observe('sock-diag', 'tcp://0.0.0.0:1234');
    const tcpTable = await observe('procfs', 'tcp://0.0.0.0:1234');
    expect(tcp.connections).toHaveLength(48);
    expect(tcpSet(tcp)).toEqual(tcpSet(tcpTable));
    expect(tcp.listenerInodes).toEqual(tcpTable.listenerInodes);
    const unix = await observe('sock-diag', 'unix:///run/d.sock');
    const unixTable = await observe('procfs', 'unix:///run/d.sock');
    expect(inodeSet(unix).filter((inode) => inode === 0)).toHaveLength(6);
    expect(unix.connections).toHaveLength(13);
    expect(inodeSet(unix)).toEqual(inodeSet(unixTable));
    expect(unix.listenerInodes).toEqual(unixTable.listenerInodes);
  });
});

describe.concurrent('the differences of the backends', () => {
  it('procfs sees another network namespace through the directory of one of its processes', async ({
    sandbox,
    openSandbox,
  }) => {
    const other = await openSandbox();
    const [daemon, clients] = await Promise.all([startDaemon(other), startClients(other)]);
    // In the sandbox's network, with all processes of the tests visible.
    const observe = await startObserver(sandbox, { namespaces: ['net'] });
    await daemon.listen('tcp://127.0.0.1:1234');
    await daemon.listen('unix:///run/d.sock');
    const some = await clients.connect('tcp://127.0.0.1:1234', 2);
    await clients.connect('unix:///run/d.sock', 3);
    const theirs = `/proc/${other.pid}/net`;
    expect(peers(await observe('procfs', 'tcp://0.0.0.0:1234', theirs))).toEqual(names(some));
    expect((await observe('procfs', 'unix:///run/d.sock', theirs)).connections).toHaveLength(3);
    expect((await observe('procfs', 'tcp://0.0.0.0:1234')).listenerInodes).toEqual([]);
  });

  it('only sock-diag knows the traffic: what is unknown is null', async ({ stage }) => {
    const { daemon, clients, observe } = stage;
    await daemon.listen('tcp://127.0.0.1:1234');
    const client = await clients.connectMutely('tcp://127.0.0.1:1234');
    await clients.say(client, 'hello');
    await waitFor('five bytes', async () => {
      const [known] = (await observe('sock-diag', 'tcp://0.0.0.0:1234')).traffic;
      return known?.bytesReceived === 5;
    });
    expect((await observe('procfs', 'tcp://0.0.0.0:1234')).traffic).toEqual([null]);
  });

  it('sock-diag reports which call was refused, and its errno', async ({ sandbox }) => {
    const through = [compiled('refuse'), 'always', '13'];
    const observe = await startObserver(sandbox, { through });
    await expect(observe('sock-diag', 'tcp://0.0.0.0:1234')).rejects.toThrow(
      'BackendError: sock_diag: socket failed with EACCES',
    );
    await expect(observe('procfs', 'tcp://0.0.0.0:1234')).resolves.toMatchObject({
      connections: [],
    });
  });
});
