import type { GroundTruth, Span, Stay } from './ground-truth.ts';
import { endpointNames, type WaitRule } from './plan.ts';

// Log lines have whole milliseconds of the wall clock.
export const clockErrorMs = 3;
// A connection without a name may be a question of the tool's own, and is given this time.
const namelessGraceMs = 1500;
// How rarely is looked while a TCP client holds whose end the kernel tells.
const heldIntervalMs = 1000;

/**
 * The longest time without a look that does not start quiet over, as the README has it: "a second in
 * which nobody looked (with a quiet period below 2s, half of that)", and no less than two intervals.
 */
export function longestGapMs({ intervalMs, quietPeriodMs }: WaitRule): number {
  return Math.max(2 * intervalMs, Math.min(1000, quietPeriodMs / 2));
}

/** The same where a client holds, and looks are rare. */
export function longestHeldGapMs(rule: WaitRule): number {
  return Math.max(longestGapMs(rule), heldIntervalMs);
}

/** From what age on a client is no probe to this wait, whatever the wait knows of it. */
function graceMs(rule: WaitRule, { endpoint }: Stay): number {
  const isNameless = endpoint === 'unix' && rule.backend !== 'sock-diag';
  return Math.max(rule.probeGraceMs, isNameless ? namelessGraceMs : 0);
}

/** Whether a wait looks at what this one is connected to. */
export function isWatched({ endpoints }: WaitRule, { endpoint }: Stay): boolean {
  return (endpoints ?? endpointNames).includes(endpoint);
}

/**
 * The time during which every look of the wait finds this client, and takes it for one; null where
 * there is none. Up to a gap passes before the first look that shows it, then the grace; a longer gap
 * starts quiet over by itself, and makes its age unknown.
 */
export function certainSpan(rule: WaitRule, stay: Stay, startedMs: number): Span | null {
  if (stay.fromMs === null || stay.hasSentNothing || stay.isDismissed || !isWatched(rule, stay)) {
    return null;
  }
  // Who was there before the first look is of unknown age, and counts at once.
  const wasBefore = stay.fromMs < startedMs - longestGapMs(rule) && stay.toMs > startedMs;
  const seenMs = stay.fromMs + longestGapMs(rule) + graceMs(rule, stay);
  const fromMs = wasBefore ? startedMs : Math.max(startedMs, seenMs);
  return fromMs < stay.toMs ? { fromMs, toMs: stay.toMs } : null;
}

/**
 * The times at which certainly more clients than allowed were there, as far as they lasted for longer
 * than nobody may have looked.
 */
export function heldSpans(
  rule: WaitRule,
  truth: GroundTruth,
  startedMs: number,
  untilMs: number,
): Span[] {
  const spans = [...truth.stays.values()].flatMap((stay) => {
    const span = certainSpan(rule, stay, startedMs);
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
    // Who comes in the moment that another leaves comes first: then nobody was away.
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

/** The least and the most that a look within this time may have counted. */
export function boundsAt(
  rule: WaitRule,
  truth: GroundTruth,
  startedMs: number,
  result: Span,
  askers: number,
): { readonly least: number; readonly most: number } {
  let least = 0;
  let most = askers;
  for (const stay of truth.stays.values()) {
    const span = certainSpan(rule, stay, startedMs);
    if (span !== null && span.fromMs <= result.fromMs && span.toMs >= result.toMs) {
      least += 1;
    }
    const couldBe = stay.earliestMs <= result.toMs && lingersUntilMs(truth, stay) >= result.fromMs;
    if (couldBe && isWatched(rule, stay)) {
      most += 1;
    }
  }
  return { least, most };
}

/**
 * The daemon's end of a unix connection stays in the kernel's table until the daemon closes it, be it
 * accepted or not. It takes those who connected in their order: once a later one had its answer, this
 * one was accepted; and when it has then answered twice what else it was asked, it has closed it. Nor
 * does it outlive the daemon.
 */
export function lingersUntilMs(truth: GroundTruth, stay: Stay): number {
  const { endpoint, earliestMs, fromMs, latestMs } = stay;
  if (endpoint !== 'unix') {
    return latestMs;
  }
  const queuedMs = fromMs ?? latestMs;
  const accepted = truth.answers.find((answer) => answer.fromMs > queuedMs);
  const closableMs = Math.max(latestMs, accepted?.toMs ?? Infinity);
  const since = truth.pulses.filter((pulse) => pulse.fromMs > closableMs);
  const down = truth.downs.find((each) => each.fromMs > earliestMs);
  return Math.min(since[1]?.toMs ?? Infinity, down?.toMs ?? Infinity);
}
