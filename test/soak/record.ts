import type { LogLine } from '../support/cli.ts';
import { machineMs } from '../support/machine-time.ts';
import { type Finding, judgeEnd, judgeLine, lateByMs, mustBeNamed, unsettledIn } from './judge.ts';
import type { Ledger } from './ledger.ts';
import { type Tool, toldBy, wallTimeMs } from './tool.ts';

/** What the judging of one process has come to, and what it needs to know for that. */
export interface Case {
  readonly tool: Tool;
  /** When each peer was named the last time. */
  readonly named: Map<string, number>;
  readonly judgedStays: Set<string>;
  /** The last line of a wait. */
  end: LogLine | null;
  /** Its last lines, for people. */
  readonly latest: LogLine[];
}

const mostLatest = 12;
// Later than that is told with its reasons.
const longestUsualMs = 5000;

/** What a soak has counted. */
export interface Record {
  readonly findings: Finding[];
  readonly tally: Map<string, number>;
  /** Of the waits that nothing had been done to, and of the others: how late each ended. */
  readonly latecomers: string[];
  readonly lateMs: { readonly plain: number[]; readonly faulty: number[] };
}

export function openRecord(): Record {
  return { findings: [], tally: new Map(), latecomers: [], lateMs: { plain: [], faulty: [] } };
}

export function count({ tally }: Record, what: string, by = 1): void {
  tally.set(what, (tally.get(what) ?? 0) + by);
}

export function openCase(tool: Tool): Case {
  return { tool, named: new Map(), judgedStays: new Set(), end: null, latest: [] };
}

/** Takes up what a process has logged by now, and judges each line. */
export function readLines(record: Record, one: Case, ledger: Ledger, askers: number): void {
  for (const line of one.tool.news()) {
    takeUp(one, line);
    const told = toldBy(line);
    const findings = told === null ? [] : judgeLine(one.tool.subject, ledger, told, askers);
    if (told !== null) {
      count(record, findings === null ? 'lines unsettled' : 'lines judged');
    }
    record.findings.push(
      ...(findings ?? []).map((found) => ({
        ...found,
        text: `${found.text}: ${JSON.stringify(line).slice(0, 600)}`,
      })),
    );
  }
}

function takeUp(one: Case, line: LogLine): void {
  const { subject } = one.tool;
  const atMs = wallTimeMs(line);
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
  const lists = ['clients', 'connected', 'arrived', 'leftOut'].flatMap(
    (field) => (line[field] ?? []) as (string | null | { readonly peer: string | null })[],
  );
  return lists.flatMap((entry) => {
    const peer = typeof entry === 'string' ? entry : (entry?.peer ?? null);
    return peer === null ? [] : [peer];
  });
}

/** Judges whether all were named who had to be, of those that have left by this moment. */
export function judgeNames(record: Record, one: Case, ledger: Ledger, untilMs: number): void {
  const { subject } = one.tool;
  for (const stay of ledger.stays.values()) {
    if (stay.latestMs > untilMs || one.judgedStays.has(stay.id)) {
      continue;
    }
    one.judgedStays.add(stay.id);
    if (!mustBeNamed(subject, stay, untilMs)) {
      continue;
    }
    count(record, 'clients that had to be named');
    if ((one.named.get(stay.name ?? '') ?? 0) < stay.earliestMs) {
      const text = `${stay.name} was there for ${Math.round(stay.toMs - (stay.fromMs ?? 0))} ms`;
      record.findings.push({ kind: 'missed', subject: subject.name, text });
    }
  }
  for (const id of one.judgedStays) {
    if (!ledger.stays.has(id)) {
      one.judgedStays.delete(id);
    }
  }
}

/** Judges how a wait has ended. */
export async function judgeWait(record: Record, one: Case, ledger: Ledger): Promise<void> {
  const { tool, end } = one;
  const { subject } = tool;
  const { code, atMs, stderr } = await tool.ended;
  const outcome = end === null ? null : String(end['outcome']);
  const ending = { code, outcome, atMs: end === null ? atMs : wallTimeMs(end) };
  const findings = judgeEnd(subject, ledger, ending);
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
    const lateMs = lateByMs(subject, ledger, ending.atMs);
    record.lateMs[isPlain ? 'plain' : 'faulty'].push(lateMs);
    if (lateMs > longestUsualMs) {
      const said = one.latest.map(({ message }) => message).join(' | ');
      record.latecomers.push(`${subject.name} by ${lateMs.toFixed(0)} ms ${context}: ${said}`);
    }
    count(
      record,
      'stays within a last quiet period, unsettled',
      unsettledIn(subject, ledger, ending.atMs),
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
