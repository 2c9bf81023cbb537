import type { LogLine } from '../../support/cli.ts';
import { buildProblems } from './true-builds.ts';
import { clientProblems } from './true-clients.ts';
import { endProblems } from './true-end.ts';

/** When a process was there, by the machine's clock. */
export interface Span {
  readonly spawnedMs: number;
  /** When it was connected for certain, and its build ran; or when a daemon listened. */
  readonly connectedMs: number;
  endedMs: number | null;
  /** True for one that a count may have or not, such as a probe, from then on. */
  mayNotCount: boolean;
}

export interface Build {
  readonly ref: string;
  readonly createdMs: number;
  readonly completedMs: number | null;
}

/** All that happened, known from the processes that did it and from the daemons' own records. */
export interface Truth {
  /** Whether the daemons' versions name all builds. */
  readonly isBelieved: boolean;
  readonly clients: readonly Span[];
  /** Null where a daemon has ended, and its record with it. */
  readonly builds: readonly Build[] | null;
  readonly daemons: readonly {
    readonly pid: number;
    readonly addresses: readonly string[];
    readonly span: Span;
  }[];
}

/** What a scene knows of the lines that it alone has, by their events. */
export type Rules = Readonly<Record<string, (line: LogLine) => boolean>>;

/** How much later than it happened a process may be seen to have started or ended. */
export const slackMs = 400;

/** How long a connection is too new to tell from a probe. */
export const probeGraceMs = 1000;

type Rule = (line: LogLine, truth: Truth, lines: readonly LogLine[]) => readonly string[];

const state: Rule = (line, truth) => [
  ...clientProblems(line, truth),
  ...buildProblems(line, truth),
];

const known: Readonly<Record<string, Rule>> = {
  'daemon-found': foundProblems,
  'backend-chosen': () => [],
  started: state,
  progress: state,
  changed: state,
  builds: buildProblems,
  ended: endProblems,
};

/**
 * Holds each line of a wait's log against what happened.
 *
 * @returns what is not true, and the lines of which nothing is known.
 */
export function untrue(lines: readonly LogLine[], truth: Truth, rules: Rules = {}): string[] {
  return lines
    .filter(({ level }) => level !== 'debug')
    .flatMap((line) => {
      const own = rules[line.event];
      const rule = own ? () => (own(line) ? [] : ['it is not so']) : known[line.event];
      const problems = rule === undefined ? ['no rule knows this'] : rule(line, truth, lines);
      return problems.map((problem) => `${problem}: ${line.timestamp} ${line.message}`);
    });
}

function foundProblems(line: LogLine, { daemons }: Truth): string[] {
  const found = daemons.find(({ pid }) => pid === line['pid']);
  const addresses = [...(line['addresses'] as string[])].sort();
  const isRight = String(addresses) === String([...(found?.addresses ?? [])].sort());
  return isRight && line.message.includes(`(pid ${found?.pid})`) ? [] : ['not that daemon'];
}

/** A duration as sentences have it: `1m30s`, `2.4s`, `150ms`. */
export function durationMs(text: string): number {
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  return [...text.matchAll(/([\d.]+)(ms|[hms])/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (units[unit] ?? Number.NaN),
    0,
  );
}

export const timeOf = ({ timestamp }: LogLine): number => Date.parse(timestamp);
