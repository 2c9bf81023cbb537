import { openBuilds } from '../builds/daemons.ts';
import type { TlsConfig } from '../builds/types.ts';
import { createMonotonicClock } from '../drain/clock.ts';
import { type DrainInput, drain } from '../drain/drain.ts';
import type { DrainConfig, DrainEvent, DrainOutcome } from '../drain/types.ts';
import type { Endpoint, Sample, Sampler } from '../inspect/types.ts';
import { createMark } from '../mark/set-mark.ts';
import { type Environment, type Flags, readOptions } from '../options/read-options.ts';
import { type WaitOptionValues, waitOptions } from '../options/wait-options.ts';
import { eventEntry } from '../report/events.ts';
import { createLog, type LogEntry } from '../report/log.ts';
import { openLog, type StderrOwnership } from '../report/log-to.ts';
import { lookEntry } from '../report/look-entry.ts';
import { unmarkedEntry } from '../report/mark-entry.ts';
import { outcomeEntry } from '../report/outcome.ts';
import { type ExitCode, exitCodeOf } from './exit-codes.ts';
import { clientsOnly, isInPod, openLookout, procRoot } from './look.ts';
import { readTls } from './tls.ts';

/** All that a wait is done by. */
export interface WaitPlan {
  readonly options: WaitOptionValues;
  readonly env: Environment;
  readonly tls: TlsConfig | null;
  readonly config: DrainConfig;
  readonly log: (entry: LogEntry) => void;
}

/** What is to be heard of one wait, and what ends it. */
export interface WaitHooks extends Pick<DrainInput, 'signal' | 'onLook'> {
  /** Stands between the wait and what takes its samples. */
  readonly through?: (sampler: Sampler) => Sampler;
}

export interface EndedWait {
  readonly outcome: DrainOutcome;
  /** What the log said last. */
  readonly said: LogEntry;
}

/** `buildkit-drain wait`. @throws UsageError before anything is looked at. */
export async function wait(flags: Flags, env: Environment, signal: AbortSignal): Promise<ExitCode> {
  const plan = await planWait(readOptions(waitOptions, flags, env), env, 'own');
  return exitCodeOf((await runWait(plan, { signal })).outcome);
}

/**
 * @param stderr whether another process writes to the same.
 * @throws UsageError
 */
export async function planWait(
  options: WaitOptionValues,
  env: Environment,
  stderr: StderrOwnership,
): Promise<WaitPlan> {
  const tls = await readTls(options);
  return {
    options,
    env,
    tls,
    config: drainConfig(options),
    log: openWaitLog(options, env, stderr),
  };
}

/** Waits once. @throws UsageError before anything is looked at. */
export async function runWait(
  { options, env, tls, config, log }: WaitPlan,
  { through = (sampler) => sampler, ...hooks }: WaitHooks,
): Promise<EndedWait> {
  const lookout = openLookout(options, env, (notice) => log(lookEntry(notice)));
  const builds = options.builds === 'off' ? null : openBuilds(lookout.daemonsOf, tls);
  const clock = createMonotonicClock();
  lookout.onEnd(() => clock.wake());
  const mark = createMark();
  const showDrain = (event: DrainEvent): void => {
    const reason = 'sample' in event ? mark.cover(endpointsOf(event.sample)) : null;
    if (reason !== null) {
      log(unmarkedEntry(reason));
    }
  };
  try {
    const outcome = await drain({
      ...hooks,
      sampler: through(lookout.sampler),
      builds,
      config,
      clock,
      onEvent(event) {
        log(eventEntry(event, config));
        showDrain(event);
      },
    });
    // Some of them were our own questions, and those that were seen are subtracted for nothing: "at
    // least" is what the log says.
    const others = lookout.seenBetweenLooks() - (builds?.tcpConnections() ?? 0);
    const said = outcomeEntry(outcome, config, Math.max(0, others));
    log(said);
    return { outcome, said };
  } finally {
    mark.close();
    builds?.close();
    lookout.close();
  }
}

function endpointsOf({ looks }: Sample): Endpoint[] {
  return looks.map(({ endpoint }) => endpoint);
}

function drainConfig(options: WaitOptionValues): DrainConfig {
  return {
    intervalMs: options.interval,
    quietPeriodMs: options['quiet-period'],
    timeoutMs: options.timeout,
    minWaitMs: options['min-wait'],
    maxConnections: options['max-connections'],
    counts: clientsOnly(options),
    probeGraceMs: options['probe-grace'],
    ignoreSilentMs: options['ignore-silent'],
    ignoreUnreachableMs: options['ignore-unreachable'],
    builds: options.builds,
    onBlind: options['on-blind'],
    progressEveryMs: options['progress-every'],
  };
}

function openWaitLog(
  options: WaitOptionValues,
  env: Environment,
  stderr: StderrOwnership,
): (entry: LogEntry) => void {
  const write = openLog({
    logTo: options['log-to'],
    inPod: isInPod(env),
    procRoot,
    stderr,
    onTrouble: (message) => log({ level: 'warn', message }),
  });
  const log = createLog({
    format: options['log-format'],
    level: options['log-level'],
    prefix: options['log-prefix'],
    now: () => new Date(),
    write,
  });
  return log;
}
