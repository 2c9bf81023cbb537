import {
  boundsAt,
  certainSpan,
  clockErrorMs,
  heldSpans,
  isWatched,
  lingersUntilMs,
  longestGapMs,
  longestHeldGapMs,
  longestTickMs,
} from './certainty.ts';
import { type ConnectionLifetime, type GroundTruth, overlaps, type Span } from './ground-truth.ts';
import { listeners, type WaitRule } from './plan.ts';

/** One process of the tool, as it was started and what befell it. */
export interface Subject {
  readonly name: string;
  readonly rule: WaitRule;
  /** Before its process was started, and when its first poll was logged; null where that is not known. */
  readonly spawnMs: number;
  startedMs: number | null;
  /** When it was stopped, or kept from seeing. */
  readonly faults: (Span & { readonly kind: string })[];
  isSignalled: boolean;
  /** When its log has named each build for the first time. */
  readonly knownBuilds: Map<string, number>;
}

/** The state that a line of its log reports, on the machine's clock. */
export interface ReportedState {
  /** When the poll was made that it reports: some time in this span. */
  readonly result: Span;
  readonly connections: number | null;
  readonly quietForMs: number | null;
  readonly clients: readonly {
    readonly endpoint: string;
    readonly peer: string | null;
    readonly ageAtLeastMs: number | null;
  }[];
}

export interface End {
  /** When it concluded: when its last line was written or, without a log, when its process had ended. */
  readonly atMs: number;
  /** Null where its log was not read. */
  readonly outcome: string | null;
  readonly code: number | null;
  /** How many polls it made; null where that is not known. */
  readonly results: number | null;
}

export interface Finding {
  readonly kind: 'early' | 'missed' | 'wrong' | 'contradiction';
  readonly subject: string;
  readonly text: string;
}

const codes: Readonly<Record<string, readonly number[]>> = {
  drained: [0],
  gone: [0],
  'timed-out': [3],
  unknown: [4],
  'nothing-found': [4],
  interrupted: [130, 143],
};

// Speed is not judged, but a wait that is held for a minute by nothing hangs.
const longestIdleMs = 10_000;

/** What is wrong with the end of a wait. */
export function judgeEnd(subject: Subject, truth: GroundTruth, end: End): Finding[] {
  const find = (kind: Finding['kind'], text: string): Finding[] => [
    { kind, subject: subject.name, text },
  ];
  const outcome = end.outcome ?? impliedOutcome(subject, truth, end);
  if (!codes[outcome]?.includes(end.code ?? -1)) {
    return find('wrong', `exit code ${end.code} for ${outcome}`);
  }
  switch (outcome) {
    case 'drained':
      return [
        ...(end.atMs - subject.spawnMs < subject.rule.minWaitMs ? ['before --min-wait'] : []),
        ...earlyReasons(subject, truth, end.atMs, subject.rule.quietPeriodMs),
        ...(end.outcome === null ? [] : presentReasons(subject, truth, end.atMs)),
      ].flatMap((text) => find('early', text));
    case 'gone':
    case 'nothing-found':
      return wasDown(subject, truth, end.atMs)
        ? []
        : find('early', `it reported ${outcome}, and the daemon was running`);
    case 'interrupted':
      return subject.isSignalled ? [] : find('wrong', 'interrupted without a signal');
    default:
      return deadlineReasons(subject, truth, end).flatMap((text) => find('wrong', text));
  }
}

/** Why a quiet time of this length, reported at this moment, can't have been one. */
function earlyReasons(
  subject: Subject,
  truth: GroundTruth,
  atMs: number,
  quietMs: number,
): string[] {
  const { rule, spawnMs, startedMs } = subject;
  const sinceMs = atMs - quietMs + clockErrorMs;
  const fromMs = startedMs ?? spawnMs;
  const reasons: string[] = [];
  if (sinceMs < spawnMs) {
    reasons.push(`${ms(atMs - spawnMs)} after its start, with ${quietMs} ms of quiet`);
  }
  if (startedMs === null) {
    return reasons;
  }
  const last = heldSpans(rule, truth, fromMs, atMs).findLast(({ toMs }) => toMs > sinceMs);
  if (last !== undefined) {
    reasons.push(`clients until ${ms(atMs - last.toMs)} before, with ${quietMs} ms of quiet`);
  }
  const gapMs = longestGapMs(rule);
  const down = truth.downs.find(
    (span) => Math.min(span.toMs, atMs) - Math.max(span.fromMs, sinceMs) > gapMs,
  );
  if (down !== undefined) {
    reasons.push('the daemon did not run in a time that is reported as quiet');
  }
  const build = buildsHeld(subject, truth, atMs).find(({ toMs }) => Math.min(toMs, atMs) > sinceMs);
  if (build !== undefined) {
    reasons.push(`a build ran until ${ms(atMs - build.toMs)} before, with ${quietMs} ms of quiet`);
  }
  return reasons;
}

// What a wait requests at its first poll is answered within a second, or is unknown.
const longestAnswerMs = 2000;

/** Builds that a wait knew of at a moment; and with `require`, all that ran when it began. */
function buildsHeld(
  { rule, startedMs, knownBuilds }: Subject,
  { builds }: GroundTruth,
  atMs: number,
): Span[] {
  return builds.filter(({ ref, fromMs, toMs }) => {
    const ranAtStart =
      startedMs !== null && fromMs < startedMs && toMs > startedMs + longestAnswerMs;
    const knownMs = knownBuilds.get(ref) ?? Infinity;
    return knownMs <= atMs || (rule.builds === 'require' && ranAtStart);
  });
}

/** No wait may conclude while a client is connected, however young the connection is. */
function presentReasons(subject: Subject, truth: GroundTruth, atMs: number): string[] {
  const { rule } = subject;
  const sinceMs = atMs - longestGapMs(rule);
  if (isDisturbed(subject, { fromMs: sinceMs, toMs: atMs })) {
    return [];
  }
  const present = [...truth.lifetimes.values()].filter(
    (lifetime) =>
      lifetime.fromMs !== null &&
      lifetime.fromMs < sinceMs &&
      lifetime.toMs > atMs + clockErrorMs &&
      !lifetime.hasSentNothing &&
      !lifetime.isDismissed &&
      isWatched(rule, lifetime),
  );
  return present.length > rule.maxConnections ? [`${present.length} were there at its end`] : [];
}

function impliedOutcome(subject: Subject, truth: GroundTruth, { atMs, code }: End): string {
  if (code === 0) {
    return wasDown(subject, truth, atMs) ? 'gone' : 'drained';
  }
  if (code === 4 && wasDown(subject, truth, atMs)) {
    return 'nothing-found';
  }
  return Object.keys(codes).find((outcome) => codes[outcome]?.includes(code ?? -1)) ?? 'unknown';
}

/** Whether the daemon was down in the time in which the last two polls may have been made. */
function wasDown(subject: Subject, truth: GroundTruth, atMs: number): boolean {
  const stopped = subject.faults.filter(({ kind }) => kind === 'stop');
  const stoppedMs = stopped.reduce((sum, { fromMs, toMs }) => sum + Math.max(0, toMs - fromMs), 0);
  const polledMs = atMs - longestGapMs(subject.rule) - stoppedMs;
  return truth.downs.some((down) =>
    overlaps(down, { fromMs: polledMs, toMs: atMs + clockErrorMs }),
  );
}

function deadlineReasons(subject: Subject, truth: GroundTruth, end: End): string[] {
  const { rule, spawnMs, faults } = subject;
  if (end.atMs - spawnMs < rule.timeoutMs - clockErrorMs) {
    return [`the deadline of ${rule.timeoutMs} ms passed after ${ms(end.atMs - spawnMs)}`];
  }
  // A wait with polls that take too long finds no quiet period: time without samples is not quiet. And
  // with `require`, a daemon that answers too late holds the wait.
  const msPerPoll = (end.atMs - spawnMs) / Math.max(1, end.results ?? 1);
  if (msPerPoll > longestGapMs(rule) / 2 || rule.builds === 'require') {
    return [];
  }
  const disturbances = [
    spawnMs + rule.minWaitMs,
    ...[...truth.lifetimes.values()]
      .filter((lifetime) => isWatched(rule, lifetime))
      .map((lifetime) => lifetime.latestMs),
    ...[...truth.downs, ...truth.stops, ...truth.builds, ...faults].map(({ toMs }) => toMs),
  ];
  const idleMs = end.atMs - disturbances.reduce((most, each) => Math.max(most, each), 0);
  return idleMs > longestIdleMs + rule.quietPeriodMs
    ? [`the deadline passed though nothing had happened for ${ms(idleMs)}`]
    : [];
}

/** What a line reports that can't be true. Null where the truth of that moment is not certain. */
export function judgeLine(
  subject: Subject,
  truth: GroundTruth,
  reported: ReportedState,
  buildsClients: number,
): Finding[] | null {
  const { result, connections, quietForMs } = reported;
  const { rule, startedMs } = subject;
  const lately = { fromMs: result.fromMs - longestHeldGapMs(rule), toMs: result.toMs };
  if (isDisturbed(subject, lately)) {
    return null;
  }
  const bounds = boundsAt(rule, truth, startedMs ?? result.toMs, result, buildsClients);
  const reasons: string[] = [];
  if (connections !== null && (connections < bounds.least || connections > bounds.most)) {
    reasons.push(`${connections} connected, where it were ${bounds.least} to ${bounds.most}`);
  }
  if (quietForMs !== null) {
    reasons.push(...earlyReasons(subject, truth, result.toMs, quietForMs));
  }
  return [...reasons, ...wrongAges(truth, reported)].map((text) => ({
    kind: 'contradiction',
    subject: subject.name,
    text,
  }));
}

/** Clients that are reported as older than their connections are. */
function wrongAges(truth: GroundTruth, { result, clients }: ReportedState): string[] {
  const atMs = result.toMs;
  const latest = new Map<string, ConnectionLifetime>();
  for (const lifetime of truth.lifetimes.values()) {
    // A port may have one connection to each endpoint.
    const key = `${listeners[lifetime.endpoint].address} ${lifetime.name}`;
    const isLater = (latest.get(key)?.earliestMs ?? 0) < lifetime.earliestMs;
    if (lifetime.name !== null && lifetime.earliestMs <= atMs && isLater) {
      latest.set(key, lifetime);
    }
  }
  return clients.flatMap(({ endpoint, peer, ageAtLeastMs }) => {
    const lifetime = latest.get(`${endpoint} ${peer}`);
    const errorMs = clockErrorMs + longestTickMs;
    const mostMs = lifetime === undefined ? Infinity : atMs - lifetime.earliestMs + errorMs;
    return (ageAtLeastMs ?? 0) > mostMs
      ? [`${peer} at least ${ageAtLeastMs} ms old, there for ${ms(mostMs)}`]
      : [];
  });
}

/** Whether one of these polls must have found this client, so that the log must have named it. */
export function mustBeNamed(
  subject: Subject,
  lifetime: ConnectionLifetime,
  results: readonly Span[],
): boolean {
  const { rule, startedMs } = subject;
  const span = startedMs === null ? null : certainSpan(rule, lifetime, startedMs);
  // By procfs a unix client has no name.
  const hasName =
    lifetime.name !== null && (lifetime.endpoint !== 'unix' || rule.backend === 'sock-diag');
  return (
    span !== null &&
    hasName &&
    results.some(({ fromMs, toMs }) => fromMs > span.fromMs && toMs < span.toMs)
  );
}

/** Whether the process was stopped or kept from seeing at the time. */
function isDisturbed({ faults }: Subject, span: Span): boolean {
  return faults.some((fault) => overlaps(fault, span));
}

function ms(durationMs: number): string {
  return `${durationMs.toFixed(1)} ms`;
}

/** How long after the earliest moment a wait has ended that is certain not to be too early. */
export function lateByMs(subject: Subject, truth: GroundTruth, atMs: number): number {
  const { rule, spawnMs, startedMs } = subject;
  const beganMs = startedMs ?? spawnMs;
  const held = [
    ...heldSpans(rule, truth, beganMs, atMs),
    ...buildsHeld(subject, truth, atMs),
    ...truth.downs,
  ].map(({ toMs }) => toMs);
  const quietMs = Math.max(beganMs, ...held.filter((toMs) => toMs < atMs));
  return atMs - Math.max(spawnMs + rule.minWaitMs, quietMs + rule.quietPeriodMs);
}

/**
 * How many connections overlap the last quiet period of a wait, and are neither so short that they were
 * probes nor so long that the wait must have counted them as clients: of them nothing is concluded.
 */
export function unsettledIn(subject: Subject, truth: GroundTruth, atMs: number): number {
  const { rule, spawnMs, startedMs } = subject;
  const quiet = { fromMs: atMs - rule.quietPeriodMs, toMs: atMs };
  const unsettled = [...truth.lifetimes.values()].filter((lifetime) => {
    const span = { fromMs: lifetime.earliestMs, toMs: lifetime.latestMs };
    const isProbe = lifetime.latestMs - lifetime.earliestMs <= rule.probeGraceMs;
    const isCertain = certainSpan(rule, lifetime, startedMs ?? spawnMs) !== null;
    return overlaps(span, quiet) && isWatched(rule, lifetime) && !isProbe && !isCertain;
  });
  return unsettled.length;
}

interface StatusRun {
  readonly spawnMs: number;
  readonly atMs: number;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What one `status --json` reports that can't be true. */
export function judgeStatus(
  truth: GroundTruth,
  result: StatusRun,
  buildsClients: number,
): Finding[] {
  const { spawnMs, atMs, code, stdout, stderr } = result;
  const lifetimes = [...truth.lifetimes.values()];
  const least = lifetimes.filter(
    ({ fromMs, toMs, hasSentNothing, isDismissed }) =>
      fromMs !== null && fromMs < spawnMs && toMs > atMs && !hasSentNothing && !isDismissed,
  ).length;
  const couldBe = lifetimes.filter(
    (lifetime) => lifetime.earliestMs <= atMs && lingersUntilMs(truth, lifetime) >= spawnMs,
  );
  const most = buildsClients + couldBe.length;
  const { connections } = JSON.parse(stdout || '{"connections":"nothing"}') as {
    connections: unknown;
  };
  const isRight =
    typeof connections === 'number' &&
    connections >= least &&
    connections <= most &&
    code === (connections > 0 ? 3 : (code ?? 0));
  const text = `status reports ${connections} with code ${code}, where it were ${least} to ${most} ${stderr}`;
  return isRight ? [] : [{ kind: 'contradiction', subject: 'status', text }];
}
