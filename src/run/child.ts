import { type ChildProcess, spawn } from 'node:child_process';
import { loadAddon } from '../backends/native.ts';
import { findProcess, type Process } from '../backends/procfs/processes.ts';
import { type ProcessScan, scanProcesses } from '../backends/procfs/scan.ts';
import { discoverEndpoints } from '../monitor/discover.ts';

/** How a process has ended. */
export type ChildEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals };

/** The daemon's process, or a wrapper's that starts it. */
export interface Child {
  readonly pid: number;
  /** Sends a signal, if it has not ended. */
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<ChildEnd>;
}

/** A command that could not be started. */
class StartError extends Error {
  override readonly name = 'StartError';
  readonly operation = 'start the command';
  readonly code: string;

  constructor(code: string, message: string, options: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Starts a command with our standard streams. It has its own session, so that Ctrl-C, which the kernel sends to the
 * whole foreground group of a terminal, reaches this process alone.
 *
 * @throws StartError
 */
export async function startChild(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Child> {
  const child = spawnOrFail(program, args, env);
  const { pid } = child;
  if (pid === undefined) {
    // Node.js reports the reason in the next turn.
    const cause = await new Promise((resolve) => child.once('error', resolve));
    throw startError(program, cause);
  }
  // A signal to a process that has become another user's is refused.
  child.on('error', () => {});
  return {
    pid,
    kill(signal) {
      child.kill(signal);
    },
    ended: new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        resolve(signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'killed', signal });
      });
    }),
  };
}

function spawnOrFail(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ChildProcess {
  try {
    return spawn(program, args, { stdio: 'inherit', detached: true, env });
  } catch (cause) {
    throw startError(program, cause);
  }
}

function startError(program: string, cause: unknown): StartError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'ERR_SPAWN';
  const reason = reasons[code] ?? `starting it failed with ${code}`;
  const message = `${JSON.stringify(program)} cannot be started: ${reason}`;
  return new StartError(code, message, { cause });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such program, or its first line names none; give a path, or a name in PATH',
  EACCES: 'it is not executable, or its folder cannot be entered',
};

/**
 * The daemon among a process and its descendants, the nearest first: one called buildkitd, else one that listens, else
 * the process itself. A wrapper such as rootlesskit, or a shell, has the daemon below it.
 *
 * @returns null where processes cannot be read.
 */
export function findDaemonBelow(procRoot: string, pid: number): number | null {
  try {
    const scan = scanProcesses(procRoot);
    const family = familyOf(procRoot, pid, scan);
    const named = scan.daemons().map((process) => process.pid);
    return (
      family.find((each) => named.includes(each)) ??
      family.find((each) => listens(procRoot, each, scan)) ??
      pid
    );
  } catch {
    return null;
  }
}

/** A process and all below it, the nearest first. */
function familyOf(procRoot: string, pid: number, scan: ProcessScan): number[] {
  const processes = scan.pids().flatMap((each) => findProcess(procRoot, each) ?? []);
  const childrenOf = (parents: readonly number[]): number[] =>
    processes
      .filter(({ parentPid }: Process) => parents.includes(parentPid))
      .map((each) => each.pid);
  const family = [pid];
  for (let below = childrenOf(family); below.length > 0; below = childrenOf(below)) {
    family.push(...below);
  }
  return family;
}

function listens(procRoot: string, pid: number, scan: ProcessScan): boolean {
  return discoverEndpoints(procRoot, { pid, scan }).some(({ isListening }) => isListening);
}

/**
 * Makes the function that reaps the orphans which process 1 inherits. Call it at each SIGCHLD. libuv reaps only what
 * it started.
 *
 * @param own the pid of the child that libuv waits for.
 * @throws BackendError where the addon cannot be loaded.
 */
export function createReaper(own: number): () => void {
  const { reapOrphans } = loadAddon();
  return () => {
    reapOrphans(own);
  };
}
