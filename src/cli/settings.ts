import type { Mistake } from '../options/bad-value.ts';
import { type Environment, variableOf } from '../options/read-options.ts';
import { waitOptions } from '../options/wait-options.ts';

const prefix = variableOf('');

/** Variables that look like settings of this tool, and are none. */
export async function unknownVariables(env: Environment): Promise<Mistake[]> {
  const names = Object.keys(waitOptions).map(variableOf);
  if (Object.keys(env).every((name) => !name.startsWith(prefix) || names.includes(name))) {
    return [];
  }
  // Most starts need not know how names are alike.
  const { findUnknown } = await import('../options/unknown-variables.ts');
  return findUnknown(env);
}

/** What is wrong where `--pid` names no process that could be looked at. */
export function pidMistake({ message }: Error): Mistake {
  return { level: 'error', message, instead: 'going on without it', isOurs: true };
}
