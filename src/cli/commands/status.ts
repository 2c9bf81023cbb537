import type { Command } from 'commander';
import { openBuilds } from '../../builds/daemons.ts';
import type { LogEntry } from '../../messages/log/log.ts';
import { monitorEntry } from '../../messages/monitor.ts';
import { noticesText, type StatusReport, statusJson, statusText } from '../../messages/status.ts';
import { type Flags, readOptions } from '../../options/read.ts';
import { classifyOptions, statusOptions } from '../../options/table.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { addOptions, flagsOf } from '../flags.ts';
import type { CommandContext, ProcessContext } from '../process-context.ts';
import { openMonitorFor } from './open-monitor.ts';
import { pollStatus } from './poll-status.ts';
import { openTls } from './tls.ts';

interface StatusSwitches {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const statusNotes = `
A plus after AGE or SILENT means "at least". SILENT is the time without traffic.
IN and OUT are bytes from the daemon's side.
Exit codes: 0 idle; 3 clients are connected, or builds are running; 4 clients
could not be counted, or nothing was found.`;

/** Makes a command `buildkit-drain status`. */
export function addStatus(command: Command, { process, exit }: CommandContext): void {
  command
    .addHelpText('after', statusNotes)
    .option('--json', 'print one JSON object')
    .option('--quiet', 'print nothing, only set the exit code')
    .action(async (switches: StatusSwitches) => {
      exit(await status(flagsOf(command, statusOptions), switches, process));
    });
  addOptions(command, statusOptions);
}

/** @throws UsageError before the first poll. */
async function status(
  flags: Flags,
  { json, quiet }: StatusSwitches,
  { env, print, printError }: ProcessContext,
): Promise<ExitCode> {
  const options = readOptions(statusOptions, flags, env);
  const tls = openTls(options);
  await tls.read();
  const notices: LogEntry[] = [];
  const monitor = openMonitorFor(options, env, (notice) => notices.push(monitorEntry(notice)));
  const builds = options.builds === 'off' ? null : openBuilds(monitor.daemonsOf, tls);
  // The defaults of `wait`.
  const rule = readOptions(classifyOptions, {}, env);
  const polled = await pollStatus({ options, rule, monitor, builds });
  builds?.close();
  monitor.close();
  const report = { ...polled, notices: notices.filter(({ level }) => level === 'warn') };
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
