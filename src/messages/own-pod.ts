import type { PodDeadline, PodMarkEvent } from '../kubernetes/types.ts';
import { errorJson, rounded } from './json.ts';
import type { LogEntry } from './log/log.ts';
import { formatDuration, shortDuration } from './words.ts';

/** The log entry about the marks of the own pod. */
export function podMarkEntry(event: PodMarkEvent): LogEntry {
  const { kind, mark } = event;
  if (kind === 'pod-marked') {
    return {
      level: 'info',
      message: `This pod is marked as ${mark}.`,
      fields: { event: kind, mark },
    };
  }
  const { error, retryInMs } = event;
  return {
    level: 'warn',
    message:
      `This pod cannot be marked as ${mark}: ${error.message}. ` +
      `Trying again in ${shortDuration(retryInMs)}.`,
    fields: { event: kind, mark, error: errorJson(error), retryInMs },
  };
}

/**
 * The log entry about the deadline that was asked for.
 *
 * @param timeoutMs the one that holds now.
 */
export function podDeadlineEntry(deadline: PodDeadline, timeoutMs: number | null): LogEntry {
  const { kind } = deadline;
  const fields = { event: 'pod-deadline', source: kind === 'known' ? 'pod' : 'fallback' };
  const graceMs = kind === 'known' ? deadline.graceMs : null;
  const error = kind === 'unknown' ? errorJson(deadline.error) : null;
  return {
    level: kind === 'known' || (kind === 'not-deleted' && timeoutMs !== null) ? 'info' : 'warn',
    message: `${deadlineText(deadline)} ${untilText(timeoutMs)}`,
    fields: { ...fields, timeoutMs: rounded(timeoutMs), graceMs: rounded(graceMs), error },
  };
}

function deadlineText(deadline: PodDeadline): string {
  switch (deadline.kind) {
    case 'known':
      return `This pod is being deleted with a grace period of ${formatDuration(deadline.graceMs)}.`;
    case 'not-deleted':
      return 'This pod is not being deleted, so it has no deadline.';
    case 'passed':
      return 'This pod should have been gone by now, so its deadline says nothing.';
    case 'unknown':
      return `The deadline of this pod is unknown: ${deadline.error.message}.`;
  }
}

function untilText(timeoutMs: number | null): string {
  return timeoutMs === null
    ? 'Waiting without a deadline: give one for this case, as in --timeout=pod,58m.'
    : `The wait ends ${shortDuration(timeoutMs)} after its start.`;
}
