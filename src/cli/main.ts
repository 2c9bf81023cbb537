import { wait } from './commands/wait.ts';
import { explain } from './explain.ts';
import { plainWaitFlags } from './plain-wait.ts';
import type { Surroundings } from './process-context.ts';

/** Runs one command line to its end, and returns the exit code. Never throws. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    const uncaught = new Promise<never>((_, reject) => surroundings.onUncaught(reject));
    return await Promise.race([runLine(argv, surroundings), uncaught]);
  } catch (error) {
    return await explain(error, argv, surroundings);
  }
}

async function runLine(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const flags = plainWaitFlags(argv);
  if (flags !== null) {
    return await wait(flags, surroundings);
  }
  // A file of its own, which a hook that only waits does not load.
  const { runProgram } = await import('./program.ts');
  return await runProgram(argv, surroundings);
}
