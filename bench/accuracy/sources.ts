import { loadAddon } from '../../src/backends/native.ts';
import { readTcpRows, readUnixRows } from '../../src/backends/procfs/procfs.ts';
import { runShell } from '../runner/shell.ts';
import { tcpKey } from './ground-truth.ts';
import type { LoadTarget } from './load.ts';
import type { Transport } from './types.ts';

/** What a detector polls. */
export interface Source {
  /** The keys of the open connections, in any order; the same array if nothing has changed. */
  readonly poll: () => readonly number[] | Promise<readonly number[]>;
  /** Peers' ports of the connections that ended since the last call and that no poll had seen. */
  readonly reportedEnds: () => readonly number[];
  /** Calls back when a known connection has ended. */
  readonly onEnd: (callback: () => void) => void;
  readonly close: () => void;
}

export interface SourceContext {
  readonly target: LoadTarget;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** A method of counting connections. */
export interface WatchMethod {
  readonly name: string;
  /** Its name in the report. */
  readonly title: string;
  readonly transports: readonly Transport[];
  /** The program that it runs; its CPU is that of child processes. Null if it needs none. */
  readonly program: string | null;
  /** Whether it is notified of ends: then it detects all connections, and polls when `wait` would. */
  readonly hasEvents: boolean;
  readonly open: (transport: Transport, context: SourceContext) => Source;
}

const both = ['tcp', 'unix'] as const;
const tcpAlone = ['tcp'] as const;

/** All methods, that of `buildkit-drain wait` first. */
export const watchMethods: readonly WatchMethod[] = [
  {
    ...{ name: 'tracked-events', title: 'tracked set, with events', transports: tcpAlone },
    ...{ program: null, hasEvents: true },
    open: (_, { target }) => tracked(target.port, true),
  },
  {
    ...{ name: 'tracked', title: 'tracked set, without events', transports: tcpAlone },
    ...{ program: null, hasEvents: false },
    open: (_, { target }) => tracked(target.port, false),
  },
  {
    ...{ name: 'dump', title: 'sock_diag dump', transports: both },
    ...{ program: null, hasEvents: false },
    open: (transport, { target }) =>
      transport === 'tcp' ? tcpDump(target.port) : unixDump(target.path),
  },
  {
    ...{ name: 'procfs', title: 'procfs', transports: both },
    ...{ program: null, hasEvents: false },
    open: (transport, { target }) =>
      pollSource(() => (transport === 'tcp' ? tcpTable(target.port) : unixTable(target.path))),
  },
  {
    ...{ name: 'ss', title: 'ss', transports: both, program: 'ss', hasEvents: false },
    open: (transport, context) =>
      transport === 'tcp'
        ? shellSource(
            `ss -tnH state established sport = :${context.target.port}`,
            tcpLine(3),
            context,
          )
        : shellSource(`ss -xnH state established src ${context.target.path}`, unixLine, context),
  },
  {
    ...{ name: 'netstat', title: 'netstat pipeline', transports: tcpAlone },
    ...{ program: 'netstat', hasEvents: false },
    open: (_, context) =>
      // The script counts these lines, with `grep -c`.
      shellSource(
        `netstat -tnp | grep buildkitd | grep :${context.target.port} | grep ESTABLISHED`,
        tcpLine(4),
        context,
      ),
  },
];

export const methodNames = watchMethods.map(({ name }) => name);

function tracked(port: number, withEvents: boolean): Source {
  const tracker = new (loadAddon().TcpTracker)(port);
  let revision = -1;
  let keys: readonly number[] = [];
  let reportedBefore = 0;
  return {
    poll() {
      const now = tracker.poll();
      if (now !== revision) {
        revision = now;
        keys = establishedKeys(tracker.sockets());
      }
      return keys;
    },
    reportedEnds() {
      const count = withEvents ? tracker.seenBetweenPolls() : 0;
      const fresh = count - reportedBefore;
      reportedBefore = count;
      return fresh === 0 ? [] : tracker.portsBetweenPolls().slice(-fresh);
    },
    onEnd(callback) {
      if (withEvents) {
        tracker.onDestroyed(callback);
      }
    },
    close: () => tracker.close(),
  };
}

/** A source without events. */
function pollSource(poll: Source['poll'], close: () => void = () => {}): Source {
  return { poll, reportedEnds: () => [], onEnd: () => {}, close };
}

function tcpDump(port: number): Source {
  const kernel = new (loadAddon().SockDiag)();
  return pollSource(
    () => establishedKeys(kernel.tcp(port)),
    () => kernel.close(),
  );
}

function unixDump(path: string): Source {
  const tracker = new (loadAddon().UnixTracker)(Buffer.from(path));
  let revision = -1;
  let keys: readonly number[] = [];
  return pollSource(
    () => {
      const now = tracker.poll();
      if (now !== revision) {
        revision = now;
        const { accepted, listeners } = tracker.sockets();
        const queued = listeners.flatMap(({ queuedPeerInodes }) => queuedPeerInodes);
        keys = [...accepted.map(({ inode }) => inode), ...queued];
      }
      return keys;
    },
    () => tracker.close(),
  );
}

interface TcpRow {
  readonly state: 'listen' | 'established';
  readonly peerAddress: string;
  readonly peerPort: number;
}

function establishedKeys(rows: readonly TcpRow[]): number[] {
  return rows
    .filter(({ state }) => state === 'established')
    .map(({ peerAddress, peerPort }) => addressKey(peerAddress, peerPort));
}

function tcpTable(port: number): number[] {
  return establishedKeys(readTcpRows('/proc/net', { localPort: port }));
}

function unixTable(path: string): number[] {
  return readUnixRows('/proc/net')
    .filter(({ name, state }) => name === path && state !== 'listen')
    .map(({ inode }) => inode);
}

/** A command that prints a line for each connection. */
function shellSource(
  command: string,
  keyOf: (fields: readonly string[]) => number,
  context: SourceContext,
): Source {
  return pollSource(async () => {
    const output = await runShell(command, context);
    const lines = output.split('\n').filter((line) => line.trim() !== '');
    return lines.map((line) => keyOf(line.trim().split(/\s+/)));
  });
}

/** Reads the line of a TCP connection, whose peer is in the given field. */
function tcpLine(peerField: number): (fields: readonly string[]) => number {
  return (fields) => {
    const peer = fields[peerField] ?? '';
    const colon = peer.lastIndexOf(':');
    return addressKey(peer.slice(0, colon), Number(peer.slice(colon + 1)));
  };
}

/** `u_str 0 0 /path 6594080 * 6594079`: the daemon's inode, then that of the client. */
function unixLine(fields: readonly string[]): number {
  return Number(fields[4]);
}

// A mapped address counts as IPv4; only these have dots.
function addressKey(address: string, port: number): number {
  return tcpKey(!address.includes('.'), port);
}
