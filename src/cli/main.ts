import { wait } from './commands/wait.ts';
import { explain } from './explain.ts';
import { plainWaitFlags } from './plain-wait.ts';
import type { ProcessContext } from './process-context.ts';

/** Runs one command line to its end, and returns the exit code. Never throws. */
export async function run(argv: readonly string[], context: ProcessContext): Promise<number> {
  try {
    const uncaught = new Promise<never>((_, reject) => context.onUncaught(reject));
    return await Promise.race([runLine(argv, context), uncaught]);
  } catch (error) {
    return await explain(error, argv, context);
  }
}

async function runLine(argv: readonly string[], context: ProcessContext): Promise<number> {
  const flags = plainWaitFlags(argv);
  if (flags !== null) {
    return await wait(flags, context);
  }
  // A file of its own, which a hook that only waits does not load.
  const { runProgram } = await import('./program.ts');
  return await runProgram(argv, context);
}
