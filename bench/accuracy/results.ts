import type { Benchmark, KnownFacts } from '../runner/results.ts';
import type { AccuracyMeasurement, AccuracyPlan, AccuracyResults } from './types.ts';

const command = 'buildkit-drain bench accuracy';
const schema = 1;

export const accuracyBenchmark: Benchmark<AccuracyPlan, AccuracyMeasurement, AccuracyResults> = {
  role: 'accuracy-stage',
  // The stage has yet to score what was recorded.
  longestStopMs: 20_000,
  empty: emptyAccuracy,
  withMeasurement: (results, { facts, scores, verdicts }) => ({
    ...results,
    sessions: [...results.sessions, facts],
    scores: [...results.scores, ...scores],
    verdicts: [...results.verdicts, ...verdicts],
  }),
};

/** The results of a run that has measured nothing yet. */
export function emptyAccuracy(known: KnownFacts<AccuracyPlan>): AccuracyResults {
  const { plan, date, host, isPrivate } = known;
  return {
    ...{ schema, command, date, isComplete: false, host, network: { isPrivate }, plan },
    ...{ sessions: [], scores: [], verdicts: [], remarks: [] },
  };
}

/** The content of a file: the results of a run, or something else, with the reason. */
export type Parsed =
  | { readonly kind: 'results'; readonly results: AccuracyResults }
  | { readonly kind: 'other'; readonly why: string };

const lists = ['sessions', 'scores', 'verdicts', 'remarks'] as const;

/** Reads the file of `--json`. */
export function parseAccuracy(text: string): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'other', why: 'it is not JSON' };
  }
  if (typeof value !== 'object' || value === null) {
    return { kind: 'other', why: 'it is not an object' };
  }
  const found = value as Partial<Record<keyof AccuracyResults, unknown>>;
  if (found.command !== command) {
    return { kind: 'other', why: `its command is ${JSON.stringify(found.command)}` };
  }
  if (found.schema !== schema) {
    return { kind: 'other', why: `its schema is ${JSON.stringify(found.schema)}, not ${schema}` };
  }
  const missing = lists.find((key) => !Array.isArray(found[key]));
  return missing === undefined && typeof found.plan === 'object' && typeof found.host === 'object'
    ? { kind: 'results', results: value as AccuracyResults }
    : { kind: 'other', why: `it has no ${missing ?? 'plan and host'}` };
}
