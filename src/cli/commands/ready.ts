import type { Command } from 'commander';
import { probeApi } from '../../builds/probe-api.ts';
import { findDrainMarkers } from '../../drain-marker.ts';
import { readyText } from '../../messages/ready.ts';
import { procRoot } from '../../monitor/monitor.ts';
import type { MonitorNotice } from '../../monitor/types.ts';
import { type Environment, type Flags, readOptions } from '../../options/read.ts';
import { readyOptions } from '../../options/table.ts';
import { checkReadiness } from '../../ready/readiness.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { addOptions, flagsOf } from '../flags.ts';
import type { CommandContext, ProcessContext } from '../process-context.ts';
import { openMonitorFor } from './open-monitor.ts';
import { openTls } from './tls.ts';

interface ReadySwitches {
  readonly afterDrain?: boolean;
}

const readyNotes = `
A daemon is ready if it listens on every endpoint and answers on each.
Exit codes: 0 ready, 5 not ready; one line says why.`;

/** Makes a command `buildkit-drain ready`. */
export function addReady(command: Command, { process, exit }: CommandContext): void {
  command
    .addHelpText('after', readyNotes)
    .option('--after-drain', 'not ready once a drain has begun')
    .action(async (switches: ReadySwitches) => {
      exit(await ready(flagsOf(command, readyOptions), switches, process));
    });
  addOptions(command, readyOptions);
}

/** @throws UsageError before the first poll. */
async function ready(
  flags: Flags,
  { afterDrain = false }: ReadySwitches,
  { env, print }: ProcessContext,
): Promise<ExitCode> {
  const options = readOptions(readyOptions, flags, withoutDeadline(env));
  const tls = openTls(options);
  const config = await tls.read();
  const notices: MonitorNotice[] = [];
  const monitor = openMonitorFor(options, env, (notice) => notices.push(notice));
  const sample = monitor.sample();
  const daemons = await monitor.daemonsOf(sample);
  const readiness = await checkReadiness({
    sample,
    notListening: notices.flatMap((notice) =>
      notice.kind === 'address-not-listening' ? notice.addresses : [],
    ),
    daemons: daemons.map(({ endpoints }) => endpoints),
    findMarkers: afterDrain ? (endpoints) => findDrainMarkers(procRoot, endpoints) : null,
    probe: (endpoint) => probeApi(endpoint, config, options.timeout),
  });
  monitor.close();
  print(readyText(readiness));
  return readiness.kind === 'ready' ? exitCodes.done : exitCodes.notReady;
}

/** The variable is the wait's deadline for a whole container, not the time for a probe. */
function withoutDeadline(env: Environment): Environment {
  return { ...env, BUILDKIT_DRAIN_TIMEOUT: undefined };
}
