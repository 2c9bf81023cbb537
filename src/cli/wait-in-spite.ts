import { waitOptions } from '../options/wait-options.ts';
import type { ExitCode } from './exit-codes.ts';
import { readLine } from './read-line.ts';
import type { Surroundings } from './surroundings.ts';
import { wait } from './wait.ts';

/** Waits by what can be read of a command line with mistakes in it. */
export function waitInSpite(
  argv: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { flags, mistakes } = readLine(argv.slice(argv[0] === 'wait' ? 1 : 0), waitOptions, []);
  return wait(flags, surroundings, mistakes);
}
