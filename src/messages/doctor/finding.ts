import type { Attempt } from '../../doctor/types.ts';

/** Whether something is right, makes the tool work less well, or keeps it from working. */
type Mark = 'ok' | 'degraded' | 'problem';

/** One finding, and what to do about it. */
export interface Finding {
  readonly mark: Mark;
  readonly text: string;
  readonly remedy: string | null;
}

export interface Section {
  readonly title: string;
  readonly findings: readonly Finding[];
}

export function ok(text: string): Finding {
  return { mark: 'ok', text, remedy: null };
}

export function degraded(text: string, remedy: string | null): Finding {
  return { mark: 'degraded', text, remedy };
}

export function problem(text: string, remedy: string | null): Finding {
  return { mark: 'problem', text, remedy };
}

/** The findings of a check, or that it failed. */
export function found<Value>(
  what: string,
  tried: Attempt<Value>,
  findingsOf: (value: Value) => readonly Finding[],
): readonly Finding[] {
  return tried.kind === 'done'
    ? findingsOf(tried.value)
    : [degraded(`${what} cannot be found out: ${tried.reason}.`, null)];
}
