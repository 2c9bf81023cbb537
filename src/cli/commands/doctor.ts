import type { Command } from 'commander';
import { findProcess } from '../../backends/procfs/processes.ts';
import type { Sample } from '../../backends/types.ts';
import { createBackends } from '../../backends/with-fallback.ts';
import { type DaemonBuilds, openBuilds } from '../../builds/daemons.ts';
import { compareBackends } from '../../doctor/endpoints.ts';
import {
  findAddon,
  findDaemons,
  findEnvironment,
  findProcesses,
  findSelf,
} from '../../doctor/facts.ts';
import { tryBackends } from '../../doctor/trial.ts';
import type { BuildsFacts, Diagnosis, WaitFacts } from '../../doctor/types.ts';
import { type Attempt, attempt, attemptLater } from '../../doctor/types.ts';
import {
  type DoctorVerdict,
  doctorJson,
  doctorSections,
  doctorText,
} from '../../messages/doctor/render.ts';
import type { LogEntry } from '../../messages/log/log.ts';
import { openPodLog } from '../../messages/log/open-log.ts';
import { monitorEntry } from '../../messages/monitor.ts';
import { containerSigns, isInContainer, isInPod, podSigns } from '../../monitor/container.ts';
import { type OpenMonitor, procRoot } from '../../monitor/monitor.ts';
import { type Environment, type Flags, readOptions, readSettings } from '../../options/read.ts';
import { statusOptions, waitOptions } from '../../options/table.ts';
import { findUnknown } from '../../options/unknown-variables.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { addOptions, flagsOf } from '../flags.ts';
import type { CommandContext, ProcessContext } from '../process-context.ts';
import { openMonitorFor } from './open-monitor.ts';
import { openTls } from './tls.ts';

interface DoctorSwitches {
  readonly json?: boolean;
}

const doctorNotes = `
Opens a listener of each kind for a moment, on the loopback interface and in the
folder for temporary files, to see whether it is seen. What it prints has paths
and addresses, and no content of files.
Exit codes: 0 it works, 4 unknown, 2 usage error, or a setting is wrong.`;

/** Makes a command `buildkit-drain doctor`. */
export function addDoctor(command: Command, { version, process, exit }: CommandContext): void {
  command
    .addHelpText('after', doctorNotes)
    .option('--json', 'print one JSON object')
    .action(async (switches: DoctorSwitches) => {
      exit(await doctor(flagsOf(command, statusOptions), switches, version, process));
    });
  addOptions(command, statusOptions);
}

/** @throws UsageError before the first poll. */
async function doctor(
  flags: Flags,
  { json = false }: DoctorSwitches,
  version: string,
  { env, print, self }: ProcessContext,
): Promise<ExitCode> {
  const options = readOptions(statusOptions, flags, env);
  const tls = openTls(options);
  await tls.read();
  const notices: LogEntry[] = [];
  const monitor = openMonitorFor(options, env, (notice) => notices.push(monitorEntry(notice)));
  const sample = monitor.sample();
  const given = options.pid === null ? null : findProcess(procRoot, options.pid);
  const builds = options.builds === 'off' ? null : openBuilds(monitor.daemonsOf, tls);
  const diagnosis: Diagnosis = {
    environment: attempt(() =>
      findEnvironment({
        ...{ procRoot, version, nodeVersion: self.nodeVersion },
        podSigns: podSigns(env),
        containerSigns: containerSigns(),
      }),
    ),
    self: attempt(() => findSelf(procRoot)),
    addon: attempt(findAddon),
    trials: await tryAllBackends(),
    processes: attempt(() => findProcesses(procRoot)),
    daemons: attempt(() => findDaemons(procRoot, given)),
    sample,
    endpoints: endpointsOf(monitor),
    builds: builds === null ? null : await askEach(builds, sample),
    needsBuilds: options.builds === 'require',
    log: logFacts(env),
    wait: await attemptLater(() => waitFacts(env)),
  };
  builds?.close();
  monitor.close();
  const verdict = verdictOf(diagnosis);
  const sections = doctorSections(diagnosis, notices);
  print(json ? `${doctorJson(sections, verdict)}\n` : doctorText(sections, verdict));
  return verdictCodes[verdict];
}

async function tryAllBackends(): Promise<Diagnosis['trials']> {
  return await attemptLater(() => tryBackends(createBackends('auto', procRoot)));
}

function endpointsOf({ watched }: OpenMonitor): Diagnosis['endpoints'] {
  return watched().map(({ target, backends }) =>
    compareBackends(target.endpoint, target.isAssumed, backends),
  );
}

function askEach(builds: DaemonBuilds, sample: Sample): Promise<Attempt<readonly BuildsFacts[]>> {
  return attemptLater(async () =>
    (await builds.ask(sample)).map(({ endpoints, answer }) => ({
      addresses: endpoints.map(({ address }) => address),
      answer,
    })),
  );
}

function logFacts(env: Environment): Diagnosis['log'] {
  const inContainer = isInContainer(env);
  return {
    inPod: isInPod(env),
    inContainer,
    podLog: attempt(() => (inContainer ? openPodLog(procRoot) : null)),
  };
}

async function waitFacts(env: Environment): Promise<WaitFacts> {
  const { values: options, mistakes } = readSettings(waitOptions, {}, env);
  return {
    faults: [...mistakes, ...findUnknown(env)],
    intervalMs: options.interval,
    quietPeriodMs: options['quiet-period'],
    timeoutMs: options.timeout.ms,
  };
}

const verdictCodes = {
  works: exitCodes.done,
  unknown: exitCodes.unknown,
  'badly-set': exitCodes.usage,
} as const satisfies Record<DoctorVerdict, ExitCode>;

function verdictOf(diagnosis: Diagnosis): DoctorVerdict {
  const { wait } = diagnosis;
  if (!canCount(diagnosis)) {
    return 'unknown';
  }
  const isBad = wait.kind === 'failed' || wait.value.faults.some(({ level }) => level === 'error');
  return isBad ? 'badly-set' : 'works';
}

/** The same as for `status`: a daemon that is gone is an answer. */
function canCount({ sample, builds, needsBuilds }: Diagnosis): boolean {
  if (sample.kind !== 'counted') {
    return sample.kind === 'gone';
  }
  const isAnswered =
    builds?.kind === 'done' && builds.value.every(({ answer }) => answer.kind === 'known');
  return !needsBuilds || isAnswered;
}
