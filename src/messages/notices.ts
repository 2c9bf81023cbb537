import type { BackendNotice } from '../backends/with-fallback.ts';
import type { LogEntry } from './log/log.ts';

export function backendEntry(notice: BackendNotice): LogEntry {
  return notice.kind === 'backend-degraded' ? handicapEntry(notice) : choiceEntry(notice);
}

type Handicap = Extract<BackendNotice, { kind: 'backend-degraded' }>;

function handicapEntry({ kind, endpoint, backend, degraded }: Handicap): LogEntry {
  const what = `Looking at ${endpoint.address} by ${backend}`;
  const fields = { event: kind, endpoint: endpoint.address, backend, reason: degraded };
  return degraded === null
    ? { level: 'info', message: `${what} costs no more than it has to again.`, fields }
    : { level: 'warn', message: `${what} costs more than it has to: ${degraded}.`, fields };
}

function choiceEntry(notice: Exclude<BackendNotice, Handicap>): LogEntry {
  const { endpoint, backend, skipped } = notice;
  const fields = {
    event: notice.kind,
    endpoint: endpoint.address,
    backend,
    skipped: skipped?.backend,
    reason: skipped?.reason,
  };
  const verb = notice.kind === 'backend-chosen' ? 'Looking' : 'From now on looking';
  const what = `${verb} at ${endpoint.address} by ${backend}`;
  return skipped === null
    ? { level: 'debug', message: `${what}.`, fields }
    : {
        level: 'warn',
        message: `${what}, not by ${skipped.backend}: ${skipped.reason}.`,
        fields,
      };
}
