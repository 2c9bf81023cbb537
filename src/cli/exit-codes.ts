import type { DrainOutcome } from '../drain/types.ts';

/** The exit codes of every command. The table in docs/options.md is held against them. */
export const exitCodes = {
  done: 0,
  bug: 1,
  usage: 2,
  clientsConnected: 3,
  unknown: 4,
  notReady: 5,
  damaged: 5,
  notExecutable: 126,
  notFound: 127,
  interruptedBySigint: 130,
  interruptedBySigterm: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const outcomeCodes = {
  drained: exitCodes.done,
  gone: exitCodes.done,
  'nothing-found': exitCodes.unknown,
  'timed-out': exitCodes.clientsConnected,
  unknown: exitCodes.unknown,
} as const satisfies Record<Exclude<DrainOutcome['kind'], 'interrupted'>, ExitCode>;

export function exitCodeOf(outcome: DrainOutcome): ExitCode {
  if (outcome.kind !== 'interrupted') {
    return outcomeCodes[outcome.kind];
  }
  return interruptedBy(outcome.reason);
}

export function interruptedBy(reason: unknown): ExitCode {
  return reason === 'SIGINT' ? exitCodes.interruptedBySigint : exitCodes.interruptedBySigterm;
}
