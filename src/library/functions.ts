import { requireLinux } from '../backends/platform.ts';
import type { BackendName, Endpoint, TcpEndpoint, UnixEndpoint } from '../backends/types.ts';
import { createBackends } from '../backends/with-fallback.ts';
import type { BuildsClient, BuildsClientOptions } from '../builds/client.ts';
import * as client from '../builds/client.ts';
import type { DrainConfig, DrainEvent } from '../drain/types.ts';
import { ProcessNotFoundError } from '../monitor/choose-targets.ts';
import * as discover from '../monitor/discover.ts';
import type { Monitor } from '../monitor/monitor.ts';
import * as monitor from '../monitor/monitor.ts';
import type { FoundDaemon, MonitorNotice, WaitNotice } from '../monitor/types.ts';
import type { WaitOutcome } from '../monitor/wait-for-drain.ts';
import * as wait from '../monitor/wait-for-drain.ts';
import { clientsOnly, drainDefaults } from '../options/drain-config.ts';
import * as endpoints from '../options/endpoint.ts';
import type { Environment } from '../options/read.ts';
import { readTlsFiles, type TlsFiles } from '../options/tls-files.ts';
import { parseCidrs } from '../options/values.ts';
import { aboutArgument } from './argument.ts';
import * as check from './checks.ts';
import { closable } from './closable.ts';
import type { ConnectionsCount } from './count-connections.ts';
import * as connectionsCount from './count-connections.ts';
import type { ConnectionsWatch } from './watch-connections.ts';
import * as connectionsWatch from './watch-connections.ts';

// The public functions. A bad argument is a TypeError or a RangeError with the code ERR_BAD_VALUE. The
// program itself has read its options already, and calls what is behind these.

/** Where to look for daemons, and how. */
export interface MonitorOptions {
  /**
   * Where buildkitd listens, as in its `--addr`. By default the daemons are discovered, and followed
   * as they come and go.
   */
  readonly addresses?: readonly string[];
  /** The daemon's process. By default all processes called buildkitd that belong here. */
  readonly pid?: number | null;
  /** `auto`, the default, is sock-diag, and procfs where sock-diag does not work. */
  readonly backend?: BackendName | 'auto';
  /** Variables that name endpoints (BUILDKIT_HOST and others): by default those of this process. */
  readonly env?: Environment;
  /** Receives what is worth knowing about which endpoints are polled, and how. */
  readonly notify?: (notice: MonitorNotice) => void;
}

/** How to wait. Defaults are those of `buildkit-drain wait`. */
export interface WaitForDrainOptions
  extends Omit<MonitorOptions, 'notify'>,
    Partial<Omit<DrainConfig, 'counts'>> {
  /** Receives what is worth knowing about which endpoints are polled, and how, and about the drain marker. */
  readonly notify?: (notice: WaitNotice) => void;
  /** The peers that are no clients: IP addresses and CIDR blocks such as `10.0.0.0/8`. By default none. */
  readonly ignorePeers?: readonly string[];
  /**
   * How to speak TLS with daemons on TCP endpoints: the paths of PEM files, and the name in the daemon's
   * certificate. They are read for each question, since mounted secrets arrive late and are renewed: while one
   * can't be read, the builds are unknown. By default there is no TLS.
   */
  readonly tls?: Partial<TlsFiles>;
  /** Ends the wait as `interrupted`. */
  readonly signal?: AbortSignal;
  /** Receives what happens during the wait. */
  readonly onEvent?: (event: DrainEvent) => void;
}

/**
 * Waits until the last client has gone, as `buildkit-drain wait` does: discovers the daemons, follows
 * them, asks which builds run, and publishes a drain marker for `buildkit-drain ready`. The outcome
 * says how the wait ended. A sample that can't be taken does not reject: it is unknown, and the wait goes on.
 *
 * @throws TypeError or RangeError, with the code `ERR_BAD_VALUE`, for a bad option or the `pid` of no process; and
 * what `onEvent` or `notify` throws. The promise rejects with them.
 */
export async function waitForDrain(options: WaitForDrainOptions = {}): Promise<WaitOutcome> {
  check.waitOptions(options, 'options');
  const { pid, notify = ignore, onEvent = ignore } = options;
  const { ca = null, cert = null, key = null, serverName = null } = options.tls ?? {};
  const tls = readTlsFiles({ ca, cert, key, serverName }, (field) => `options.tls.${field}`);
  try {
    return await wait.waitForDrain({
      ...monitorInput(options),
      ...{ notify, tls, onEvent },
      config: configOf(options),
      signal: options.signal ?? new AbortController().signal,
    });
  } catch (error) {
    throw error instanceof ProcessNotFoundError ? aboutArgument('options.pid', pid, error) : error;
  }
}

/**
 * Opens a monitor of one or more daemons: it discovers their endpoints, polls them, and takes samples,
 * each of which gives the connections or the reason why they are unknown.
 *
 * @throws TypeError or RangeError, with the code `ERR_BAD_VALUE`, for a bad option or the `pid` of no process.
 */
export function openMonitor(options: MonitorOptions = {}): Monitor {
  check.monitorOptions(options, 'options');
  const { notify = ignore, pid } = options;
  try {
    const opened = monitor.openMonitor({ ...monitorInput(options), notify });
    return closable('the monitor', {
      ...opened,
      onEnd(callback) {
        check.callable(callback, 'callback');
        opened.onEnd(callback);
      },
    });
  } catch (error) {
    throw aboutArgument('options.pid', pid, error);
  }
}

function monitorInput(options: MonitorOptions): Omit<monitor.MonitorOptions, 'notify'> {
  const { addresses = [], pid = null, backend = 'auto' } = options;
  // biome-ignore lint/style/noRestrictedGlobals: The program hands over its environment; a library has no other.
  const { env = process.env } = options;
  return { addresses: addresses.map((text) => endpoints.parseEndpoint(text)), pid, backend, env };
}

function ignore(): void {}

function configOf(options: WaitForDrainOptions): DrainConfig {
  const counts = clientsOnly({ 'ignore-peer': parseCidrs(options.ignorePeers ?? []) });
  const defaults = drainDefaults();
  const given = Object.entries(options).filter(
    ([name, value]) => name in defaults && value !== undefined,
  );
  return { ...defaults, ...Object.fromEntries(given), counts };
}

/**
 * Parses an address as buildkitd writes it in `--addr`. Only the port of a TCP address says which
 * connections are meant.
 *
 * @param text - `tcp://127.0.0.1:1234`, `unix:///run/buildkit/buildkitd.sock`, or `unix://@name` for an abstract name.
 * @throws {@link BadValueError} for another form; a TypeError with the same code, `ERR_BAD_VALUE`, for another type.
 */
export function parseEndpoint(text: `tcp://${string}`): TcpEndpoint;
/** As above, for a text that is known to name a unix socket. */
export function parseEndpoint(text: `unix://${string}`): UnixEndpoint;
/** As above, for any text. */
export function parseEndpoint(text: string): Endpoint;
export function parseEndpoint(text: string): Endpoint {
  check.text(text, 'text');
  return endpoints.parseEndpoint(text);
}

/** Which daemons to look for. */
export interface DiscoverOptions {
  /** The daemon's process. By default all processes called buildkitd. */
  readonly pid?: number;
  /**
   * Endpoints that may belong to a daemon whose descriptors can't be read: those of them that have a listener do.
   * None by default.
   */
  readonly known?: readonly Endpoint[];
}

/**
 * Discovers the daemons that run, and what they listen on: the sockets that they hold (proc_pid_fd(5)), looked up in
 * the tables of their network namespace (proc_pid_net(5)).
 *
 * @param procRoot - where the kernel's process directory is mounted, usually `/proc`.
 * @returns a daemon for each process; none where none is visible, which does not mean that none runs.
 * @throws errors of the file system, with an errno name as their `code`, where processes can't be read: a list without
 * them might be only a part. TypeError or RangeError, with the code `ERR_BAD_VALUE`, for a bad argument.
 */
export function discoverEndpoints(procRoot: string, options: DiscoverOptions = {}): FoundDaemon[] {
  check.text(procRoot, 'procRoot');
  check.discoverOptions(options, 'options');
  requireLinux();
  return discover.discoverEndpoints(procRoot, options);
}

/** How to watch connections. */
export interface WatchConnectionsOptions {
  /** Time between two polls, in milliseconds: 100 by default. */
  readonly intervalMs?: number;
  /** Ends the watch: `next` rejects with an `AbortError`, whose code is `ABORT_ERR`. */
  readonly signal?: AbortSignal;
}

/**
 * Watches the connections to a TCP port or a unix socket of this machine. The first update comes at
 * once, each further one after a change: a connection came or left, some came and went unseen, the
 * connections can't be counted or can be again, or another backend is used. What changes while no
 * update is asked for is merged into the next one.
 *
 * Polls go by sock-diag, and by procfs where that does not work. The end of a connection that the kernel
 * reports makes a poll at once. Nothing is open before the first call of `next`; `break`, `return`, an error
 * in the loop and an abort free everything.
 *
 * @param address - as `parseEndpoint` takes it. Of a TCP address only the port selects connections.
 * @throws TypeError or RangeError, with the code `ERR_BAD_VALUE`, for a bad argument. What the kernel does not answer is an
 * update of the kind `unknown`.
 */
export function watchConnections(
  address: string,
  options: WatchConnectionsOptions = {},
): ConnectionsWatch {
  check.address(address, 'address');
  check.watchConnectionsOptions(options, 'options');
  const { intervalMs = 100, signal } = options;
  return connectionsWatch.watchConnections({
    ...{ endpoint: endpoints.parseEndpoint(address), intervalMs, signal },
    backends: createBackends('auto', monitor.procRoot),
  });
}

/**
 * Counts the connections to a TCP port or a unix socket of this machine, once.
 *
 * @param address - as `parseEndpoint` takes it. Of a TCP address only the port selects connections.
 * @returns a count of null, with the error, where nothing listens or the kernel gives no answer.
 * @throws TypeError or RangeError, with the code `ERR_BAD_VALUE`, for a bad address.
 */
export function countConnections(address: string): ConnectionsCount {
  check.address(address, 'address');
  const endpoint = endpoints.parseEndpoint(address);
  return connectionsCount.countConnections(endpoint, createBackends('auto', monitor.procRoot));
}

/**
 * Creates a client of the method `ListenBuildHistory` of buildkitd's own API
 * (`moby.buildkit.v1.Control`, v0.12.4 and later). Its answers leave out builds that are about to
 * begin, what a client does after its build, and solves that a client has marked as internal: a list
 * of none says nothing of the next moment.
 *
 * @throws TypeError or RangeError, with the code `ERR_BAD_VALUE`, for a bad option.
 */
export function createBuildsClient(options: BuildsClientOptions): BuildsClient {
  check.buildsClientOptions(options, 'options');
  return client.createBuildsClient(options);
}
