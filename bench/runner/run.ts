import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { tcpHashBuckets } from './proc.ts';
import {
  type Benchmark,
  type HostFacts,
  type RunMessage,
  type RunResults,
  withMessage,
} from './results.ts';

export interface RunInput<Plan> {
  readonly plan: Plan;
  /** The Node.js that runs this program, and its version. */
  readonly node: string;
  readonly nodeVersion: string;
  /** Whether that Node.js and the program are a bundle's. */
  readonly isBundle: boolean;
  /** The file that is run as `buildkit-drain`, and the version of its package. */
  readonly program: string;
  readonly version: string;
  readonly searchPath: string;
  readonly now: () => Date;
  /** Ends the run early: the measurements up to then are returned. */
  readonly signal: AbortSignal;
  /** Notified of each message from the stage. */
  readonly onMessage: (message: { readonly kind: string }) => void;
  /** Kills a process and its whole group, if there is one. */
  readonly killGroup: (pid: number) => void;
}

/**
 * Runs a benchmark in processes of its own. None is left when it returns.
 *
 * @throws Error when the stage ends early.
 */
export async function runBenchmark<
  Plan,
  Measurement extends { readonly kind: string },
  Results extends RunResults<Plan>,
>(benchmark: Benchmark<Plan, Measurement, Results>, input: RunInput<Plan>): Promise<Results> {
  const network = findPrivateNetwork(input.searchPath);
  let results = benchmark.empty({
    plan: input.plan,
    date: input.now().toISOString(),
    host: hostFacts(input),
    isPrivate: network.whyNot === null,
  });
  const onMessage = (message: Measurement | RunMessage): void => {
    results = withMessage(benchmark, results, message);
    input.onMessage(message);
  };
  if (network.whyNot !== null) {
    const why = `${network.whyNot}: measured among the sockets of this network`;
    onMessage({ kind: 'remark', remark: { what: 'a network namespace of its own', why } });
  }
  await superviseStage(benchmark, input, network, (message) => onMessage(message as Measurement));
  return results;
}

/** Runs a stage to its end, and leaves no process. @throws Error when it ends early. */
async function superviseStage(
  { role, longestStopMs }: { readonly role: string; readonly longestStopMs: number },
  input: RunInput<unknown>,
  network: PrivateNetwork,
  onMessage: (message: unknown) => void,
): Promise<void> {
  const program = realpathSync(input.program);
  const helper = join(dirname(program), 'bench-helper.cjs');
  const [command = input.node, ...args] = [
    ...[...network.prefix, input.node, helper],
    ...[role, JSON.stringify(input.plan), program, input.node],
  ];
  // In its own process group: Ctrl-C reaches only this process, which then stops the stage.
  const stage = spawn(command, args, {
    detached: true,
    env: { PATH: input.searchPath },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const kill = (): void => {
    if (stage.pid !== undefined) {
      input.killGroup(stage.pid);
    }
  };
  const stop = (): void => {
    // If the channel is closed, the stage is about to end anyway.
    stage.send('stop', () => {});
    setTimeout(kill, longestStopMs).unref();
  };
  stage.on('message', onMessage);
  input.signal.addEventListener('abort', stop);
  if (input.signal.aborted) {
    stop();
  }
  const [code, signal] = await once(stage, 'close');
  kill();
  if (code !== 0 && !input.signal.aborted) {
    throw new Error(`the process that measures ended with ${signal ?? code}`);
  }
}

/** How to run a command in a network namespace of its own. */
interface PrivateNetwork {
  /** What to put before the command; empty if such a namespace is not allowed. */
  readonly prefix: readonly string[];
  /** Null if it is allowed, otherwise the reason. */
  readonly whyNot: string | null;
}

// Images with only busybox have `ifconfig`.
export const raiseLoopback = '{ ip link set lo up || ifconfig lo up; } 2>/dev/null';
const ways = [
  ['unshare', '--net'],
  ['unshare', '--map-root-user', '--net'],
];

/** Tries as root, and then as root of a user namespace. */
function findPrivateNetwork(searchPath: string): PrivateNetwork {
  const reasons = ways.map((way) => {
    const [command = '', ...args] = way;
    const tried = spawnSync(command, [...args, 'sh', '-c', raiseLoopback], {
      env: { PATH: searchPath },
      encoding: 'utf8',
    });
    const reason = tried.error === undefined ? tried.stderr.trim() : `${command} cannot be run`;
    return tried.status === 0 ? null : reason;
  });
  const found = ways[reasons.indexOf(null)];
  return found === undefined
    ? { prefix: [], whyNot: reasons.at(-1) || 'the loopback interface could not be raised' }
    : { prefix: [...found, 'sh', '-c', `${raiseLoopback}; exec "$0" "$@"`], whyNot: null };
}

function hostFacts({ version, nodeVersion, isBundle }: RunInput<unknown>): HostFacts {
  return {
    version,
    node: nodeVersion,
    isBundle,
    kernel: release(),
    arch: arch(),
    cpuModel: cpus()[0]?.model ?? 'unknown',
    cpus: availableParallelism(),
    memoryMib: Math.round(totalmem() / 2 ** 20),
    tcpHashBuckets: tcpHashBuckets(),
  };
}
