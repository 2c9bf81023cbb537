import { combineAnswers } from '../../builds/answers.ts';
import type { DaemonBuilds } from '../../builds/daemons.ts';
import type { BuildsAnswer } from '../../builds/types.ts';
import { classifiedAtMs, classifyOnce } from '../../drain/classify-all.ts';
import { oldestFirst, type TrackedConnection } from '../../drain/tracked.ts';
import { isCounted, type StatusReport } from '../../messages/status.ts';
import type { Monitor } from '../../monitor/monitor.ts';
import { clientsOnly } from '../../options/drain-config.ts';
import type { OptionValues } from '../../options/read.ts';
import type { classifyOptions, statusOptions } from '../../options/table.ts';

export interface StatusInput {
  readonly options: OptionValues<typeof statusOptions>;
  readonly rule: OptionValues<typeof classifyOptions>;
  readonly monitor: Monitor;
  /** Null if the daemons are never asked. */
  readonly builds: DaemonBuilds | null;
  /** What the daemons have answered already, so that they are not asked now. */
  readonly answer?: BuildsAnswer | null;
}

/** Polls once, and puts together all that is known then. */
export async function pollStatus(input: StatusInput): Promise<Omit<StatusReport, 'notices'>> {
  const { options, rule, monitor, builds } = input;
  const sample = monitor.sample();
  const traffic = monitor.traffic();
  const ownPeers = builds?.ownPeers() ?? [];
  // Asked after the poll, so that the question's own connection is not in the sample.
  const isAsked = builds !== null && input.answer === undefined;
  const answer = isAsked ? await ask(builds, sample) : (input.answer ?? null);
  const connections = sample.kind === 'gone' ? [] : sample.connections;
  const classifyRule = {
    counts: clientsOnly(options),
    probeGraceMs: rule['probe-grace'],
    quietPeriodMs: 0,
    ignoreSilentMs: null,
    ignoreUnreachableMs: rule['ignore-unreachable'],
  };
  const isNoneNow = isAsked && answer?.kind === 'known' && answer.builds.length === 0;
  const classified = classifyOnce(connections, traffic, classifyRule, isNoneNow).map((entry) =>
    isOwn(entry, ownPeers) ? { ...entry, kind: 'own' as const } : entry,
  );
  const tracked = oldestFirst(classified, classifiedAtMs);
  return {
    ...{ sample, tracked, nowMs: classifiedAtMs, builds: answer, ageMs: 0 },
    clients: tracked.filter(isCounted).length,
  };
}

async function ask(
  builds: DaemonBuilds,
  sample: Parameters<DaemonBuilds['ask']>[0],
): Promise<BuildsAnswer> {
  const answers = await builds.ask(sample);
  return combineAnswers(answers.map(({ answer }) => answer));
}

/** Whether a connection is one of our earlier questions, which the daemon has not closed yet. */
function isOwn({ connection: { peer } }: TrackedConnection, ownPeers: readonly string[]): boolean {
  return peer !== null && ownPeers.includes(peer);
}
