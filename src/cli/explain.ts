import { bugText, failureEntry } from '../messages/failure.ts';
import { type Environment, readSettings } from '../options/read-options.ts';
import { type LogOptionValues, logOptions, waitOptions } from '../options/wait-options.ts';
import { isUnattended } from './commands/wait.ts';
import { openWaitLog } from './commands/wait-log.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { ProcessContext } from './process-context.ts';
import { readLine } from './read-line.ts';

const commandsOfPeople = ['status', 'watch', 'doctor', 'bench', 'install', 'help'];

/**
 * Says why a command ends early: to who has typed it in words, and of a command that runs as a hook to
 * all that its log goes to.
 */
export async function explain(
  error: unknown,
  argv: readonly string[],
  context: ProcessContext,
): Promise<ExitCode> {
  const { code, message, hint } = failureOf(error);
  const isHook = !commandsOfPeople.includes(argv[0] ?? '');
  const isSaidInLog = isHook && (await isUnattended(context));
  if (!isSaidInLog) {
    context.printError(`buildkit-drain: ${message}\n${hint}`);
  }
  const options = logOptionsOf(argv, context.env);
  const isElsewhere = options['log-to'].kind === 'file' || options['log-to'].kind === 'pod';
  if (isSaidInLog || (isHook && isElsewhere)) {
    const log = openWaitLog(options, context.env, argv[0] === 'run' ? 'shared' : 'own');
    log(failureEntry(message, code));
  }
  return code;
}

interface Failure {
  readonly code: ExitCode;
  readonly message: string;
  /** What somebody at a terminal is told besides. */
  readonly hint: string;
}

// By its code or name, since each of the program's files has classes of its own.
function failureOf(error: unknown): Failure {
  const { code, name, message } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (code === 'ERR_USAGE') {
    return { code: exitCodes.usage, message: message ?? '', hint: 'Try: buildkit-drain --help\n' };
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
  // What follows a command that is run is its own.
  const end = argv.indexOf('--');
  const isRun = argv[0] === 'run';
  const args = end >= 0 ? argv.slice(0, end) : isRun ? [] : argv;
  return readSettings(logOptions, readLine(args, waitOptions, []).flags, env).values;
}
