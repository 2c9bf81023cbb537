import type { ChoiceNotice } from '../backends/with-fallback.ts';
import type { LogEntry } from './log/log.ts';

export function noticeEntry(notice: ChoiceNotice): LogEntry {
  return notice.kind === 'inspector-handicapped' ? handicapEntry(notice) : choiceEntry(notice);
}

type Handicap = Extract<ChoiceNotice, { kind: 'inspector-handicapped' }>;

function handicapEntry({ kind, endpoint, inspector, handicap }: Handicap): LogEntry {
  const what = `Looking at ${endpoint.address} by ${inspector}`;
  const fields = { event: kind, endpoint: endpoint.address, inspector, reason: handicap };
  return handicap === null
    ? { level: 'info', message: `${what} costs no more than it has to again.`, fields }
    : { level: 'warn', message: `${what} costs more than it has to: ${handicap}.`, fields };
}

function choiceEntry(notice: Exclude<ChoiceNotice, Handicap>): LogEntry {
  const { endpoint, inspector, passedOver } = notice;
  const fields = {
    event: notice.kind,
    endpoint: endpoint.address,
    inspector,
    passedOver: passedOver?.inspector,
    reason: passedOver?.reason,
  };
  const verb = notice.kind === 'inspector-chosen' ? 'Looking' : 'From now on looking';
  const what = `${verb} at ${endpoint.address} by ${inspector}`;
  return passedOver === null
    ? { level: 'debug', message: `${what}.`, fields }
    : {
        level: 'warn',
        message: `${what}, not by ${passedOver.inspector}: ${passedOver.reason}.`,
        fields,
      };
}
