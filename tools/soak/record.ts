import { mostInLine } from '../../src/messages/events.ts';
import type { LogLine } from '../../test/support/cli.ts';
import { machineMs } from '../../test/support/machine-time.ts';
import type { GroundTruth, Span } from './ground-truth.ts';
import { type Finding, judgeEnd, judgeLine, lateByMs, mustBeNamed, unsettledIn } from './judge.ts';
import { latestZeroMs, pollSpanOf, reportedStateOf, wallTimeMs } from './log-line.ts';
import type { Tool } from './tool.ts';

/** What the judging of one process has come to, and what it needs to know for that. */
export interface Case {
  readonly tool: Tool;
  /** When each peer was named the last time. */
  readonly named: Map<string, number>;
  readonly judgedLifetimes: Set<string>;
  /** The last line of a wait. */
  end: LogLine | null;
  /** When the wait began, by its own clock: the earliest that its lines report. */
  zeroMs: number;
  /** The latest polls that it has logged with all their connections. */
  readonly results: Span[];
  readonly unjudged: LogLine[];
  /** Its last lines, for people. */
  readonly latest: LogLine[];
}

const mostPolls = 5000;
const mostLatest = 12;
// A wait that ends later than that is reported with its context.
const longestUsualMs = 5000;

/** What a soak has counted. */
export interface Record {
  readonly findings: Finding[];
  readonly stats: Map<string, number>;
  /** Of the waits that nothing had been done to, and of the others: how late each ended. */
  readonly latecomers: string[];
  /** What could not be done to its end. */
  readonly cutShort: string[];
  readonly lateMs: { readonly plain: number[]; readonly faulty: number[] };
}

export function openRecord(): Record {
  return {
    findings: [],
    stats: new Map(),
    latecomers: [],
    cutShort: [],
    lateMs: { plain: [], faulty: [] },
  };
}

export function count({ stats }: Record, what: string, by = 1): void {
  stats.set(what, (stats.get(what) ?? 0) + by);
}

/** Does what may be cut short by another thing that happens, and counts it. */
export async function tried(record: Record, what: string, task: Promise<void>): Promise<void> {
  try {
    await task;
    count(record, what);
  } catch (error) {
    record.cutShort.push(`${what}: ${error instanceof Error ? error.message : error}`);
  }
}

export function openCase(tool: Tool): Case {
  return {
    tool,
    named: new Map(),
    judgedLifetimes: new Set(),
    end: null,
    zeroMs: Infinity,
    results: [],
    unjudged: [],
    latest: [],
  };
}

/** Takes up what a process has logged by now. The truth of it has to be taken up after that. */
export function readLines(one: Case): void {
  for (const line of one.tool.news()) {
    takeUp(one, line);
    one.unjudged.push(line);
  }
}

/** Judges the lines that were taken up. */
export function judgeLines(
  record: Record,
  one: Case,
  truth: GroundTruth,
  buildsClients: number,
): void {
  const { subject } = one.tool;
  for (const line of one.unjudged.splice(0)) {
    const reported = reportedStateOf(line, zeroOf(one), subject.rule);
    if (reported === null) {
      continue;
    }
    const findings = judgeLine(subject, truth, reported, buildsClients);
    if (findings === null) {
      count(record, 'lines unsettled');
      continue;
    }
    count(record, 'lines judged');
    if (reported.connections !== null && reported.connections <= mostInLine) {
      one.results.push(reported.result);
    }
    const context = JSON.stringify(line).slice(0, 900);
    record.findings.push(
      ...findings.map((found) => ({ ...found, text: `${found.text}: ${context}` })),
    );
  }
}

function zeroOf({ zeroMs }: Case): number | null {
  return zeroMs === Infinity ? null : zeroMs;
}

function takeUp(one: Case, line: LogLine): void {
  const { subject } = one.tool;
  const atMs = wallTimeMs(line);
  one.zeroMs = Math.min(one.zeroMs, latestZeroMs(line));
  one.latest.push(line);
  one.latest.splice(0, one.latest.length - mostLatest);
  if (line.event === 'started') {
    subject.startedMs ??= atMs;
  }
  if (line.event === 'ended') {
    one.end = line;
  }
  if (line.event === 'builds') {
    for (const { ref } of (line['builds'] ?? []) as { ref: string }[]) {
      subject.knownBuilds.set(ref, subject.knownBuilds.get(ref) ?? atMs);
    }
  }
  for (const peer of peersIn(line)) {
    one.named.set(peer, atMs);
  }
}

function peersIn(line: LogLine): string[] {
  const lists = ['clients', 'pending', 'arrived', 'notCounted'].flatMap(
    (field) => (line[field] ?? []) as { readonly peer: string | null }[],
  );
  return lists.flatMap(({ peer }) => peer ?? []);
}

/** Judges whether the log has named each client that it had to, of those that have left by this moment. */
export function judgeNames(record: Record, one: Case, truth: GroundTruth, untilMs: number): void {
  const { subject } = one.tool;
  for (const lifetime of truth.lifetimes.values()) {
    if (lifetime.latestMs > untilMs || one.judgedLifetimes.has(lifetime.id)) {
      continue;
    }
    one.judgedLifetimes.add(lifetime.id);
    if (!mustBeNamed(subject, lifetime, one.results)) {
      continue;
    }
    count(record, 'clients that had to be named');
    if ((one.named.get(lifetime.name ?? '') ?? 0) < lifetime.earliestMs) {
      const text = `${lifetime.name} was there for ${Math.round(lifetime.toMs - (lifetime.fromMs ?? 0))} ms`;
      record.findings.push({ kind: 'missed', subject: subject.name, text });
    }
  }
  one.results.splice(0, one.results.length - mostPolls);
  for (const id of one.judgedLifetimes) {
    if (!truth.lifetimes.has(id)) {
      one.judgedLifetimes.delete(id);
    }
  }
}

/** Judges how a wait has ended. */
export async function judgeWait(record: Record, one: Case, truth: GroundTruth): Promise<void> {
  const { tool, end } = one;
  const { subject } = tool;
  const { code, atMs, stderr } = await tool.ended;
  const outcome = end === null ? null : String(end['outcome']);
  const ending = {
    results: end === null ? null : Number(end['polls']),
    code,
    outcome,
    atMs: end === null ? atMs : pollSpanOf(end, zeroOf(one), subject.rule).toMs,
  };
  const findings = judgeEnd(subject, truth, ending);
  const context = `(${JSON.stringify(subject.rule)}, started ${seconds(subject.startedMs ?? subject.spawnMs, ending.atMs)} before, faults ${JSON.stringify(subject.faults.map(({ kind, fromMs, toMs }) => [kind, seconds(fromMs, ending.atMs), seconds(toMs, ending.atMs)]))})`;
  record.findings.push(
    ...findings.map((found) => ({
      ...found,
      text: `${found.text} ${context} ${stderr.slice(-3000)}`,
    })),
  );
  count(record, `waits ended as ${outcome ?? 'not read'} with code ${code}`);
  if (outcome === 'drained') {
    const isPlain = subject.faults.length === 0;
    const lateMs = lateByMs(subject, truth, ending.atMs);
    record.lateMs[isPlain ? 'plain' : 'faulty'].push(lateMs);
    if (lateMs > longestUsualMs) {
      const messages = one.latest.map(({ message }) => message).join(' | ');
      record.latecomers.push(`${subject.name} by ${lateMs.toFixed(0)} ms ${context}: ${messages}`);
    }
    count(
      record,
      'connections within a last quiet period, unsettled',
      unsettledIn(subject, truth, ending.atMs),
    );
  }
}

function seconds(fromMs: number, toMs: number): string {
  return `${((toMs - fromMs) / 1000).toFixed(3)} s`;
}

/** The moment by which what has happened before is in all logs and notes. */
export function settledMs(): number {
  return machineMs() - 3000;
}
