import type { UsageError } from '../options/read-options.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { plainWaitFlags } from './plain-wait.ts';
import type { Surroundings } from './surroundings.ts';
import { wait } from './wait.ts';

/** Runs one command line to its end, and returns the exit code. Never throws. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    const flags = plainWaitFlags(argv);
    if (flags !== null) {
      return await wait(flags, surroundings.env, surroundings.signal);
    }
    // A file of its own, which a hook that only waits does not load.
    const { runProgram } = await import('./program.ts');
    return await runProgram(argv, surroundings);
  } catch (error) {
    return explain(error, surroundings.printError);
  }
}

// By its code, since each of the two files has a class of its own.
function isUsageError(error: unknown): error is UsageError {
  return error instanceof Error && 'code' in error && error.code === 'ERR_USAGE';
}

function explain(error: unknown, printError: (text: string) => void): ExitCode {
  if (isUsageError(error)) {
    printError(`buildkit-drain: ${error.message}\nTry: buildkit-drain --help\n`);
    return exitCodes.usage;
  }
  const trace = error instanceof Error ? error.stack : String(error);
  printError(`buildkit-drain: this is a bug in buildkit-drain, please report it:\n${trace}\n`);
  return exitCodes.bug;
}
