import { waitOptions } from '../../options/wait-options.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { ProcessContext } from '../process-context.ts';
import { readLine } from '../read-line.ts';
import { checkWait } from './check.ts';
import { wait } from './wait.ts';

/** Waits, or checks, by what can be read of a command line with mistakes in it. */
export function waitInSpite(argv: readonly string[], context: ProcessContext): Promise<ExitCode> {
  const args = argv.slice(argv[0] === 'wait' ? 1 : 0);
  const { flags, switches, mistakes } = readLine(args, waitOptions, ['check']);
  const act = switches.includes('check') ? checkWait : wait;
  return act(flags, context, mistakes);
}
