import type { EndpointNotice } from '../monitor/types.ts';
import type { LogEntry } from './log/log.ts';

/** What is said about where the watched endpoints come from. */
export function endpointEntry(notice: EndpointNotice): LogEntry {
  const { kind, ...fields } = notice;
  return { ...entryOf(notice), fields: { event: kind, ...fields } };
}

type Said = Pick<LogEntry, 'level' | 'message'>;

function entryOf(notice: EndpointNotice): Said {
  switch (notice.kind) {
    case 'daemon-found':
      return foundEntry(notice);
    case 'daemon-not-found':
      return notFoundEntry(notice);
    case 'daemon-in-other-netns':
      return {
        level: 'warn',
        message:
          `Process ${notice.pid} is in another network namespace. sock_diag sees only the one it is ` +
          'asked in, so its endpoints are looked at by procfs. Clients of its unix sockets are seen ' +
          'where they are in its namespace or in this one.',
      };
    case 'daemons-skipped':
      return leftOutEntry(notice);
    case 'addresses-not-given':
      return {
        level: 'warn',
        message:
          `The daemon (pid ${notice.pid}) listens on ${listed(notice.addresses)}, which --addr does not ` +
          'name: its clients there are not counted.',
      };
    case 'variable-ignored':
      return {
        level: 'warn',
        message: `${notice.variable} is ignored: ${notice.reason}.`,
      };
    case 'endpoints-added':
      return {
        level: 'info',
        message: `Also watching ${listed(notice.endpoints)}: the daemon listens there, too.`,
      };
    case 'listener-gone':
      return {
        level: 'info',
        message:
          `Nothing listens on ${listed(notice.endpoints)}, and the daemon lives. All of its sockets are ` +
          'known, so that its clients are counted by them.',
      };
    case 'endpoints-dropped':
      return {
        level: 'info',
        message: `No longer watching ${listed(notice.endpoints)}: the daemon that listened there is no more, and another one was found.`,
      };
    case 'address-not-listening':
      return {
        level: 'warn',
        message:
          `buildkitd (pid ${notice.pid}) was told to listen on ${listed(notice.addresses)}, and does not. ` +
          'Clients there count once it does.',
      };
    case 'address-unnameable':
      return {
        level: 'warn',
        message:
          `buildkitd (pid ${notice.pid}) listens on ${listed(notice.addresses)}, whose name is not ` +
          'text, so its clients there are not counted.',
      };
    case 'descriptors-unreadable':
      return {
        level: 'warn',
        message:
          `The sockets of buildkitd (pid ${notice.pid}) can't be read, since it is another user's. ` +
          'What it was told and what it listens on by default is watched as far as something ' +
          'listens there. Run as root or as its user, or give --addr for each of its addresses.',
      };
    case 'config-unreadable':
      return {
        level: 'warn',
        message: `The configuration of buildkitd (pid ${notice.pid}), ${notice.path}, can't be read: ${notice.reason}.`,
      };
    case 'tables-unreadable':
      return {
        level: 'warn',
        message:
          `What buildkitd (pid ${notice.pid}) listens on can't be read: ${notice.reason}. ` +
          'Give --addr for each of its addresses.',
      };
  }
}

function leftOutEntry(notice: Extract<EndpointNotice, { kind: 'daemons-skipped' }>): Said {
  const { pids, areOthersFound } = notice;
  const shown = pids.slice(0, mostPids).map(String);
  const more = pids.length > mostPids ? [`${pids.length - mostPids} more`] : [];
  return {
    // Where no other one is found, this may have been the one that was meant.
    level: areOthersFound ? 'info' : 'warn',
    message:
      `Not watching buildkitd (pid ${listed([...shown, ...more])}): it is in another network namespace, ` +
      `and ${areOthersFound ? 'a nearer one was found' : 'not of this container or pod'}. Give --pid to ` +
      'watch it all the same.',
  };
}

const mostPids = 10;

function foundEntry(notice: Extract<EndpointNotice, { kind: 'daemon-found' }>): Said {
  const { pid, isGiven, isListening, endpoints } = notice;
  const subject = isGiven ? `Process ${pid}` : `Found buildkitd (pid ${pid}), which`;
  if (isListening) {
    return { level: 'info', message: `${subject} listens on ${listed(endpoints)}.` };
  }
  const told = endpoints.length > 0 ? `, and was told to listen on ${listed(endpoints)}` : '';
  return { level: 'warn', message: `${subject} was not seen to listen on anything${told}.` };
}

function notFoundEntry(notice: Extract<EndpointNotice, { kind: 'daemon-not-found' }>): Said {
  if (notice.isTriedAgain) {
    return {
      level: 'warn',
      message: `Where buildkitd listens can't be read (${notice.reason}). This is tried again, and no count is believed until it is done.`,
    };
  }
  const what = `watching what it listens on by default: ${listed(notice.endpoints)}`;
  return notice.reason === null
    ? {
        level: 'info',
        message: `No process called buildkitd that belongs here is in sight; ${what}.`,
      }
    : { level: 'warn', message: `Processes can't be read (${notice.reason}); ${what}.` };
}

function listed(texts: readonly string[]): string {
  const last = texts.at(-1) ?? 'nothing';
  return texts.length < 2 ? last : `${texts.slice(0, -1).join(', ')} and ${last}`;
}
