import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { UsageError } from '../options/read.ts';
import { waitOptions } from '../options/table.ts';
import { type CommandName, commands, unknownCommand } from './command-names.ts';
import { exitCodes } from './exit-codes.ts';
import { addOptions } from './flags.ts';
import type { AddCommand, CommandContext, ProcessContext } from './process-context.ts';

export { checkWait } from './commands/check.ts';

const helpWidth = 80;

const notes = `
Without a command it waits, as hooks do: buildkit-drain --timeout=58m
Options and exit codes of a command: buildkit-drain help <command>`;

const waitNotes = `
Each option is an environment variable, too: --quiet-period is
BUILDKIT_DRAIN_QUIET_PERIOD. In a pod a mistake in the settings does not end the
wait: the log names it, and the default is used.
Exit codes: 0 drained, or the daemon is gone; 3 the deadline passed; 4 clients
could not be counted, or nothing was found; 130, 143 interrupted; 2 usage error
(with --check, a wrong setting); 1 a bug.`;

// Only the command lines that need these pay for loading them.
const adders: Readonly<Record<CommandName, () => Promise<AddCommand>>> = {
  wait: async () => addWait,
  status: async () => (await import('./commands/status.ts')).addStatus,
  watch: async () => (await import('./commands/watch.ts')).addWatch,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctor,
  ready: async () => (await import('./commands/ready.ts')).addReady,
  verify: async () => (await import('./commands/verify.ts')).addVerify,
  run: async () => (await import('./commands/run.ts')).addRun,
  serve: async () => (await import('./commands/serve.ts')).addServe,
  bench: async () => (await import('./commands/bench.ts')).addBench,
  install: async () => (await import('./commands/install.ts')).addInstall,
};

/**
 * Runs a command line other than that of a wait, and returns the exit code.
 *
 * @throws UsageError, and what commands throw.
 */
export async function runProgram(
  argv: readonly string[],
  context: ProcessContext,
): Promise<number> {
  const line = withHelpOption(argv);
  const [first = ''] = line;
  if (!(first.startsWith('-') || Object.hasOwn(commands, first))) {
    throw new UsageError(unknownCommand(first));
  }
  let exitCode: number = exitCodes.done;
  const version = packageVersion();
  const program = createProgram(version, context);
  const into: CommandContext = {
    version,
    process: context,
    exit(code) {
      exitCode = code;
    },
  };
  for (const [name, description] of Object.entries(commands)) {
    const command = program.command(name).description(description);
    if (name === first) {
      const add = await adders[name as CommandName]();
      add(command, into);
    }
  }
  try {
    await program.parseAsync(line, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      throw error;
    }
    // commander takes the exit code of help from process.exitCode, which is that of a bug until a command ends.
    if (error.exitCode === 0) {
      return exitCodes.done;
    }
    if (error.code === 'commander.help') {
      // The help was printed instead of a message.
      return exitCodes.usage;
    }
    throw new UsageError(messageOf(error));
  }
}

/** `help bench cost` is `bench cost --help`: the help command of commander takes one name only. */
function withHelpOption(argv: readonly string[]): readonly string[] {
  const [first, ...names] = argv;
  if (first !== 'help') {
    return argv;
  }
  return names[0] === 'help' ? ['--help'] : [...names, '--help'];
}

function createProgram(version: string, { print, printError }: ProcessContext): Command {
  return new Command('buildkit-drain')
    .usage('[command] [options]')
    .description('Hold a stopping buildkitd until its last build is over.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', notes)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: print,
      writeErr: printError,
      // The error is thrown, and the caller prints it.
      outputError() {},
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
    });
}

/** commander only prints the help of `wait`: src/cli/main.ts reads its command line. */
function addWait(command: Command): void {
  command
    .usage('[options]')
    .option('--check', 'show settings and mistakes, and do not wait')
    .addHelpText('after', waitNotes);
  addOptions(command, waitOptions);
}

/** In the form of this program's other errors. */
function messageOf({ message }: CommanderError): string {
  return message
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (.+)\?\)$/, ' (did you mean $1?)')
    .replaceAll("'", '"');
}

function packageVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
