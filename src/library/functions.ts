import * as procfs from '../backends/procfs/procfs.ts';
import * as sockDiag from '../backends/sock-diag.ts';
import type {
  Backend,
  Endpoint,
  OpenEndpoint,
  Sample,
  Sampler,
  TcpFacts,
} from '../backends/types.ts';
import * as choose from '../backends/with-fallback.ts';
import * as client from '../builds/client.ts';
import * as source from '../builds/daemons.ts';
import type { ListeningDaemon, TlsSource } from '../builds/types.ts';
import * as wait from '../drain/drain.ts';
import type { DrainOutcome } from '../drain/types.ts';
import * as daemon from '../monitor/daemon.ts';
import * as find from '../monitor/discover.ts';
import * as samplers from '../monitor/sampler.ts';
import type { Target } from '../monitor/targets.ts';
import type { FoundDaemon } from '../monitor/types.ts';
import type { DaemonWatch } from '../monitor/watch-processes.ts';
import * as endpoints from '../options/endpoint.ts';
import * as check from './checks.ts';

// The doors of the package: an argument that is not what it has to be is a TypeError or a RangeError
// with the code ERR_BAD_VALUE. The program itself knows what it hands over, and goes past them.

/**
 * Parses an address as buildkitd writes it in `--addr`. Of a TCP address the port alone says which
 * connections are meant.
 *
 * @throws BadValueError
 */
export function parseEndpoint(text: string): Endpoint {
  check.text(text, 'text');
  return endpoints.parseEndpoint(text);
}

/** The backend that asks the kernel over netlink (sock_diag(7)). It sees its own network namespace. */
export function createSockDiagBackend(): Backend {
  return withDoors(sockDiag.createSockDiagBackend());
}

/**
 * The backend that reads the kernel's tables as text.
 *
 * @param netDirectory the directory with `tcp`, `tcp6` and `unix`: `/proc/net` for this process's
 * network namespace, `/proc/<pid>/net` for that of another process.
 */
export function createProcfsBackend(netDirectory: string): Backend {
  check.text(netDirectory, 'netDirectory');
  return withDoors(procfs.createProcfsBackend(netDirectory));
}

function withDoors(backend: Backend): Backend {
  return {
    name: backend.name,
    open(endpoint): OpenEndpoint {
      check.endpoint(endpoint, 'endpoint');
      const open = backend.open(endpoint);
      const { tcp } = open;
      return { ...open, tcp: tcp && withDoorsOfTcp(tcp) };
    },
  };
}

function withDoorsOfTcp(tcp: TcpFacts): TcpFacts {
  return {
    ...tcp,
    onEnd(callback) {
      check.callableOrNull(callback, 'callback');
      return tcp.onEnd(callback);
    },
  };
}

/**
 * Polls an endpoint by the first backend that sees its listener, and switches to another one when
 * the chosen one has failed several times in a row.
 *
 * @param backends in order of preference, at least one.
 */
export function withFallback(
  endpoint: Endpoint,
  backends: readonly Backend[],
  notify: (notice: choose.BackendNotice) => void,
): choose.EndpointPoller {
  check.endpoint(endpoint, 'endpoint');
  check.backends(backends, 'backends');
  check.callable(notify, 'notify');
  return choose.withFallback(endpoint, backends, notify);
}

/**
 * Knows whether the daemon behind the listeners lives, for when nothing listens any more.
 *
 * @param procRoot where the kernel's process directory is mounted, usually `/proc`.
 * @param inPod whether this is a Kubernetes pod, where the daemon may run in another container, its
 * processes not to be seen from this one.
 */
export function watchDaemon(
  procRoot: string,
  inPod: boolean,
  options: daemon.DaemonWatchOptions = {},
): DaemonWatch {
  check.text(procRoot, 'procRoot');
  check.flag(inPod, 'inPod');
  check.daemonWatchOptions(options, 'options');
  return daemon.watchDaemon(procRoot, inPod, options);
}

/** An endpoint to sample, and how to poll it. */
export interface WatchedEndpoint {
  readonly endpoint: Endpoint;
  /** A default that was not asked for: it counts once it has a listener, or a client. */
  readonly isAssumed: boolean;
  readonly poller: choose.EndpointPoller;
}

/**
 * Makes a sampler of these endpoints. It looks at the daemon's processes if one has no listener.
 *
 * @param watched at least one: without a listener, a count of zero is not trusted.
 */
export function createSampler(
  watched: readonly WatchedEndpoint[],
  daemonWatch: DaemonWatch,
): Sampler {
  check.watched(watched, 'watched');
  check.daemonWatch(daemonWatch, 'daemon');
  const pollers = new Map<Target, choose.EndpointPoller>(
    watched.map(({ poller, ...rest }) => [{ ...rest, otherNetns: null, owners: [] }, poller]),
  );
  return samplers.createSampler({
    targets: [...pollers.keys()],
    open: (target) => pollers.get(target) as choose.EndpointPoller,
    daemon: daemonWatch,
    rediscovery: null,
    now: () => 0,
    onListenerGone: () => {},
  });
}

/**
 * Makes a client of the method `ListenBuildHistory` of buildkitd's own API
 * (`moby.buildkit.v1.Control`, v0.12.4 and later). It leaves out builds that are about to begin, and
 * what a client does after its build: a list of none says nothing of the next moment. Nor does it
 * have solves that a client has marked as internal.
 */
export function createBuildsClient(options: client.BuildsClientOptions): client.BuildsClient {
  check.buildsClientOptions(options, 'options');
  return client.createBuildsClient(options);
}

/**
 * Makes the way to ask which builds are running.
 *
 * @param daemonsOf the daemons that a sample has seen to listen: one answer is enough of a daemon, and
 * none stands for another.
 */
export function openBuilds(
  daemonsOf: (sample: Sample) => readonly ListeningDaemon[],
  tls: TlsSource,
): source.DaemonBuilds {
  check.callable(daemonsOf, 'daemonsOf');
  check.tlsSource(tls, 'tls');
  return source.openBuilds(daemonsOf, tls);
}

/**
 * Finds the daemons that run, and what they listen on.
 *
 * @param procRoot where the kernel's process directory is mounted, usually `/proc`.
 * @returns a daemon for each process; none where none can be seen, which does not mean that none runs.
 * @throws the error of the file system where processes can't be read, and one that may be over the
 * next time: what is found without it may be a part.
 */
export function findEndpoints(procRoot: string, options: find.FindOptions = {}): FoundDaemon[] {
  check.text(procRoot, 'procRoot');
  check.findOptions(options, 'options');
  return find.findEndpoints(procRoot, options);
}

/**
 * Waits until the last client is gone, and says how the wait ended. Rejects with what `onEvent` and
 * `onLook` throw: a sample that can't be taken is unknown, and unknown waits.
 */
export async function drain(input: wait.DrainInput): Promise<DrainOutcome> {
  check.drainInput(input, 'input');
  return await wait.drain(input);
}
