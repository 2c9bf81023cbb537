import type { Command } from 'commander';
import type { BuildsAnswer } from '../builds/types.ts';
import { glance, glanceMs } from '../drain/glance.ts';
import type { StandingRule } from '../drain/standing.ts';
import type { Sample } from '../inspect/types.ts';
import { type Environment, type Flags, readOptions } from '../options/read-options.ts';
import { standingOptions, statusOptions } from '../options/wait-options.ts';
import type { LogEntry } from '../report/log.ts';
import { lookEntry } from '../report/look-entry.ts';
import { isClient, statusJson } from '../report/status-json.ts';
import { noticesText, statusText } from '../report/status-text.ts';
import { openBuilds } from './builds.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { addOptions, flagsOf } from './flags.ts';
import { clientsOnly, openLookout } from './look.ts';
import type { CommandContext, Surroundings } from './surroundings.ts';
import { readTls } from './tls.ts';

interface StatusSwitches {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const statusNotes = `
AGE and SILENT with a plus are at least so long. SILENT is the time since data
last came or went; IN and OUT are bytes, as the daemon sees them.
Exit codes: 0 idle, or the daemon is gone; 3 clients are connected, or builds
run; 4 blind.`;

/** Adds `buildkit-drain status`. */
export function addStatus(program: Command, { surroundings, exit }: CommandContext): void {
  const command = program
    .command('status')
    .description('Look once, and show who is connected.')
    .addHelpText('after', statusNotes)
    .option('--json', 'print one JSON object')
    .option('--quiet', 'print nothing: the exit code says it all')
    .action(async (switches: StatusSwitches) => {
      exit(await status(flagsOf(command, statusOptions), switches, surroundings));
    });
  addOptions(command, statusOptions);
}

/** @throws UsageError before anything is looked at. */
async function status(
  flags: Flags,
  { json, quiet }: StatusSwitches,
  { env, print, printError }: Surroundings,
): Promise<ExitCode> {
  const options = readOptions(statusOptions, flags, env);
  const tls = await readTls(options);
  const counts = clientsOnly(options);
  const notices: LogEntry[] = [];
  const lookout = openLookout(options, env, (notice) => notices.push(lookEntry(notice)));
  const sample = lookout.sampler.sample();
  const traffic = lookout.sampler.traffic();
  lookout.close();
  // Asked after the look, which so can't have seen the question's own connection.
  const builds =
    options.builds === 'off' ? null : await openBuilds(lookout.daemonsOf, tls).ask(sample);
  const isRequired = options.builds === 'require';
  const rows = glance(connectionsOf(sample), traffic, standingRule(env), saysNone(builds)).map(
    (entry) => ({ entry, isIgnored: !counts(entry.connection) }),
  );
  const clients = rows.filter(isClient).length;
  if (!quiet) {
    const report = {
      ...{ sample, rows, nowMs: glanceMs, clients, builds },
      needsBuilds: isRequired || tls !== null,
      notices: notices.filter(({ level }) => level === 'warn'),
    };
    if (json) {
      print(`${statusJson(report)}\n`);
    } else {
      printError(noticesText(report));
      print(statusText(report));
    }
  }
  return exitCodeOf(sample, clients, builds, isRequired);
}

function connectionsOf(sample: Sample) {
  return sample.kind === 'gone' ? [] : sample.connections;
}

function saysNone(builds: BuildsAnswer | null): boolean {
  return builds?.kind === 'known' && builds.builds.length === 0;
}

/** What `wait` would go by, were it told nothing else. */
function standingRule(env: Environment): StandingRule {
  const options = readOptions(standingOptions, {}, env);
  return {
    probeGraceMs: options['probe-grace'],
    ignoreSilentMs: null,
    ignoreUnreachableMs: options['ignore-unreachable'],
  };
}

function exitCodeOf(
  sample: Sample,
  clients: number,
  builds: BuildsAnswer | null,
  isRequired: boolean,
): ExitCode {
  if (clients > 0 || (builds?.kind === 'known' && builds.builds.length > 0)) {
    return exitCodes.clientsConnected;
  }
  const isBlind = sample.kind === 'failed' || (isRequired && builds?.kind === 'unknown');
  return isBlind && sample.kind !== 'gone' ? exitCodes.blind : exitCodes.done;
}
