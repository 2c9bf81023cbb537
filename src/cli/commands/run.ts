import { constants } from 'node:os';
import type { Command } from 'commander';
import { runEntry } from '../../messages/run.ts';
import { procRoot } from '../../monitor/monitor.ts';
import { type Flags, readSettings, withoutMistakes } from '../../options/read.ts';
import { waitOptions } from '../../options/table.ts';
import type { ChildEnd } from '../../run/child.ts';
import { createReaper, findDaemonBelow, startChild } from '../../run/child.ts';
import type { RunEvent } from '../../run/supervise.ts';
import { leavesCore, passedOn, supervise, waitOrHold } from '../../run/supervise.ts';
import { interruptedBy } from '../exit-codes.ts';
import { addOptions, flagsOf } from '../flags.ts';
import type { CommandContext, ProcessContext, Self } from '../process-context.ts';
import { planWait } from './plan-wait.ts';
import { runWait } from './run-wait.ts';

// The daemon is the command itself.
const { pid: _pid, ...runOptions } = waitOptions;

const initPid = 1;

const runNotes = `
Starts the command, and passes all signals on to it. At SIGTERM or SIGINT it
waits as \`wait\` does, and only then passes SIGTERM on; a second one skips that.
Exit codes: the command's; 127 no such command, 126 not executable.`;

/** Makes a command `buildkit-drain run`. */
export function addRun(command: Command, { process, exit }: CommandContext): void {
  command
    .usage('[options] -- <command ...>')
    .argument('<command...>')
    .passThroughOptions()
    .addHelpText('after', runNotes)
    .action(async (words: readonly string[]) => {
      exit(await runDaemon(flagsOf(command, runOptions), words, process));
    });
  addOptions(command, runOptions);
}

/** @throws UsageError before anything is started, and StartError. */
async function runDaemon(
  flags: Flags,
  words: readonly string[],
  context: ProcessContext,
): Promise<number> {
  const { env, signal, self } = context;
  const read = withoutMistakes(readSettings(waitOptions, { ...flags, pid: 'found' }, env));
  const { values: options, mistakes } = read;
  const goesOn = async (): Promise<boolean> => true;
  const plan = await planWait({ options, mistakes, goesOn, stderr: 'shared' }, context);
  if (signal.aborted) {
    return interruptedBy(signal.reason);
  }
  const notify = (event: RunEvent): void => plan.log(runEntry(event));
  const child = await startChild(words, env);
  const { pid } = child;
  notify({ kind: 'run-started', pid, program: words[0] ?? '' });
  if (self.pid === initPid) {
    reapOrphans(self, pid, notify);
  }
  const waitForQuiet = async (over: AbortSignal): Promise<void> => {
    const daemon = { ...options, pid: findDaemonBelow(procRoot, pid) };
    await runWait({ ...plan, options: daemon }, { signal: over });
  };
  const end = await supervise({
    child,
    onSignal(callback) {
      for (const each of passedOn) {
        self.onSignal(each, () => callback(each));
      }
    },
    wait: (over) => waitOrHold(waitForQuiet, options.timeout.ms, over, notify),
    onEvent: notify,
  });
  return endAs(end, self);
}

function reapOrphans(self: Self, own: number, notify: (event: RunEvent) => void): void {
  try {
    const reap = createReaper(own);
    self.onSignal('SIGCHLD', reap);
    reap();
  } catch (error) {
    notify({ kind: 'run-not-reaping', reason: (error as Error).message });
  }
}

/**
 * Ends as the daemon did, also by the same signal, since supervisors treat an end by SIGTERM as clean. Process 1 cannot end
 * by its own signals, and uses the exit code of shells instead.
 */
function endAs(end: ChildEnd, self: Self): number {
  if (end.kind === 'exited') {
    return end.code;
  }
  if (!leavesCore(end.signal)) {
    self.dieOf(end.signal);
  }
  return 128 + constants.signals[end.signal];
}
