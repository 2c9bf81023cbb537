import type { Sample } from '../../backends/types.ts';
import type { DrainOutcome } from '../../drain/types.ts';
import type { Acceptance } from '../../serve/acceptance.ts';
import type { Answer, Refusal, ServiceReading } from '../../serve/types.ts';
import { mostInLine } from '../events.ts';
import { errorJson, errorOrNull, rounded, sampleState, stateJson } from '../json.ts';
import type { LogEntry } from '../log/log.ts';
import { gaveUpEntry } from '../outcome.ts';
import { daemonGone, nothingFound } from '../state.ts';

/** How a wait ended, the state that it saw last, and the exit code that `wait` would have had. */
export function outcomeAnswer(
  outcome: DrainOutcome,
  lastEntry: LogEntry,
  exitCode: number,
): Answer {
  const { event: _, ...stats } = lastEntry.fields;
  const quietForMs = outcome.kind === 'timed-out' ? rounded(outcome.quietForMs) : null;
  const state = stateJson(outcome, mostInLine);
  return json(outcome.kind === 'drained' || outcome.kind === 'gone' ? 200 : 503, {
    ...{ exitCode, message: lastEntry.message, quietForMs },
    ...state,
    ...stats,
    error: stats['error'] ?? state.error,
  });
}

/** An unexpected error has ended every attempt of the wait. */
export function noWaitAnswer(message: string): Answer {
  const { fields } = gaveUpEntry(message, null);
  const { event: _, ...stats } = fields;
  return json(503, {
    ...{ exitCode: null, message, quietForMs: null },
    ...noState,
    ...{ ...stats, outcome: null },
  });
}

const noState = stateJson({
  ...{ sample: null, nowMs: 0, builds: null },
  ...{ clients: [], pending: [], notCounted: [] },
});

export function servingAnswer(): Answer {
  return json(200, { serving: true });
}

/** Whether clients can be counted, by the latest poll; null if polling failed altogether. */
export function readinessAnswer(reading: ServiceReading | null): Answer {
  const sample = reading?.sample ?? null;
  return json(sample?.kind === 'counted' ? 200 : 503, {
    state: reading === null ? 'failed' : sampleState(sample),
    error: errorOrNull(notCountedError(sample)),
    sampleAgeMs: rounded(reading?.ageMs),
  });
}

/** Whether new clients should come, for load balancers. */
export function acceptanceAnswer({ reason, error }: Acceptance): Answer {
  const accepting = reason === null;
  return json(accepting ? 200 : 503, { accepting, reason, error: errorOrNull(error) });
}

function notCountedError(sample: Sample | null) {
  switch (sample?.kind) {
    case 'counted':
      return null;
    case 'failed':
      return sample.error;
    case 'gone':
      return {
        code: 'ERR_DAEMON_GONE',
        operation: 'poll',
        message: sample.wasThere ? daemonGone : nothingFound,
      };
    case undefined:
      return pollFailed;
  }
}

const pollFailed = {
  code: 'ERR_POLL_FAILED',
  operation: 'poll',
  message: 'polling failed: see the log',
};

export function statusAnswer(body: string): Answer {
  return { status: 200, contentType: jsonType, body: `${body}\n` };
}

export function refusalAnswer({ status, expected, received, allow }: Refusal): Answer {
  const short = received.slice(0, mostReceived);
  const message =
    status === 500
      ? `this is a bug in buildkit-drain, please report it: ${short}`
      : `expected ${expected} but received ${JSON.stringify(short)}`;
  return {
    ...json(status, {
      error: errorJson({ code: refusalCodes[status], operation: 'answer a request', message }),
      ...{ expected, received: short },
    }),
    ...(allow !== undefined && { allow }),
  };
}

const refusalCodes: Readonly<Record<Refusal['status'], string>> = {
  400: 'ERR_BAD_REQUEST',
  404: 'ERR_NOT_FOUND',
  405: 'ERR_METHOD_NOT_ALLOWED',
  408: 'ERR_REQUEST_TIMEOUT',
  431: 'ERR_HEADERS_TOO_LARGE',
  500: 'ERR_INTERNAL',
};

const jsonType = 'application/json; charset=utf-8';
const mostReceived = 200;

function json(status: number, body: Record<string, unknown>): Answer {
  return { status, contentType: jsonType, body: `${JSON.stringify(body)}\n` };
}
