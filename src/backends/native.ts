import { constants } from 'node:os';
import { dlopen } from 'node:process';
import { getSystemErrorName } from 'node:util';
import { addonPath, remedy } from './addon-path.ts';
import { BackendError, type PollMode } from './types.ts';

/** The addon's exports; native/addon/addon.cc is the other side of this type. */
export interface NativeAddon {
  /** SHA-256 of the sources that the binary was built from. */
  readonly sourceHash: string;
  readonly SockDiag: new () => NativeSockDiag;
  readonly TcpTracker: new (localPort: number) => NativeTcpTracker;
  readonly UnixTracker: new (name: Uint8Array) => NativeUnixTracker;
  readonly PollLoop: new () => NativePollLoop;
  /**
   * Opens a unix socket that listens under an abstract name, given without its leading zero byte, and
   * accepts no connection. It needs no event loop, and is gone with its thread at the latest.
   * @returns its descriptor, for `closeAbstract` alone: the runtime does not know of it.
   */
  listenAbstract(name: Uint8Array): number;
  /** Closes one of these listeners. */
  closeAbstract(descriptor: number): void;
  /**
   * Reaps the dead children of this process, except `own`, which its starter waits for. Does not
   * block. Other dead children may be left behind a dead `own`.
   * @returns how many it has reaped.
   */
  reapOrphans(own: number): number;
}

/**
 * Plain dumps over one NETLINK_SOCK_DIAG socket that is kept open. Like all objects of the addon, it
 * sees the network namespace of its thread, and its methods throw errors with `errno` and `syscall`.
 */
interface NativeSockDiag {
  /** The LISTEN and ESTABLISHED TCP sockets of both families with this local port. */
  tcp(localPort: number): NativeTcpSocket[];
  /** The LISTEN TCP sockets of both families with any local port. */
  tcpListeners(): NativeTcpSocket[];
  /** The sockets with exactly this name; an abstract one begins with a zero byte. */
  unix(name: Uint8Array): NativeUnixSockets;
  close(): void;
}

/**
 * Keeps the answer of `SockDiag.tcp` up to date, exactly and at a fraction of the cost. All trackers of
 * a thread share three descriptors, which are closed with the last of them.
 */
export interface NativeTcpTracker {
  /**
   * Polls once. The number changes if and only if what is seen does, or a connection that may have
   * transferred data has ended.
   */
  poll(): number;
  /**
   * All sockets as of the last poll that did not throw, or those of them with these cookies, in this
   * order, and with their traffic.
   */
  sockets(cookies?: Float64Array): NativeTcpSocket[];
  /** A row of three numbers for each of these sockets: its cookie, its inode, and 1 for a listener. */
  ids(): Float64Array;
  /**
   * A row of seven numbers for each of their connections: its cookie, and `bytesReceived`, `bytesAcked`,
   * `lastDataReceivedMs`, `lastDataSentMs`, `lastAckReceivedMs` and `unanswered` of NativeTcpSocket,
   * with -1 for null. A `PollLoop` compares with the latest of these.
   */
  traffic(): Float64Array;
  /**
   * The connections that the kernel has freed since the last call, seen or not, with the bytes of
   * their whole life. A last entry without a peer's port stands for all the others that there was no
   * room for: with the maximum of their bytes, or null if any of those is unknown.
   */
  takeEnded(): Pick<NativeTcpSocket, 'peerAddress' | 'peerPort' | 'bytesReceived'>[];
  /** At least this many connections have ended without any poll having seen them. */
  seenBetweenPolls(): number;
  /** The peers' ports of the latest 1,024 of those, oldest first; 0 for an unknown one. */
  portsBetweenPolls(): number[];
  /**
   * Calls back from the event loop, which it does not keep alive, when a connection of the last
   * poll has been destroyed. A later call replaces the callback; null removes it.
   * @returns false if the kernel gives us no such events. Polls are correct without them.
   */
  onDestroyed(callback: (() => void) | null): boolean;
  /** How the last poll got its answer: `tracked`, or why it dumped the kernel's table. */
  mode(): PollMode;
  close(): void;
}

/** The answer of `SockDiag.unix`, with a number that changes when it does. */
export interface NativeUnixTracker {
  poll(): number;
  /** As of the last poll that did not throw. */
  sockets(): NativeUnixSockets;
  close(): void;
}

export type NativeTracker = NativeTcpTracker | NativeUnixTracker;

/** Polls trackers of its thread from the event loop, without JavaScript. One run at a time. */
export interface NativePollLoop {
  /**
   * Begins a run, which keeps the event loop alive; one that is under way ends without a call. At each
   * tick it polls, unless `dueInMs` has passed since the start, or more than `longestGapMs` since the
   * poll before began, which was `sinceLastMs` ago. If it does not poll, if a poll fails, or if a
   * tracker does not have the revision given with it, the run is over, and `onEnd` is called. That is so
   * as well with `seesTraffic` when a connection's traffic differs from that of the tracker's last
   * `traffic`, and with `seesBetweenPolls` when its `seenBetweenPolls` has moved.
   * @returns false if the runtime has no libuv loop.
   */
  start(
    trackers: readonly (readonly [NativeTracker, number])[],
    intervalMs: number,
    dueInMs: number,
    longestGapMs: number,
    sinceLastMs: number,
    seesTraffic: boolean,
    seesBetweenPolls: boolean,
    onEnd: () => void,
  ): boolean;
  /** Ends the run without a call. */
  stop(): void;
  /** How many polls of the latest run found no change. */
  polls(): number;
  /** When the last of those began, in milliseconds since the run did: before any, `-sinceLastMs`. */
  lastMs(): number;
  close(): void;
}

/** From inet_diag_msg and tcp_info; what an older kernel's tcp_info lacks is null. */
interface NativeTcpSocket {
  readonly state: 'listen' | 'established';
  readonly localAddress: string;
  readonly localPort: number;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly inode: number;
  readonly uid: number;
  readonly cookie: bigint;
  readonly unanswered: number;
  readonly bytesReceived: number | null;
  readonly bytesAcked: number | null;
  readonly lastDataSentMs: number | null;
  readonly lastDataReceivedMs: number | null;
  readonly lastAckReceivedMs: number | null;
}

interface NativeUnixSockets {
  /** With the inodes of the clients in the listener's queue; 0 for a client that has left. */
  readonly listeners: readonly { inode: number; queuedPeerInodes: readonly number[] }[];
  readonly accepted: readonly { inode: number; peerInode: number }[];
}

let loaded: NativeAddon | undefined;

/**
 * Loads the addon: a local build if there is one, else the committed prebuild.
 *
 * @throws BackendError (`ERR_ADDON`) that says what to do.
 */
export function loadAddon(): NativeAddon {
  try {
    loaded ??= open(addonPath());
    return loaded;
  } catch (cause) {
    const reason = firstLine(cause instanceof Error ? cause.message : String(cause));
    throw new BackendError(
      'ERR_ADDON',
      'load the addon',
      `the native addon can't be loaded (${reason}); ${remedy()}`,
      { cause },
    );
  }
}

/** As `require` does, without its search for how to load a file. */
function open(path: string): NativeAddon {
  const module = { exports: {} };
  dlopen(module, path);
  return module.exports as NativeAddon;
}

/** Calls the addon, and turns its errors into a backend's. */
export function guarded<Answer>(call: () => Answer): Answer {
  try {
    return call();
  } catch (error) {
    throw error instanceof BackendError ? error : fromNative(error);
  }
}

export function fromNative(cause: unknown): BackendError {
  const { errno, syscall } = cause as { errno?: number; syscall?: string };
  if (errno === undefined || syscall === undefined) {
    const message = cause instanceof Error ? cause.message : String(cause);
    return new BackendError('ERR_ADDON', 'call the addon', `the addon failed: ${message}`, {
      cause,
    });
  }
  const code = errnoName(errno);
  return new BackendError(code, syscall, `sock_diag: ${syscall} failed with ${code}`, { cause });
}

// Node.js has no name for errors that libuv does not know, such as EBADMSG.
function errnoName(errno: number): string {
  const name = getSystemErrorName(errno);
  const known = Object.entries(constants.errno).find(([, number]) => number === -errno);
  return name.startsWith('E') ? name : (known?.[0] ?? name);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
