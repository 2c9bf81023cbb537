import type { Sample } from '../../backends/types.ts';
import { combineAnswers } from '../../builds/answers.ts';
import { openBuilds } from '../../builds/daemons.ts';
import type { BuildsAnswer } from '../../builds/types.ts';
import { classifiedAtMs, classifyOnce } from '../../drain/classify-all.ts';
import type { LogEntry } from '../../messages/log/log.ts';
import { monitorEntry } from '../../messages/monitor-entry.ts';
import { isClient } from '../../messages/status-json.ts';
import type { StatusReport } from '../../messages/status-report.ts';
import type { Monitor } from '../../monitor/monitor.ts';
import type { Environment, OptionValues } from '../../options/read.ts';
import type { classifyOptions, statusOptions } from '../../options/table.ts';
import { clientsOnly, openMonitorFor } from './open-monitor.ts';
import type { Tls } from './tls.ts';

export interface StatusPlan {
  readonly options: OptionValues<typeof statusOptions>;
  readonly env: Environment;
  readonly tls: Tls;
  readonly kind: OptionValues<typeof classifyOptions>;
  /** What the daemon has said of its builds, or that it is to be asked. */
  readonly builds: BuildsAnswer | null | 'ask';
}

/** Looks once, and puts together all that is known then. @throws UsageError */
export async function lookForStatus({
  options,
  env,
  tls,
  kind,
  builds: given,
}: StatusPlan): Promise<StatusReport> {
  const counts = clientsOnly(options);
  const notices: LogEntry[] = [];
  const monitor = openMonitorFor(options, env, (notice) => notices.push(monitorEntry(notice)));
  const sample = monitor.sample();
  const traffic = monitor.traffic();
  // Asked after the look, which so can't have seen the question's own connection.
  const builds = given === 'ask' ? await askOnce(monitor, sample, tls) : given;
  monitor.close();
  const rule = {
    counts,
    probeGraceMs: kind['probe-grace'],
    quietPeriodMs: 0,
    ignoreSilentMs: null,
    ignoreUnreachableMs: kind['ignore-unreachable'],
  };
  const isNoneNow = given === 'ask' && saysNone(builds);
  const rows = classifyOnce(connectionsOf(sample), traffic, rule, isNoneNow).map((entry) => ({
    entry,
    isIgnored: entry.kind === 'ignored',
  }));
  return {
    ...{ sample, rows, nowMs: classifiedAtMs, clients: rows.filter(isClient).length, builds },
    needsBuilds: options.builds === 'require' || tls.isGiven,
    notices: notices.filter(({ level }) => level === 'warn'),
  };
}

async function askOnce({ daemonsOf }: Monitor, sample: Sample, tls: Tls): Promise<BuildsAnswer> {
  const builds = openBuilds(daemonsOf, tls);
  const answers = await builds.ask(sample);
  builds.close();
  return combineAnswers(answers.map(({ answer }) => answer));
}

function connectionsOf(sample: Sample) {
  return sample.kind === 'gone' ? [] : sample.connections;
}

function saysNone(builds: BuildsAnswer | null): boolean {
  return builds?.kind === 'known' && builds.builds.length === 0;
}
