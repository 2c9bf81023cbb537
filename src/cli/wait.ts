import { createMonotonicClock } from '../drain/clock.ts';
import { drain } from '../drain/drain.ts';
import type { DrainConfig } from '../drain/types.ts';
import { type Environment, type Flags, readOptions } from '../options/read-options.ts';
import { type WaitOptionValues, waitOptions } from '../options/wait-options.ts';
import { eventEntry } from '../report/events.ts';
import { createLog, type LogEntry } from '../report/log.ts';
import { openLog } from '../report/log-to.ts';
import { lookEntry } from '../report/look-entry.ts';
import { outcomeEntry } from '../report/outcome.ts';
import { openBuilds } from './builds.ts';
import { type ExitCode, exitCodeOf } from './exit-codes.ts';
import { clientsOnly, isInPod, openLookout, procRoot } from './look.ts';
import { readTls } from './tls.ts';

/** `buildkit-drain wait`. @throws UsageError before anything is looked at. */
export async function wait(flags: Flags, env: Environment, signal: AbortSignal): Promise<ExitCode> {
  const options = readOptions(waitOptions, flags, env);
  const tls = await readTls(options);
  const config = drainConfig(options);
  const log = openWaitLog(options, env);
  const lookout = openLookout(options, env, (notice) => log(lookEntry(notice)));
  const builds = options.builds === 'off' ? null : openBuilds(lookout.daemonsOf, tls);
  const clock = createMonotonicClock();
  lookout.onEnd(() => clock.wake());
  const outcome = await drain({
    sampler: lookout.sampler,
    builds,
    config,
    clock,
    signal,
    onEvent: (event) => log(eventEntry(event, config)),
  });
  // Some of them were our own questions, and those that were seen are subtracted for nothing: "at
  // least" is what the log says.
  const others = lookout.seenBetweenLooks() - (builds?.tcpConnections() ?? 0);
  log(outcomeEntry(outcome, config, Math.max(0, others)));
  builds?.close();
  lookout.close();
  return exitCodeOf(outcome);
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

function openWaitLog(options: WaitOptionValues, env: Environment): (entry: LogEntry) => void {
  const write = openLog({
    logTo: options['log-to'],
    inPod: isInPod(env),
    procRoot,
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
