import type { SpawnOptions } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitForState } from './process-state.ts';
import { type Running, run } from './running.ts';
import { waitFor } from './wait-for.ts';

type Namespace = 'net' | 'pid' | 'mount';

/** A process in a sandbox, with its pid in the namespace of the tests. */
export interface SandboxProcess extends Running {
  /** The process outside of the sandbox that waits for it. */
  readonly parentPid: number;
  /** Resolves when the signal was sent; SIGSTOP, when the process has stopped. */
  readonly signal: (signal: NodeJS.Signals) => Promise<void>;
}

/** Network, process and mount namespaces of a test's own, with an empty /run. */
export interface Sandbox {
  /** The pid of the sandbox's process 1, in the namespace of the tests. */
  readonly pid: number;
  /** The file that process 1 has for its standard error: what a container's log is. */
  readonly mainLog: string;
  /** A directory for files, seen from everywhere and removed at the end. */
  readonly directory: string;
  /** Starts a process in the sandbox, or in some of its namespaces only. */
  readonly start: (
    command: readonly string[],
    options?: SpawnOptions & { readonly namespaces?: readonly Namespace[] },
  ) => Promise<SandboxProcess>;
  readonly close: () => Promise<void>;
}

const allNamespaces = ['net', 'pid', 'mount'] as const;

export interface SandboxOptions {
  /** What process 1 is called. */
  readonly mainName?: string;
  /** How the shell opens its log. */
  readonly redirection?: '>>' | '>';
}

export async function openSandbox({
  mainName = 'cat',
  redirection = '>>',
}: SandboxOptions = {}): Promise<Sandbox> {
  const directory = mkdtempSync(join(tmpdir(), 'drain-test-'));
  const main = join(directory, mainName);
  symlinkSync('/bin/cat', main);
  const mainLog = join(directory, 'main.log');
  // Process 1 ends with its standard input, and so with the test's process, and all else with it.
  const script = `ip link set lo up && mount -t tmpfs none /run && echo ready && exec "$0" 2${redirection}"$1"`;
  const flags = ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];
  const anchor = run(['unshare', ...flags, 'sh', '-c', script, main, mainLog]);
  await anchor.line(0);
  const pid = await onlyChildOf(anchor);
  const started: Running[] = [];

  return {
    pid,
    mainLog,
    directory,
    async start(command, { namespaces = allNamespaces, ...options } = {}) {
      const into = namespaces.map((namespace) => `--${namespace}`);
      const entered = run(['nsenter', `--target=${pid}`, ...into, '--', ...command], options);
      started.push(entered);
      // Into another process namespace nsenter goes by a child, and stops when that is stopped.
      const forks = namespaces.includes('pid');
      const childPid = forks ? await onlyChildOf(entered) : entered.pid;
      return {
        ...entered,
        pid: childPid,
        parentPid: entered.pid,
        async signal(signal) {
          process.kill(childPid, signal);
          if (signal === 'SIGSTOP') {
            await waitForState(childPid, 'T');
          }
          // nsenter stops itself after its child. Once continued, it continues the child as well, and waits
          // again: a stop before that would be undone.
          if (forks && signal === 'SIGSTOP') {
            await waitForState(entered.pid, 'T');
          }
          if (forks && signal === 'SIGCONT') {
            process.kill(entered.pid, signal);
            await waitForState(entered.pid, 'SZ').catch(() => entered.ended);
          }
        },
      };
    },
    async close() {
      await anchor.kill();
      await Promise.all(started.map((each) => each.kill()));
      rmSync(directory, { recursive: true });
    },
  };
}

/** The pid of a process's only child; NaN when it has ended before it could be seen. */
function onlyChildOf({ pid, hasEnded }: Running): Promise<number> {
  return waitFor(`a child of process ${pid}`, () => {
    try {
      const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
      return child || (hasEnded() && Number.NaN);
    } catch {
      return Number.NaN;
    }
  });
}
