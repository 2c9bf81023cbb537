import { bugText, failureEntry } from '../messages/problems.ts';
import { readCommandLine } from '../options/command-line.ts';
import { type Environment, readSettings } from '../options/read.ts';
import { type LogOptionValues, logOptions, waitOptions } from '../options/table.ts';
import { commands } from './command-names.ts';
import { openWaitLog } from './commands/plan-wait.ts';
import { isUnattended } from './commands/wait.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { ProcessContext } from './process-context.ts';

const commandsOfPeople = ['status', 'watch', 'doctor', 'bench', 'install', 'help'];
const benchmarks = ['cost', 'accuracy'];

/**
 * Reports why a command ends early: on standard error, and for a command that runs as a hook in its log.
 */
export async function explain(
  error: unknown,
  argv: readonly string[],
  context: ProcessContext,
): Promise<ExitCode> {
  const { code, message, hint } = failureOf(error, argv);
  const isHook = !commandsOfPeople.includes(argv[0] ?? '');
  const isLogged = isHook && (await isUnattended(context));
  if (!isLogged) {
    context.printError(`buildkit-drain: ${message}\n${hint}`);
  }
  const options = logOptionsOf(argv, context.env);
  const isOnlyInFile = options['log-to'].kind === 'file' || options['log-to'].kind === 'pod';
  if (isLogged || (isHook && isOnlyInFile)) {
    const log = openWaitLog(options, context.env, argv[0] === 'run' ? 'shared' : 'own');
    log(failureEntry(message, code));
  }
  return code;
}

interface Failure {
  readonly code: ExitCode;
  readonly message: string;
  /** Shown on a terminal as well. */
  readonly hint: string;
}

// By its code or name, since each of the program's files has its own classes.
function failureOf(error: unknown, argv: readonly string[]): Failure {
  const { code, name, message } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (code === 'ERR_USAGE') {
    return {
      code: exitCodes.usage,
      message: message ?? '',
      hint: `Try: buildkit-drain ${helpFor(argv)}--help\n`,
    };
  }
  if (code === 'ERR_PLATFORM') {
    return { code: exitCodes.usage, message: `${message}.`, hint: '' };
  }
  if (name === 'StartError') {
    const isMissing = code === 'ENOENT';
    return {
      code: isMissing ? exitCodes.notFound : exitCodes.notExecutable,
      message: message ?? '',
      hint: '',
    };
  }
  return { code: exitCodes.bug, message: bugText(error), hint: '' };
}

function logOptionsOf(argv: readonly string[], env: Environment): LogOptionValues {
  // Everything after `--` belongs to the command of `run`.
  const end = argv.indexOf('--');
  const isRun = argv[0] === 'run';
  const args = end >= 0 ? argv.slice(0, end) : isRun ? [] : argv;
  return readSettings(logOptions, readCommandLine(args, waitOptions, {}).flags, env).values;
}

/** The words before `--help` that print the help of this command line. */
function helpFor([first = 'wait', second = '']: readonly string[]): string {
  if (first === 'bench' && benchmarks.includes(second)) {
    return `${first} ${second} `;
  }
  const name = first.startsWith('-') ? 'wait' : first;
  return Object.hasOwn(commands, name) ? `${name} ` : '';
}
