import type { AccuracyResults } from './types.ts';

/** What a file holds: the results of a run, or something else, and why it is not taken for them. */
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
