import type { ConnectionLifetime, GroundTruth, Span } from './ground-truth.ts';
import { endpointNames, type WaitRule } from './plan.ts';

// Log lines have whole milliseconds of the wall clock.
export const clockErrorMs = 3;

/** The kernel counts the times of a connection in ticks: one that has just begun may count as a whole one. */
export const longestTickMs = 10;
// A connection without a name may be a request of the tool's own, and is given this time.
const namelessGraceMs = 1500;
// The poll interval while the wait is held by a TCP client and the kernel announces the client's end.
const heldIntervalMs = 1000;

/**
 * The longest time without a poll that does not restart the quiet period: a second, or half a quiet
 * period below 2 s, and no less than two intervals.
 */
export function longestGapMs({ intervalMs, quietPeriodMs }: WaitRule): number {
  return Math.max(2 * intervalMs, Math.min(1000, quietPeriodMs / 2));
}

/** The same while a client holds the wait, and polls are rare. */
export function longestHeldGapMs(rule: WaitRule): number {
  return Math.max(longestGapMs(rule), heldIntervalMs);
}

/** The age from which this wait counts a connection as a client, whatever else it knows of it. */
function graceMs(rule: WaitRule, { endpoint }: ConnectionLifetime): number {
  const isNameless = endpoint === 'unix' && rule.backend !== 'sock-diag';
  return Math.max(rule.probeGraceMs, isNameless ? namelessGraceMs : 0);
}

/** Whether a wait polls the endpoint of this connection. */
export function isWatched({ endpoints }: WaitRule, { endpoint }: ConnectionLifetime): boolean {
  return (endpoints ?? endpointNames).includes(endpoint);
}

/**
 * The time during which every poll of the wait finds this connection and counts it as a client; null
 * where there is none. Up to a gap passes before the first poll that shows it, then the probe grace; a
 * longer gap restarts the quiet period by itself, and makes the connection's age unknown.
 */
export function certainSpan(
  rule: WaitRule,
  lifetime: ConnectionLifetime,
  startedMs: number,
): Span | null {
  if (
    lifetime.fromMs === null ||
    lifetime.hasSentNothing ||
    lifetime.isDismissed ||
    !isWatched(rule, lifetime)
  ) {
    return null;
  }
  // A connection that was open before the first poll is of unknown age, and counts at once.
  const wasBefore = lifetime.fromMs < startedMs - longestGapMs(rule) && lifetime.toMs > startedMs;
  const seenMs = lifetime.fromMs + longestGapMs(rule) + graceMs(rule, lifetime);
  const fromMs = wasBefore ? startedMs : Math.max(startedMs, seenMs);
  return fromMs < lifetime.toMs ? { fromMs, toMs: lifetime.toMs } : null;
}

/**
 * The times at which certainly more clients than allowed were connected, as far as each lasted for
 * longer than the longest gap between two polls.
 */
export function heldSpans(
  rule: WaitRule,
  truth: GroundTruth,
  startedMs: number,
  untilMs: number,
): Span[] {
  const spans = [...truth.lifetimes.values()].flatMap((lifetime) => {
    const span = certainSpan(rule, lifetime, startedMs);
    return span === null || span.fromMs >= untilMs
      ? []
      : [{ fromMs: span.fromMs, toMs: Math.min(span.toMs, untilMs) }];
  });
  return covered(spans, rule.maxConnections).filter(
    ({ fromMs, toMs }) => toMs - fromMs >= longestGapMs(rule),
  );
}

/** Where more than so many of the spans overlap. */
function covered(spans: readonly Span[], allowed: number): Span[] {
  const steps = spans
    .flatMap(({ fromMs, toMs }) => [
      { ms: fromMs, by: 1 },
      { ms: toMs, by: -1 },
    ])
    // Of two steps at the same moment the arrival comes first: the number of clients does not drop.
    .sort((one, other) => one.ms - other.ms || other.by - one.by);
  const found: Span[] = [];
  let count = 0;
  let sinceMs: number | null = null;
  for (const { ms, by } of steps) {
    count += by;
    if (count > allowed) {
      sinceMs ??= ms;
    } else if (sinceMs !== null) {
      found.push({ fromMs: sinceMs, toMs: ms });
      sinceMs = null;
    }
  }
  return found;
}

/** The least and the most that a poll within this time may have counted. */
export function boundsAt(
  rule: WaitRule,
  truth: GroundTruth,
  startedMs: number,
  result: Span,
  buildsClients: number,
): { readonly least: number; readonly most: number } {
  let least = 0;
  let most = buildsClients;
  for (const lifetime of truth.lifetimes.values()) {
    const span = certainSpan(rule, lifetime, startedMs);
    if (span !== null && span.fromMs <= result.fromMs && span.toMs >= result.toMs) {
      least += 1;
    }
    const couldBe =
      lifetime.earliestMs <= result.toMs && lingersUntilMs(truth, lifetime) >= result.fromMs;
    if (couldBe && isWatched(rule, lifetime)) {
      most += 1;
    }
  }
  return { least, most };
}

/**
 * The daemon's end of a unix connection stays in the kernel's table until the daemon closes it, be it
 * accepted or not. The daemon accepts connections in their order: once a later one has its answer, this
 * one is accepted; and once the daemon has then answered two other requests, it has closed this one.
 * Nor does the connection outlive the daemon.
 */
export function lingersUntilMs(truth: GroundTruth, lifetime: ConnectionLifetime): number {
  const { endpoint, earliestMs, fromMs, latestMs } = lifetime;
  if (endpoint !== 'unix') {
    return latestMs;
  }
  const queuedMs = fromMs ?? latestMs;
  const accepted = truth.answers.find((answer) => answer.fromMs > queuedMs);
  const closableMs = Math.max(latestMs, accepted?.toMs ?? Infinity);
  const since = truth.answeredRequests.filter((request) => request.fromMs > closableMs);
  const down = truth.downs.find((each) => each.fromMs > earliestMs);
  return Math.min(since[1]?.toMs ?? Infinity, down?.toMs ?? Infinity);
}
