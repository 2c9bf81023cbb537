import type { Sample } from '../../backends/types.ts';
import type { DrainOutcome } from '../../drain/types.ts';
import type { Answer, Refusal } from '../../serve/types.ts';
import type { LogEntry } from '../log/log.ts';
import { stateFields } from '../state.ts';

/** How a wait ended, with who was still there, and the exit code that `wait` would have had. */
export function outcomeAnswer(outcome: DrainOutcome, said: LogEntry, exitCode: number): Answer {
  const { event: _, ...stats } = said.fields ?? {};
  const { sample } = outcome;
  const quietForMs = outcome.kind === 'timed-out' ? outcome.quietForMs : null;
  return json(outcome.kind === 'drained' || outcome.kind === 'gone' ? 200 : 503, {
    ...stats,
    exitCode,
    message: said.message,
    error: outcome.kind === 'unknown' ? outcome.error.message : null,
    ...(sample === null ? beforeTheFirstLook : stateFields({ ...outcome, sample, quietForMs })),
  });
}

const beforeTheFirstLook = {
  ...{
    connections: null,
    builds: null,
    quietForMs: null,
    clients: [],
    notCounted: [],
    endpoints: [],
  },
};

/** That a wait could not be done. */
export function noWaitAnswer(error: string): Answer {
  return json(503, { outcome: null, exitCode: null, error });
}

export function servingAnswer(): Answer {
  return json(200, { serving: true });
}

/** Whether clients can be counted, by the latest look; null where looking failed altogether. */
export function sightAnswer(sample: Sample | null): Answer {
  switch (sample?.kind) {
    case 'counted':
      return json(200, { state: sample.kind, error: null });
    case 'failed':
      return json(503, { state: sample.kind, error: sample.error.message });
    case 'gone':
      return json(503, {
        state: sample.kind,
        error: 'nothing listens, and no process of the daemon is in sight',
      });
    case undefined:
      return json(503, { state: 'failed', error: 'looking failed: the log says why' });
  }
}

export function statusAnswer(body: string): Answer {
  return { status: 200, contentType: jsonType, body: `${body}\n` };
}

export function refusalAnswer({ status, expected, received, allow }: Refusal): Answer {
  const short = received.slice(0, mostReceived);
  const error =
    status === 500
      ? `this is a bug in buildkit-drain, please report it: ${short}`
      : `expected ${expected} but received ${JSON.stringify(short)}`;
  return {
    ...json(status, { error, expected, received: short }),
    ...(allow !== undefined && { allow }),
  };
}

const jsonType = 'application/json; charset=utf-8';
const mostReceived = 200;

function json(status: number, body: Record<string, unknown>): Answer {
  return { status, contentType: jsonType, body: `${JSON.stringify(body)}\n` };
}
