import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { UsageError } from '../options/read-options.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { type AddCommand, createProgram, type Surroundings } from './program.ts';

// A hook starts in the busiest moment: only the command lines that need these pay for loading them.
const loadedOnDemand: Readonly<Record<string, () => Promise<AddCommand>>> = {
  status: async () => (await import('./status.ts')).addStatus,
  watch: async () => (await import('./watch.ts')).addWatch,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  bench: async () => (await import('./bench.ts')).addBench,
};

/** Runs one command line to its end, and returns the exit code. Never throws. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done;
  try {
    const version = packageVersion();
    const exit = (code: ExitCode): void => {
      exitCode = code;
    };
    const program = createProgram(version, surroundings, exit);
    for (const [name, load] of Object.entries(loadedOnDemand)) {
      if (argv.includes(name)) {
        const add = await load();
        add(program, { version, surroundings, exit });
      }
    }
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(error, surroundings.printError);
  }
}

function explain(error: unknown, printError: (text: string) => void): ExitCode {
  if (error instanceof CommanderError) {
    // It has printed its message already.
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
  if (error instanceof UsageError) {
    printError(`buildkit-drain: ${error.message}\nTry: buildkit-drain --help\n`);
    return exitCodes.usage;
  }
  const trace = error instanceof Error ? error.stack : String(error);
  printError(`buildkit-drain: this is a bug in buildkit-drain, please report it:\n${trace}\n`);
  return exitCodes.bug;
}

function packageVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
