import { requireLinux } from '../backends/platform.ts';
import { createProcfsBackend } from '../backends/procfs/procfs.ts';
import { factsOf } from '../backends/snapshot.ts';
import { createSockDiagBackend } from '../backends/sock-diag.ts';
import {
  type Backend,
  BackendError,
  type BackendName,
  type Endpoint,
  type OpenEndpoint,
  type TcpEndpoint,
  type TrackedEndpoint,
  type UnixEndpoint,
} from '../backends/types.ts';
import type { SkippedBackend } from '../backends/with-fallback.ts';
import * as check from './checks.ts';
import { closable } from './closable.ts';

/** Polls endpoints over netlink (sock_diag(7)). It sees the network namespace of its thread. */
export interface SockDiagBackend extends Disposable {
  /** What tells it from the other one. */
  readonly name: 'sock-diag';
  /** No better backend is left out. */
  readonly skipped: null;
  /**
   * Opens an endpoint, which takes a few descriptors until it or the backend is closed. Only of TCP
   * does the kernel report traffic and ends.
   *
   * @throws {@link BackendError}: with the code `ERR_CLOSED` after `close`, and otherwise with an errno name or `ERR_ADDON`.
   */
  open(endpoint: TcpEndpoint): TrackedEndpoint & Disposable;
  /** As above, with polls alone. */
  open(endpoint: UnixEndpoint): OpenEndpoint & Disposable;
  /** As above, where the type does not say which. */
  open(endpoint: Endpoint): (OpenEndpoint | TrackedEndpoint) & Disposable;
  /** Closes all of its endpoints. A second call does nothing. */
  close(): void;
}

/** Polls endpoints from the kernel's tables as text (proc_pid_net(5)). */
export interface ProcfsBackend extends Disposable {
  /** What tells it from the other one. */
  readonly name: 'procfs';
  /** Why sock-diag is not used; null where procfs was asked for. */
  readonly skipped: SkippedBackend | null;
  /**
   * Opens an endpoint. It takes no descriptors; each poll opens the tables anew.
   *
   * @throws {@link BackendError} with the code `ERR_CLOSED` after `close`.
   */
  open(endpoint: Endpoint): OpenEndpoint & Disposable;
  /** Closes all of its endpoints. A second call does nothing. */
  close(): void;
}

/** What the procfs backend reads. */
export interface ProcfsOptions {
  /**
   * The directory with `tcp`, `tcp6` and `unix`: by default `/proc/net`, this process's network
   * namespace; `/proc/<pid>/net` is that of another process.
   */
  readonly netDirectory?: string;
}

/**
 * Opens a backend, for programs that make the polls themselves: the one that is named, or the first that
 * works here, sock-diag before procfs. Whether it works is tried with one poll of TCP and of a unix socket.
 *
 * @param name - `sock-diag` or `procfs`. By default, the first of them that works.
 * @throws {@link BackendError} if it does not work here: its code says why. TypeError or RangeError, with the code
 * `ERR_BAD_VALUE`, for a bad argument.
 */
export function openBackend(name: 'sock-diag'): SockDiagBackend;
/** As above, for the tables of this process or of another one. */
export function openBackend(name: 'procfs', options?: ProcfsOptions): ProcfsBackend;
/** As above, for whichever works: its `name` and `skipped` say which one it is, and why. */
export function openBackend(name?: BackendName): SockDiagBackend | ProcfsBackend;
export function openBackend(
  name?: BackendName,
  options?: ProcfsOptions,
): SockDiagBackend | ProcfsBackend {
  check.backendName(name, 'name');
  (name === 'procfs' ? check.procfsOptions : check.noOptions)(options, 'options');
  requireLinux();
  const opened =
    name === undefined ? firstThatWorks() : { ...workingBackend(name, options), skipped: null };
  return withOwnership(opened) as SockDiagBackend | ProcfsBackend;
}

interface Usable extends Backend {
  readonly skipped: SkippedBackend | null;
}

function firstThatWorks(): Usable {
  try {
    return { ...workingBackend('sock-diag'), skipped: null };
  } catch (error) {
    const { code, operation, message: reason } = error as BackendError;
    try {
      return { ...workingBackend('procfs'), skipped: { backend: 'sock-diag', reason } };
    } catch (last) {
      const reasons = `sock-diag: ${reason}; procfs: ${(last as BackendError).message}`;
      throw new BackendError(code, operation, reasons, { cause: error });
    }
  }
}

const anyEndpoints: readonly Endpoint[] = [
  { kind: 'tcp', address: 'tcp://127.0.0.1:1', localPort: 1 },
  { kind: 'unix', address: 'unix://@buildkit-drain', path: '@buildkit-drain' },
];

function workingBackend(
  name: BackendName,
  { netDirectory = '/proc/net' }: ProcfsOptions = {},
): Backend {
  const backend = name === 'procfs' ? createProcfsBackend(netDirectory) : createSockDiagBackend();
  for (const endpoint of anyEndpoints) {
    const open = backend.open(endpoint);
    try {
      open.poll();
    } finally {
      open.close();
    }
  }
  return backend;
}

/** The backend with checks, which closes the endpoints that were opened by it. */
function withOwnership({ name, skipped, open }: Usable) {
  const opened = new Set<OpenEndpoint>();
  return closable('the backend', {
    name,
    skipped,
    open(endpoint: Endpoint) {
      check.endpoint(endpoint, 'endpoint');
      const inner = withChecks(open(endpoint));
      const outer: OpenEndpoint & Disposable = closable('the endpoint', {
        ...inner,
        close() {
          opened.delete(outer);
          inner.close();
        },
      });
      opened.add(outer);
      return outer;
    },
    close() {
      for (const each of opened) {
        each.close();
      }
    },
  });
}

function withChecks(open: OpenEndpoint | TrackedEndpoint): OpenEndpoint | TrackedEndpoint {
  const facts = factsOf(open);
  return facts === null
    ? open
    : {
        ...open,
        onEnd(callback: (() => void) | null) {
          check.callableOrNull(callback, 'callback');
          return facts.onEnd(callback);
        },
      };
}
