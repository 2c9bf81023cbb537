import type { HostFacts } from '../types.ts';
import type { AccuracyMessage, AccuracyPlan, AccuracyResults } from './types.ts';

/** What is known before anything is measured. */
export function emptyAccuracy(known: {
  readonly plan: AccuracyPlan;
  readonly date: string;
  readonly host: HostFacts;
  readonly isPrivate: boolean;
}): AccuracyResults {
  const { plan, date, host, isPrivate } = known;
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
