import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { tcpHashBuckets } from './proc.ts';

/** One of the benchmarks: the stage that measures it, and what its messages make of the results. */
export interface Benchmark<Plan, Message, Results> {
  /** The role of bench/helper.ts that measures. */
  readonly role: string;
  /** How long the stage may take to stop and clean up. */
  readonly longestStopMs: number;
  /** The results before anything is measured. */
  readonly empty: (known: KnownFacts<Plan>) => Results;
  /** The results after one more message of the stage. */
  readonly withMessage: (results: Results, message: Message | RemarkMessage) => Results;
}

export interface KnownFacts<Plan> {
  readonly plan: Plan;
  readonly date: string;
  readonly host: HostFacts;
  readonly isPrivate: boolean;
}

/** Where it was measured. */
export interface HostFacts {
  /** Version of buildkit-drain. */
  readonly version: string;
  readonly node: string;
  readonly kernel: string;
  readonly arch: string;
  readonly cpuModel: string;
  readonly cpus: number;
  readonly memoryMib: number;
  /** Buckets of the host's table of TCP connections; null on a kernel that does not tell. */
  readonly tcpHashBuckets: number | null;
}

/** What could not be measured, and why. */
export interface Remark {
  readonly what: string;
  readonly why: string;
}

export interface RemarkMessage {
  readonly kind: 'remark';
  readonly remark: Remark;
}

export interface RunInput<Plan, Message> {
  readonly plan: Plan;
  /** The Node.js that runs this program, and its version. */
  readonly node: string;
  readonly nodeVersion: string;
  /** The file that is run as `buildkit-drain`, and the version of its package. */
  readonly program: string;
  readonly version: string;
  readonly searchPath: string;
  readonly now: () => Date;
  /** Raised, it ends the run early: what is measured by then is returned. */
  readonly signal: AbortSignal;
  readonly onMessage: (message: Message | RemarkMessage) => void;
  /** Kills a process and its whole group, if there is one. */
  readonly killGroup: (pid: number) => void;
}

/**
 * Runs a benchmark in processes of its own. None is left when it returns.
 *
 * @throws Error when the stage ends early.
 */
export async function runBenchmark<Plan, Message, Results>(
  benchmark: Benchmark<Plan, Message, Results>,
  input: RunInput<Plan, Message>,
): Promise<Results> {
  const network = findPrivateNetwork(input.searchPath);
  let results = benchmark.empty({
    plan: input.plan,
    date: input.now().toISOString(),
    host: hostFacts(input.version, input.nodeVersion),
    isPrivate: network.whyNot === null,
  });
  const onMessage = (message: Message | RemarkMessage): void => {
    results = benchmark.withMessage(results, message);
    input.onMessage(message);
  };
  if (network.whyNot !== null) {
    const why = `${network.whyNot}: measured among the sockets of this network`;
    onMessage({ kind: 'remark', remark: { what: 'a network namespace of its own', why } });
  }
  await runStage(benchmark, input, network, onMessage);
  return results;
}

/** Runs a stage to its end, and leaves no process. @throws Error when it ends early. */
async function runStage<Plan, Message>(
  { role, longestStopMs }: Pick<Benchmark<Plan, Message, unknown>, 'role' | 'longestStopMs'>,
  input: RunInput<Plan, Message>,
  network: PrivateNetwork,
  onMessage: (message: Message) => void,
): Promise<void> {
  const program = realpathSync(input.program);
  const helper = join(dirname(program), 'bench-helper.cjs');
  const [command = input.node, ...args] = [
    ...[...network.prefix, input.node, helper],
    ...[role, JSON.stringify(input.plan), program, input.node],
  ];
  // Its own process group: Ctrl-C reaches this process alone, which then stops the stage.
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
    // Where the channel is closed, the stage is about to end anyway.
    stage.send('stop', () => {});
    setTimeout(kill, longestStopMs).unref();
  };
  stage.on('message', (message) => onMessage(message as Message));
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
  /** What to put before the command; empty where such a namespace is not allowed. */
  readonly prefix: readonly string[];
  /** Null, or why not. */
  readonly whyNot: string | null;
}

// Images with busybox alone have `ifconfig`.
const raiseLoopback = '{ ip link set lo up || ifconfig lo up; } 2>/dev/null';
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

function hostFacts(version: string, node: string): HostFacts {
  return {
    version,
    node,
    kernel: release(),
    arch: arch(),
    cpuModel: cpus()[0]?.model ?? 'unknown',
    cpus: availableParallelism(),
    memoryMib: Math.round(totalmem() / 2 ** 20),
    tcpHashBuckets: tcpHashBuckets(),
  };
}
