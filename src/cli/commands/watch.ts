import type { Command } from 'commander';
import { openBuilds } from '../../builds/daemons.ts';
import { createMonotonicClock } from '../../drain/clock.ts';
import { watch } from '../../drain/watch.ts';
import { monitorEntry } from '../../messages/monitor.ts';
import type { MonitorNotice } from '../../monitor/types.ts';
import { clientsOnly } from '../../options/drain-config.ts';
import { type Flags, readOptions } from '../../options/read.ts';
import { classifyOptions, watchOptions } from '../../options/table.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { addOptions, flagsOf } from '../flags.ts';
import type { CommandContext, ProcessContext } from '../process-context.ts';
import { openMonitorFor } from './open-monitor.ts';
import { openScreen } from './screen.ts';
import { openTls } from './tls.ts';
import { createLineView, createTableView } from './watch-view.ts';

interface WatchSwitches {
  readonly json?: boolean;
}

const watchNotes = `
AGE and SILENT with a plus are lower bounds. A connection is shown from the
first poll on and counted after the probe grace: before that, it may be a probe.
Continues when the daemon is gone. Ends with q or Ctrl-C; Ctrl-Z suspends it.
Exit code: 0, unless 2 for a usage error or 1 for a bug.`;

/** Makes a command `buildkit-drain watch`. */
export function addWatch(command: Command, { process, exit }: CommandContext): void {
  command
    .addHelpText('after', watchNotes)
    .option('--json', 'print a JSON object per change')
    .action(async (switches: WatchSwitches) => {
      exit(await watchUntilStopped(flagsOf(command, watchOptions), switches, process));
    });
  addOptions(command, watchOptions);
}

/** @throws UsageError before the first poll. */
async function watchUntilStopped(
  flags: Flags,
  { json = false }: WatchSwitches,
  context: ProcessContext,
): Promise<ExitCode> {
  const { env } = context;
  const options = readOptions(watchOptions, flags, env);
  const tls = openTls(options);
  await tls.read();
  const counts = clientsOnly(options);
  const clock = createMonotonicClock();
  const closed = new AbortController();
  const early: MonitorNotice[] = [];
  let notify = (notice: MonitorNotice): void => void early.push(notice);
  const monitor = openMonitorFor(options, env, (notice) => notify(notice));
  const view = openView(json, options.interval, context, () => closed.abort());
  notify = (notice) => view.notice(monitorEntry(notice));
  early.forEach(notify);
  const builds = options.builds === 'off' ? null : openBuilds(monitor.daemonsOf, tls);
  monitor.onEnd(() => clock.wake());
  // An error ends the view first: it could not be read on the screen of the table.
  const broken = new Promise<never>((_, reject) => context.onUncaught(reject));
  try {
    const watching = watch({
      sampler: monitor,
      builds,
      seenBetweenPolls: monitor.seenBetweenPolls,
      tcpConnections: () => builds?.tcpConnections() ?? 0,
      rule: {
        counts,
        probeGraceMs: options['probe-grace'],
        quietPeriodMs: 0,
        ignoreSilentMs: null,
        ignoreUnreachableMs: readOptions(classifyOptions, {}, env)['ignore-unreachable'],
      },
      intervalMs: options.interval,
      clock,
      signal: AbortSignal.any([context.signal, closed.signal]),
      onPoll: view.show,
    });
    await Promise.race([watching, broken]);
  } finally {
    closed.abort();
    view.end();
    builds?.close();
    monitor.close();
  }
  return exitCodes.done;
}

function openView(
  json: boolean,
  intervalMs: number,
  { env, print, terminal }: ProcessContext,
  onQuit: () => void,
) {
  // The reader of a pipe may close it.
  const write = (text: string): void => {
    if (!print(text)) {
      onQuit();
    }
  };
  const screen =
    json || env['TERM'] === 'dumb' ? null : openScreen({ self: terminal, write, onQuit });
  return screen === null
    ? createLineView(json ? 'json' : 'text', write)
    : createTableView({ screen, intervalMs, now: () => performance.now() });
}
