import { BackendError, type EndedConnection, type Sampler } from '../backends/types.ts';
import { type BuildWatch, buildsReading, type ExpiredBuilds } from './build-watch.ts';
import { type ClassifyRule, isIdle } from './classify.ts';
import type { PollResult } from './poll-step.ts';
import type { QuietRule, Reading } from './quiet-period.ts';
import { createShortLivedClients } from './short-lived.ts';
import { clientsIn, isNameless, pendingIn, type TrackedConnections } from './tracked.ts';

/** What a poll means for a wait. */
export interface Assessment {
  readonly reading: Reading;
  /**
   * Whether there are too many clients for the wait to end until one of them does, and the kernel
   * announces that without a poll.
   */
  readonly isHeld: boolean;
  /** Since when the sockets show no more than the allowed clients; null where they do not. */
  readonly socketsQuietSinceMs: number | null;
  /** Whether the daemon's answer decides if a connection is a client. */
  readonly hasIdle: boolean;
  /** Named builds that hold the wait no longer. */
  readonly expired: readonly ExpiredBuilds[];
  /** Clients that came and went since the poll before. */
  readonly shortLived: readonly EndedConnection[];
}

export interface AssessmentInput {
  readonly sampler: Sampler;
  readonly builds: BuildWatch;
  /** Whether the daemon is asked at all, and whether the wait needs an answer. */
  readonly isAsked: boolean;
  readonly isRequired: boolean;
  readonly rule: QuietRule & ClassifyRule;
}

/** Makes the function that works out what each poll means for a wait. */
export function createAssessment(input: AssessmentInput): (poll: PollResult) => Assessment {
  const { sampler, builds, rule } = input;
  const shortLivedIn = createShortLivedClients();
  let before: TrackedConnections = [];
  let socketsQuietSinceMs: number | null = null;

  return (poll) => {
    const { toMs, sample, tracked } = poll;
    const shortLived = shortLivedIn({
      nowMs: toMs,
      ended: sampler.takeEnded().filter(rule.counts),
      before,
      tracked,
      builds: builds.latest(),
      ownPeers: builds.ownPeers(),
    });
    before = tracked;
    const clients = clientsIn(tracked);
    const isQuiet = sample.kind === 'counted' && clients.length <= rule.maxConnections;
    socketsQuietSinceMs = isQuiet ? (socketsQuietSinceMs ?? toMs) : null;
    const isAllIdle = clients.every((entry) => isIdle(entry, toMs, rule));
    const hasIdle = isAllIdle && tracked.some((entry) => isIdle(entry, toMs, rule));
    const seen = { nowMs: toMs, sample, tracked, socketsQuietSinceMs };
    const expired = builds.expire(seen, rule.quietPeriodMs);

    const reading = readingOf(poll, shortLived, input);
    const announced = clients.filter(({ connection }) => sampler.announcesEnd(connection));
    const isHeld = reading.kind === 'counted' && announced.length > rule.maxConnections;
    return { reading, isHeld, socketsQuietSinceMs, hasIdle, expired, shortLived };
  };
}

function readingOf(
  { fromMs, toMs, sample, tracked }: PollResult,
  shortLived: readonly EndedConnection[],
  { builds, isAsked, isRequired, rule }: AssessmentInput,
): Reading {
  const times = { fromMs, toMs };
  if (sample.kind === 'gone') {
    return { kind: 'gone', ...times };
  }
  if (sample.kind === 'failed') {
    const seen = sample.connections.filter(rule.counts).length;
    return { kind: 'failed', error: sample.error, seen, ...times };
  }
  const clients = clientsIn(tracked).length;
  const answered = buildsReading(builds.latest(), isAsked, isRequired);
  if (answered instanceof BackendError) {
    return { kind: 'failed', error: answered, seen: clients, ...times };
  }
  const pending = pendingIn(tracked);
  // A connection without a name may be this program's question.
  const maybeOwn = builds.isSettled() ? [] : pending.filter(isNameless);
  return {
    kind: 'counted',
    clients,
    pending: pending.length,
    maybeOwn: maybeOwn.length,
    ...answered,
    endedMs: shortLived.length > 0 ? toMs : answered.endedMs,
    ...times,
  };
}
