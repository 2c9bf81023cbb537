import type { BackendNotice } from '../backends/with-fallback.ts';
import type { EndpointNotice, WaitNotice } from '../monitor/types.ts';
import type { LogEntry } from './log/log.ts';
import { joined } from './words.ts';

/** The log entries of a monitor and of the wait that uses it: where it polls, and how. */
export function monitorEntry(notice: WaitNotice): LogEntry {
  if (notice.kind === 'drain-marker-failed') {
    return markerEntry(notice.reason);
  }
  return 'backend' in notice ? backendEntry(notice) : endpointEntry(notice);
}

function markerEntry(reason: string): LogEntry {
  return {
    level: 'warn',
    message:
      'Other processes cannot see that this drain is under way, so `buildkit-drain ready ' +
      `--after-drain\` does not fail because of it: ${reason}.`,
    fields: { event: 'drain-marker-failed', reason },
  };
}

export function backendEntry(notice: BackendNotice): LogEntry {
  const { kind, endpoint, backend } = notice;
  const fields = { event: kind, endpoint: endpoint.address, backend };
  const what = `olling ${endpoint.address} by ${backend}`;
  if (notice.kind === 'backend-degraded') {
    const { degraded } = notice;
    return degraded === null
      ? {
          level: 'info',
          message: `P${what} is as cheap as it should be again.`,
          fields: { ...fields, reason: null },
        }
      : {
          level: 'warn',
          message: `P${what} costs more than it should: ${degraded}.`,
          fields: { ...fields, reason: degraded },
        };
  }
  const { skipped } = notice;
  const message = kind === 'backend-chosen' ? `P${what}` : `Now p${what}`;
  const skippedFields = { skipped: skipped?.backend ?? null, reason: skipped?.reason ?? null };
  return skipped === null
    ? { level: 'debug', message: `${message}.`, fields: { ...fields, ...skippedFields } }
    : {
        level: 'warn',
        message: `${message}, not by ${skipped.backend}: ${skipped.reason}.`,
        fields: { ...fields, ...skippedFields },
      };
}

export function endpointEntry(notice: EndpointNotice): LogEntry {
  const { level, message } = entryOf(notice);
  return { level, message, fields: { event: notice.kind, ...fieldsOf(notice) } };
}

function fieldsOf(notice: EndpointNotice): Readonly<Record<string, unknown>> {
  switch (notice.kind) {
    case 'daemon-found': {
      const { pid, isGiven, isListening, endpoints } = notice;
      return { pid, given: isGiven, listening: isListening, addresses: endpoints };
    }
    case 'daemon-not-found': {
      const { reason, isTriedAgain, endpoints } = notice;
      return { reason, retried: isTriedAgain, addresses: endpoints };
    }
    case 'daemons-skipped':
      return { pids: notice.pids, othersFound: notice.areOthersFound };
    case 'endpoints-added':
    case 'endpoints-dropped':
    case 'listener-gone':
      return { addresses: notice.endpoints };
    default: {
      const { kind: _, ...fields } = notice;
      return fields;
    }
  }
}

type Entry = Pick<LogEntry, 'level' | 'message'>;

function entryOf(notice: EndpointNotice): Entry {
  switch (notice.kind) {
    case 'daemon-found':
      return foundEntry(notice);
    case 'daemon-not-found':
      return notFoundEntry(notice);
    case 'daemon-in-other-netns':
      return {
        level: 'warn',
        message:
          `Process ${notice.pid} is in another network namespace. sock_diag covers only its own ` +
          'namespace, so procfs is used. Clients of unix sockets are found if they are in that ' +
          'namespace or in this one.',
      };
    case 'daemons-skipped':
      return skippedEntry(notice);
    case 'addresses-not-given':
      return {
        level: 'warn',
        message:
          `Clients of buildkitd (pid ${notice.pid}) on ${joined(notice.addresses)} are not counted: ` +
          '--addr restricts what is watched.',
      };
    case 'variable-ignored':
      return { level: 'warn', message: `${notice.variable} is ignored: ${notice.reason}.` };
    case 'endpoints-added':
      return {
        level: 'info',
        message: `Also watching ${joined(notice.endpoints)}, where the daemon listens too.`,
      };
    case 'listener-gone':
      return {
        level: 'info',
        message:
          `Nothing listens on ${joined(notice.endpoints)}, but the daemon runs. All of its sockets can ` +
          'be read, so its clients are counted by them.',
      };
    case 'endpoints-dropped':
      return {
        level: 'info',
        message:
          `No longer watching ${joined(notice.endpoints)}: the daemon that listened there has ended, ` +
          'and another one was found.',
      };
    case 'address-not-listening':
      return {
        level: 'warn',
        message:
          `buildkitd (pid ${notice.pid}) is configured to listen on ${joined(notice.addresses)}, but ` +
          'does not. Clients there count once it does.',
      };
    case 'address-unnameable':
      return {
        level: 'warn',
        message:
          `buildkitd (pid ${notice.pid}) listens on ${joined(notice.addresses)}, whose name is not ` +
          'text, so clients there are not counted.',
      };
    case 'descriptors-unreadable':
      return {
        level: 'warn',
        message:
          `The sockets of buildkitd (pid ${notice.pid}) cannot be read: it runs as another user. ` +
          'Watching its configured and default addresses, as far as something listens there. Run as ' +
          'root or as its user, or give --addr for each of its addresses.',
      };
    case 'config-unreadable':
      return {
        level: 'warn',
        message: `The configuration of buildkitd (pid ${notice.pid}), ${notice.path}, cannot be read: ${notice.reason}.`,
      };
    case 'tables-unreadable':
      return {
        level: 'warn',
        message:
          `The addresses that buildkitd (pid ${notice.pid}) listens on cannot be read: ${notice.reason}. ` +
          'Give --addr for each of them.',
      };
  }
}

const mostPids = 10;

function skippedEntry(notice: Extract<EndpointNotice, { kind: 'daemons-skipped' }>): Entry {
  const { pids, areOthersFound } = notice;
  const shown = pids.slice(0, mostPids).map(String);
  const more = pids.length > mostPids ? [`${pids.length - mostPids} more`] : [];
  return {
    // Without another one, this may be the one that was meant.
    level: areOthersFound ? 'info' : 'warn',
    message:
      `Not watching buildkitd (pid ${joined([...shown, ...more])}): it is in another network namespace, ` +
      `and ${areOthersFound ? 'a nearer one was found' : 'not in this container or pod'}. Give --pid to ` +
      'watch it anyway.',
  };
}

function foundEntry(notice: Extract<EndpointNotice, { kind: 'daemon-found' }>): Entry {
  const { pid, isGiven, isListening, endpoints } = notice;
  const subject = isGiven ? `Process ${pid}` : `Found buildkitd (pid ${pid}), which`;
  if (isListening) {
    return { level: 'info', message: `${subject} listens on ${joined(endpoints)}.` };
  }
  const configured =
    endpoints.length > 0 ? `, but is configured to listen on ${joined(endpoints)}` : '';
  return { level: 'warn', message: `${subject} does not listen on anything${configured}.` };
}

function notFoundEntry(notice: Extract<EndpointNotice, { kind: 'daemon-not-found' }>): Entry {
  const { reason, isTriedAgain, endpoints } = notice;
  if (isTriedAgain) {
    return {
      level: 'warn',
      message: `The addresses of buildkitd cannot be read (${reason}). Trying again; no count is accepted until then.`,
    };
  }
  const what = `watching the default addresses: ${joined(endpoints)}`;
  return reason === null
    ? { level: 'info', message: `No buildkitd process found here; ${what}.` }
    : { level: 'warn', message: `Processes cannot be read (${reason}); ${what}.` };
}
