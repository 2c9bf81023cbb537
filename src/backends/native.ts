import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { getSystemErrorName } from 'node:util';
// @ts-expect-error It comes without types.
import nodeGypBuild from 'node-gyp-build';
import { BackendError, type PollMode } from './types.ts';

/** The addon's exports; native/addon/addon.cc is the other side of this type. */
export interface NativeAddon {
  /** SHA-256 of the sources that the binary was built from. */
  readonly sourceHash: string;
  readonly SockDiag: new () => NativeSockDiag;
  readonly TcpTracker: new (localPort: number) => NativeTcpTracker;
  readonly UnixTracker: new (name: Uint8Array) => NativeUnixTracker;
  /**
   * Opens a unix socket that listens under an abstract name, given without its leading zero byte, and
   * takes nobody. It needs no event loop, and vanishes with the process at the latest.
   * @returns its descriptor, to be closed by who called.
   */
  listenAbstract(name: Uint8Array): number;
  /**
   * Takes the exit status of this process's dead children but of `own`, which is whoever started it
   * to wait for. It never waits itself. Others may be left behind a dead `own`.
   * @returns of how many.
   */
  reapOrphans(own: number): number;
}

/**
 * Plain dumps over one kept-open NETLINK_SOCK_DIAG socket. As of all of the addon's objects, its
 * methods throw errors with `errno` and `syscall`, and it sees the network namespace of its thread.
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

/** Keeps what `SockDiag.tcp` answers, exactly and for much less. */
interface NativeTcpTracker {
  /**
   * Looks once. The number changes if and only if what is seen does, or a connection that may have
   * brought bytes has ended.
   */
  poll(): number;
  /** As of the last poll that did not throw. Their traffic is null. */
  sockets(): NativeTcpSocket[];
  /** The same sockets, with their traffic as it is now; null for what has gone since. */
  socketsWithTraffic(): NativeTcpSocket[];
  /**
   * The connections that the kernel has freed since the last call, seen or not, with the bytes of
   * their whole life. A last one without a peer's port stands for all that have no place of their
   * own: with the most bytes of any of them, or null where those of any are not known.
   */
  takeEnded(): Pick<NativeTcpSocket, 'peerAddress' | 'peerPort' | 'bytesReceived'>[];
  /** Connections that ended without any poll having seen them: at least so many. */
  seenBetweenPolls(): number;
  /** The peers' ports of the latest 1,024 of those, oldest first; 0 for one that is not known. */
  portsBetweenPolls(): number[];
  /**
   * Calls back from the event loop, which it does not keep alive, when a connection of the last
   * poll has been destroyed. A later call takes an earlier one's place, null ends it.
   * @returns false where no such events can be had; the polls are as good without.
   */
  onDestroyed(callback: (() => void) | null): boolean;
  /** How the last poll came to its answer: `tracked`, or why it walked the kernel's table. */
  mode(): PollMode;
  close(): void;
}

/** What `SockDiag.unix` answers, with a number that changes when it does. */
export interface NativeUnixTracker {
  poll(): number;
  /** As of the last poll that did not throw. */
  sockets(): NativeUnixSockets;
  close(): void;
}

/** From inet_diag_msg and tcp_info; what an older kernel's tcp_info lacks is null. */
export interface NativeTcpSocket {
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
  /** With the inodes of the clients in the listener's queue, 0 for one that has left already. */
  readonly listeners: readonly { inode: number; queuedPeerInodes: readonly number[] }[];
  readonly accepted: readonly { inode: number; peerInode: number }[];
}

// From src/inspect, dist/inspect and dist/bin alike. To resolve the package by its name instead
// would load Node's resolver for modules: 8 ms of every start.
const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

const loader = nodeGypBuild as {
  (directory: string): NativeAddon;
  resolve: (directory: string) => string;
};

/**
 * Loads the addon: a build from source if there is one, else the committed prebuild.
 *
 * @throws BackendError (`ERR_ADDON`) that says what to do.
 */
export function loadAddon(): NativeAddon {
  try {
    return loader(packageRoot);
  } catch (cause) {
    const reason = firstLine(cause instanceof Error ? cause.message : String(cause));
    throw new BackendError(
      'ERR_ADDON',
      'load the addon',
      `the native addon can't be loaded (${reason}); to build it here, run ` +
        `\`npm install cmake-js node-addon-api && npx cmake-js compile -d ${packageRoot}\``,
      { cause },
    );
  }
}

/** The file that `loadAddon` loads. @throws the error of node-gyp-build where there is none. */
export function addonPath(): string {
  return loader.resolve(packageRoot);
}

/** Calls the addon, and gives its errors the shape and the words of a backend's error. */
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

// Node.js has no name of its own for those that libuv does not know, EBADMSG among them.
function errnoName(errno: number): string {
  const name = getSystemErrorName(errno);
  const known = Object.entries(constants.errno).find(([, number]) => number === -errno);
  return name.startsWith('E') ? name : (known?.[0] ?? name);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
