import type { Mistake } from '../options/read.ts';

/** The mistake where `--pid` names no process. */
export function pidMistake({ message }: Error): Mistake {
  return { level: 'error', message, instead: 'going on without it', isOurs: true };
}
