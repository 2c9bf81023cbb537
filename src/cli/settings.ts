import type { Mistake } from '../options/read.ts';

/** What is wrong where `--pid` names no process that could be looked at. */
export function pidMistake({ message }: Error): Mistake {
  return { level: 'error', message, instead: 'going on without it', isOurs: true };
}
