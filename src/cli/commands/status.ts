import type { Command } from 'commander';
import { statusJson } from '../../messages/status-json.ts';
import type { StatusReport } from '../../messages/status-report.ts';
import { noticesText, statusText } from '../../messages/status-text.ts';
import { type Flags, readOptions } from '../../options/read-options.ts';
import { standingOptions, statusOptions } from '../../options/wait-options.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { addOptions, flagsOf } from '../flags.ts';
import type { CommandContext, ProcessContext } from '../process-context.ts';
import { lookForStatus } from './poll-status.ts';
import { openTls } from './tls.ts';

interface StatusSwitches {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const statusNotes = `
AGE and SILENT with a plus are at least so long. SILENT is the time since data
last came or went; IN and OUT are bytes, as the daemon sees them.
Exit codes: 0 idle; 3 clients are connected, or builds run; 4 blind, or no
daemon was found.`;

/** Adds `buildkit-drain status`. */
export function addStatus(program: Command, { process, exit }: CommandContext): void {
  const command = program
    .command('status')
    .description('Look once, and show who is connected.')
    .addHelpText('after', statusNotes)
    .option('--json', 'print one JSON object')
    .option('--quiet', 'print nothing: the exit code says it all')
    .action(async (switches: StatusSwitches) => {
      exit(await status(flagsOf(command, statusOptions), switches, process));
    });
  addOptions(command, statusOptions);
}

/** @throws UsageError before anything is looked at. */
async function status(
  flags: Flags,
  { json, quiet }: StatusSwitches,
  { env, print, printError }: ProcessContext,
): Promise<ExitCode> {
  const options = readOptions(statusOptions, flags, env);
  const tls = openTls(options);
  await tls.read();
  const report = await lookForStatus({
    ...{ options, env, tls },
    // What `wait` would go by, were it told nothing else.
    kind: readOptions(standingOptions, {}, env),
    builds: options.builds === 'off' ? null : 'ask',
  });
  if (!quiet) {
    if (json) {
      print(`${statusJson(report)}\n`);
    } else {
      printError(noticesText(report));
      print(statusText(report));
    }
  }
  return exitCodeOf(report, options.builds === 'require');
}

function exitCodeOf({ sample, clients, builds }: StatusReport, isRequired: boolean): ExitCode {
  if (clients > 0 || (builds?.kind === 'known' && builds.builds.length > 0)) {
    return exitCodes.clientsConnected;
  }
  if (sample.kind === 'gone') {
    return sample.wasThere ? exitCodes.done : exitCodes.unknown;
  }
  const isUnknown = sample.kind === 'failed' || (isRequired && builds?.kind === 'unknown');
  return isUnknown ? exitCodes.unknown : exitCodes.done;
}
