import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { getSystemErrorName } from 'node:util';
import { InspectError } from './types.ts';

/** The addon's exports; native/addon/addon.cc is the other side of this type. */
export interface NativeAddon {
  /** SHA-256 of the sources that the binary was built from. */
  readonly sourceHash: string;
  readonly SockDiag: new () => NativeSockDiag;
}

/** One kept-open NETLINK_SOCK_DIAG socket. Its methods throw errors with `errno` and `syscall`. */
export interface NativeSockDiag {
  /** The LISTEN and ESTABLISHED TCP sockets of both families with this local port. */
  tcp(localPort: number): NativeTcpSocket[];
  /** The sockets with exactly this name; an abstract one begins with a zero byte. */
  unix(name: Uint8Array): NativeUnixSockets;
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
  readonly bytesReceived: number | null;
  readonly bytesAcked: number | null;
  readonly lastDataSentMs: number | null;
  readonly lastDataReceivedMs: number | null;
  readonly lastAckReceivedMs: number | null;
}

export interface NativeUnixSockets {
  /** With the inodes of the clients in the listener's queue, 0 for one that has left already. */
  readonly listeners: readonly { inode: number; queuedPeerInodes: readonly number[] }[];
  readonly accepted: readonly { inode: number; peerInode: number }[];
}

// From src/inspect, dist/inspect and dist/bin alike. To resolve the package by its name instead
// would load Node's resolver for modules: 8 ms of every start.
const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Loads the addon: a build from source if there is one, else the committed prebuild.
 *
 * @throws InspectError (`ERR_ADDON`) that says what to do.
 */
export function loadAddon(): NativeAddon {
  try {
    const require = createRequire(import.meta.url);
    const load = require('node-gyp-build') as (directory: string) => NativeAddon;
    return load(packageRoot);
  } catch (cause) {
    const reason = firstLine(cause instanceof Error ? cause.message : String(cause));
    throw new InspectError(
      'ERR_ADDON',
      'load the addon',
      `the native addon can't be loaded (${reason}); to build it here, run ` +
        `\`npm install cmake-js node-addon-api && npx cmake-js compile -d ${packageRoot}\``,
      { cause },
    );
  }
}

/** Gives an error of the addon the shape and the words of an inspector's error. */
export function fromNative(cause: unknown): InspectError {
  const { errno, syscall } = cause as { errno?: number; syscall?: string };
  if (errno === undefined || syscall === undefined) {
    const message = cause instanceof Error ? cause.message : String(cause);
    return new InspectError('ERR_ADDON', 'call the addon', `the addon failed: ${message}`, {
      cause,
    });
  }
  const code = getSystemErrorName(errno);
  return new InspectError(code, syscall, `sock_diag: ${syscall} failed with ${code}`, { cause });
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
