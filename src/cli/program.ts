import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { UsageError } from '../options/read-options.ts';
import { waitOptions } from '../options/wait-options.ts';
import { isUnattended, wait } from './commands/wait.ts';
import { exitCodes } from './exit-codes.ts';
import { addOptions, flagsOf } from './flags.ts';
import type { AddCommand, ProcessContext } from './process-context.ts';

interface WaitSwitches {
  readonly check?: boolean;
}

const helpWidth = 80;

const waitNotes = `
Each is an environment variable too: BUILDKIT_DRAIN_QUIET_PERIOD and so on.
Exit codes: 0 drained or daemon gone, 3 deadline passed, 4 the same but blind,
130 and 143 interrupted, 2 usage error (with --check, a wrong setting), 1 a bug.
See also: buildkit-drain status, watch, serve, run, ready, doctor,
bench cost, bench accuracy, install`;

// Only the command lines that need these pay for loading them.
const loadedOnDemand: Readonly<Record<string, () => Promise<AddCommand>>> = {
  status: async () => (await import('./commands/status.ts')).addStatus,
  watch: async () => (await import('./commands/watch.ts')).addWatch,
  serve: async () => (await import('./commands/serve.ts')).addServe,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctor,
  ready: async () => (await import('./commands/ready.ts')).addReady,
  run: async () => (await import('./commands/run.ts')).addRun,
  bench: async () => (await import('./commands/bench.ts')).addBench,
  install: async () => (await import('./commands/install.ts')).addInstall,
};

/**
 * Runs a command line, and returns the exit code.
 *
 * @throws UsageError, and what commands throw.
 */
export async function runProgram(
  argv: readonly string[],
  context: ProcessContext,
): Promise<number> {
  let exitCode: number = exitCodes.done;
  const exit = (code: number): void => {
    exitCode = code;
  };
  const version = packageVersion();
  const program = createProgram(version, context, exit);
  for (const [name, load] of Object.entries(loadedOnDemand)) {
    if (argv.includes(name)) {
      const add = await load();
      add(program, { version, process: context, exit });
    }
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      throw error;
    }
    if (error.exitCode === 0) {
      return exitCodes.done;
    }
    if (error.code === 'commander.help') {
      // It was printed in the place of a message.
      return exitCodes.usage;
    }
    const isWait = !Object.hasOwn(loadedOnDemand, argv[0] ?? '');
    if (isWait && (await isUnattended(context))) {
      const { waitInSpite } = await import('./commands/wait-in-spite.ts');
      return await waitInSpite(argv, context);
    }
    throw new UsageError(error.message.replace(/^error: /, ''));
  }
}

/** The command line, which hands the exit code of what was run to `exit`. */
function createProgram(
  version: string,
  context: ProcessContext,
  exit: (code: number) => void,
): Command {
  const { print, printError } = context;
  const program = new Command('buildkit-drain')
    .description('Holds a stopping buildkitd until its last client is gone.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: print,
      writeErr: printError,
      // It is thrown, and told by who catches it.
      outputError() {},
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
    });

  const waitCommand = program
    .command('wait', { isDefault: true })
    .usage('[options]')
    .description('Wait until no client has been connected for the quiet period.')
    .addHelpText('after', waitNotes)
    .option('--check', 'show settings and mistakes, do not wait')
    .action(async ({ check = false }: WaitSwitches, command: Command) => {
      const flags = flagsOf(command, waitOptions);
      const act = check ? (await import('./commands/check.ts')).checkWait : wait;
      exit(await act(flags, context));
    });
  addOptions(waitCommand, waitOptions);

  // Waiting is what the program is for: its help is the help of `wait`.
  program.helpInformation = () => waitCommand.helpInformation();
  program.addHelpText('after', waitNotes);
  return program;
}

function packageVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
