import { requireLinux } from '../backends/platform.ts';
import { ignoredMistake, readCommandLine } from '../options/command-line.ts';
import { withoutMistakes } from '../options/read.ts';
import { waitOptions } from '../options/table.ts';
import { commands, unknownCommand } from './command-names.ts';
import { isUnattended, wait } from './commands/wait.ts';
import { explain } from './explain.ts';
import type { ProcessContext } from './process-context.ts';

const waitSwitches = { check: null, help: 'h', version: 'V' } as const;

/** Runs one command line to its end, and returns the exit code. Never throws. */
export async function run(argv: readonly string[], context: ProcessContext): Promise<number> {
  try {
    const uncaught = new Promise<never>((_, reject) => context.onUncaught(reject));
    return await Promise.race([runLine(argv, context), uncaught]);
  } catch (error) {
    return await explain(error, argv, context);
  }
}

/** A wait is read without commander: loading that would cost a hook's start most. */
async function runLine(argv: readonly string[], context: ProcessContext): Promise<number> {
  requireLinux();
  const [first = 'wait', ...rest] = argv;
  if (first === 'wait' || first.startsWith('-')) {
    const isOfWait = argv.length > 1 || first === 'wait';
    return await runWaitLine(first === 'wait' ? rest : argv, isOfWait, context);
  }
  if (first === 'help' || Object.hasOwn(commands, first) || !(await isUnattended(context))) {
    return await runProgram(argv, context);
  }
  // In a hook a mistyped command must not end the wait, since that would kill builds.
  return await runWaitLine(rest, true, context, unknownCommand(first));
}

async function runWaitLine(
  args: readonly string[],
  isOfWait: boolean,
  context: ProcessContext,
  mistyped: string | null = null,
): Promise<number> {
  const { flags, switches, mistakes } = readCommandLine(args, waitOptions, waitSwitches);
  const all = mistyped === null ? mistakes : [ignoredMistake(mistyped), ...mistakes];
  // A hook whose command line has a mistake waits: it may not have asked for anything else.
  const isRight = all.length === 0;
  if (!isRight && !(await isUnattended(context))) {
    withoutMistakes({ mistakes: all });
  }
  if (isRight && switches.includes('version')) {
    return await runProgram(['--version'], context);
  }
  if (isRight && switches.includes('help')) {
    return await runProgram(isOfWait ? ['help', 'wait'] : ['--help'], context);
  }
  if (switches.includes('check')) {
    const { checkWait } = await import('./program.ts');
    return await checkWait(flags, context, all);
  }
  return await wait(flags, context, all);
}

/** A file of its own, which a hook that only waits does not load. */
async function runProgram(argv: readonly string[], context: ProcessContext): Promise<number> {
  const program = await import('./program.ts');
  return await program.runProgram(argv, context);
}
