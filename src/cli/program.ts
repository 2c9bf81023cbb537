import { Command } from 'commander';
import type { Environment } from '../options/read-options.ts';
import { waitOptions } from '../options/wait-options.ts';
import type { ScreenSize } from '../report/watch-frame.ts';
import type { ExitCode } from './exit-codes.ts';
import { addOptions, flagsOf } from './flags.ts';
import { wait } from './wait.ts';

export interface Surroundings {
  readonly env: Environment;
  /** Raised, with the signal's name as its reason, when the process is told to stop. */
  readonly signal: AbortSignal;
  /** Returns false where the text could not be written, as when nobody reads it any more. */
  readonly print: (text: string) => boolean;
  readonly printError: (text: string) => boolean;
  /** The terminal that `print` writes to; null where it is none. */
  readonly openScreen: () => Promise<Screen | null>;
  readonly self: Self;
}

/** A terminal. */
export interface Screen {
  /** In characters; 0 is what a terminal says that does not know. */
  readonly size: () => ScreenSize;
  readonly onResize: (callback: () => void) => void;
}

/** This process, as far as a command has to know it that starts others. */
interface Self {
  /** The Node.js that runs it, and its version. */
  readonly node: string;
  readonly nodeVersion: string;
  /** The file that Node.js was told to run. */
  readonly program: string;
  /** Kills a process and all of its group; where there is none, that is well. */
  readonly killGroup: (pid: number) => void;
}

/** Adds a command to the command line. */
export type AddCommand = (program: Command, into: CommandContext) => void;

export interface CommandContext {
  readonly version: string;
  readonly surroundings: Surroundings;
  /** Takes the exit code of what was run. */
  readonly exit: (code: ExitCode) => void;
}

const helpWidth = 80;

const waitNotes = `
Each is an environment variable too: BUILDKIT_DRAIN_QUIET_PERIOD and so on.
Exit codes: 0 drained or daemon gone, 3 deadline passed, 4 the same but blind,
130 and 143 interrupted, 2 usage error, 1 a bug.
See also: buildkit-drain status, watch, doctor, bench cost, bench accuracy`;

/** The command line, which hands the exit code of what was run to `exit`. */
export function createProgram(
  version: string,
  surroundings: Surroundings,
  exit: (code: ExitCode) => void,
): Command {
  const { env, signal, print, printError } = surroundings;
  const program = new Command('buildkit-drain')
    .description('Holds a stopping buildkitd until its last client is gone.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: print,
      writeErr: printError,
      outputError: (text, write) => write(text.replace(/^error: /, 'buildkit-drain: ')),
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
    })
    .showHelpAfterError('Try: buildkit-drain --help');

  const waitCommand = program
    .command('wait', { isDefault: true })
    .usage('[options]')
    .description('Wait until no client has been connected for the quiet period.')
    .addHelpText('after', waitNotes)
    .action(async (_, command: Command) => {
      exit(await wait(flagsOf(command, waitOptions), env, signal));
    });
  addOptions(waitCommand, waitOptions);

  // Waiting is what the program is for: its help is the help of `wait`.
  program.helpInformation = () => waitCommand.helpInformation();
  program.addHelpText('after', waitNotes);
  return program;
}
