import type { Benchmark, KnownFacts } from '../runner/run.ts';
import type { AccuracyMessage, AccuracyPlan, AccuracyResults } from './types.ts';

export const accuracyBenchmark: Benchmark<AccuracyPlan, AccuracyMessage, AccuracyResults> = {
  role: 'accuracy-stage',
  // What was recorded until then is scored yet.
  longestStopMs: 20_000,
  empty: emptyAccuracy,
  withMessage: withAccuracy,
};

/** What is known before anything is measured. */
export function emptyAccuracy({
  plan,
  date,
  host,
  isPrivate,
}: KnownFacts<AccuracyPlan>): AccuracyResults {
  return {
    schema: 1,
    command: 'buildkit-drain bench accuracy',
    date,
    isComplete: false,
    host,
    network: { isPrivate },
    plan,
    sessions: [],
    scores: [],
    verdicts: [],
    remarks: [],
  };
}

/** The results after one more message of the stage. */
export function withAccuracy(results: AccuracyResults, message: AccuracyMessage): AccuracyResults {
  switch (message.kind) {
    case 'progress':
      return results;
    case 'session':
      return {
        ...results,
        sessions: [...results.sessions, message.facts],
        scores: [...results.scores, ...message.scores],
        verdicts: [...results.verdicts, ...message.verdicts],
      };
    case 'remark':
      return { ...results, remarks: [...results.remarks, message.remark] };
    case 'end':
      return { ...results, isComplete: true };
  }
}

/** What a file holds: the results of a run, or something else, and why it is not accepted. */
export type Parsed =
  | { readonly kind: 'results'; readonly results: AccuracyResults }
  | { readonly kind: 'other'; readonly why: string };

const command = 'buildkit-drain bench accuracy';
const schema = 1;
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
