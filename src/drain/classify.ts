import type { Connection } from '../backends/types.ts';
import type { ConnectionKind, TrackedConnection } from './tracked.ts';

/** Which connections count as clients. All times are in milliseconds. */
export interface ClassifyRule {
  /** Which peers count at all. */
  readonly counts: (peer: Pick<Connection, 'peerAddress'>) => boolean;
  /** A connection that ends within this time and brings next to nothing does not break quiet. */
  readonly probeGraceMs: number;
  /** Where builds are unknown, a new connection has this long to send its first byte. */
  readonly quietPeriodMs: number;
  /** How long without traffic is silence; null where silence alone proves nothing. */
  readonly ignoreSilentMs: number | null;
  /** How long a peer may leave data unanswered; null for any time. */
  readonly ignoreUnreachableMs: number | null;
}

/** The daemon's own answers about its builds, as far as a kind depends on them. */
export interface BuildsEvidence {
  /** When the first of the latest answers was asked for that all said no build runs; null if the last did not. */
  readonly noneSinceMs: number | null;
  /** When the latest answer was asked for. */
  readonly askedMs: number;
}

/**
 * A build's connection has traffic every 5 s while its session lives, and a client that was stopped
 * loses its session after some 40 s: a shorter silence is no evidence.
 */
export const shortestSilenceMs = 45_000;

/**
 * How many bytes from the peer a probe may bring. `buildctl debug workers` brings 1.2 kB, 4.1 kB with
 * TLS and a certificate, 8.8 kB with a chain of seven; the smallest build there is 5.0 kB without TLS.
 * So where builds are unknown, this is the best boundary there is. Where the daemon names builds, its
 * record has the short ones, and only what is certainly no probe is a client.
 */
export function mostProbeBytes(builds: BuildsEvidence | null): number {
  return saysNone(builds) ? 16_384 : 5000;
}

// A nameless connection may be our own question to the daemon: it gets the time that one may take.
const longestQuestionMs = 1500;

export function classify(
  entry: TrackedConnection,
  nowMs: number,
  rule: ClassifyRule,
  builds: BuildsEvidence | null,
): ConnectionKind {
  if (!rule.counts(entry.connection)) {
    return 'ignored';
  }
  if (isPending(entry, nowMs, rule, builds)) {
    return 'pending';
  }
  // Without an answer that is no proof: a sockmap moves bytes past TCP and its counters.
  if (hasSentNothing(entry) && saysNone(builds) && nowMs >= graceEndsMs(entry, rule)) {
    return 'health-check';
  }
  if (isUnreachable(entry, rule)) {
    return 'unreachable';
  }
  return isSilent(entry, nowMs, rule) && provesSilence(entry, nowMs, rule, builds)
    ? 'silent'
    : 'client';
}

/** When a connection that may be a probe has been there for too long to be one. */
function graceEndsMs({ firstSeenMs, connection }: TrackedConnection, rule: ClassifyRule): number {
  const leastMs = connection.peer === null ? longestQuestionMs : 0;
  return firstSeenMs + Math.max(rule.probeGraceMs, leastMs);
}

/** When a connection is pending no longer, though it sends nothing. */
export function pendingEndsMs(
  entry: TrackedConnection,
  rule: ClassifyRule,
  builds: BuildsEvidence | null,
): number {
  const graceMs = graceEndsMs(entry, rule);
  const waitsForByte = hasSentNothing(entry) && !saysNone(builds);
  return waitsForByte ? Math.max(graceMs, entry.firstSeenMs + rule.quietPeriodMs) : graceMs;
}

// Sums of times are rounded: one that has just passed may be read as still to come.
const roundingMs = 1;

/**
 * When time alone may change what `classify` and `isIdle` say: the traffic stays as it was read, and so
 * does the daemon's answer.
 */
export function agesMs(
  entry: TrackedConnection,
  nowMs: number,
  rule: ClassifyRule,
  builds: BuildsEvidence | null,
): number {
  const { firstSeenMs, traffic } = entry;
  const limitMs = silenceLimitMs(rule);
  const endsMs = [
    graceEndsMs(entry, rule),
    pendingEndsMs(entry, rule, builds),
    (traffic?.silentSinceMs ?? firstSeenMs) + limitMs,
    Math.max(builds?.noneSinceMs ?? firstSeenMs, firstSeenMs) + limitMs,
  ];
  return Math.min(...endsMs.filter((ms) => ms > nowMs - roundingMs));
}

/** Whether the daemon's answer or an option decides that this is a client. */
export function isIdle(entry: TrackedConnection, nowMs: number, rule: ClassifyRule): boolean {
  if (!rule.counts(entry.connection)) {
    return false;
  }
  const isMuteForLong = hasSentNothing(entry) && nowMs >= graceEndsMs(entry, rule);
  return isMuteForLong || isSilent(entry, nowMs, rule);
}

function isSilent(entry: TrackedConnection, nowMs: number, rule: ClassifyRule): boolean {
  const limitMs = silenceLimitMs(rule);
  if (entry.traffic !== null) {
    return nowMs - entry.traffic.silentSinceMs >= limitMs;
  }
  // The kernel does not count a unix connection's bytes: only the option says that it may be silent.
  const isUnix = entry.connection.peerAddress === null;
  return isUnix && rule.ignoreSilentMs !== null && nowMs - entry.firstSeenMs >= limitMs;
}

function isPending(
  entry: TrackedConnection,
  nowMs: number,
  rule: ClassifyRule,
  builds: BuildsEvidence | null,
): boolean {
  const isProbeSized = (entry.traffic?.latest.bytesReceived ?? 0) <= mostProbeBytes(builds);
  return entry.isArrivalSeen && isProbeSized && nowMs < pendingEndsMs(entry, rule, builds);
}

/** Whether it is known that the peer has sent nothing yet. */
function hasSentNothing({ traffic }: TrackedConnection): boolean {
  return traffic?.latest.bytesReceived === 0;
}

function saysNone(builds: BuildsEvidence | null): builds is BuildsEvidence {
  return builds !== null && builds.noneSinceMs !== null;
}

function isUnreachable(
  { traffic }: TrackedConnection,
  { ignoreUnreachableMs }: ClassifyRule,
): boolean {
  if (traffic === null || ignoreUnreachableMs === null) {
    return false;
  }
  const { msSinceAcked, unanswered } = traffic.latest;
  // If nothing went unanswered, the peer may merely have had nothing to answer.
  return (unanswered ?? 0) > 0 && msSinceAcked !== null && msSinceAcked >= ignoreUnreachableMs;
}

function provesSilence(
  { traffic, firstSeenMs }: TrackedConnection,
  nowMs: number,
  rule: ClassifyRule,
  builds: BuildsEvidence | null,
): boolean {
  if (traffic === null) {
    const noneSinceMs = builds?.noneSinceMs ?? null;
    const limitMs = silenceLimitMs(rule);
    return noneSinceMs !== null && nowMs - Math.max(noneSinceMs, firstSeenMs) >= limitMs;
  }
  const hasNoBuild = saysNone(builds) && builds.askedMs >= traffic.silentSinceMs;
  return hasNoBuild || rule.ignoreSilentMs !== null;
}

function silenceLimitMs({ ignoreSilentMs }: ClassifyRule): number {
  return Math.max(ignoreSilentMs ?? 0, shortestSilenceMs);
}
