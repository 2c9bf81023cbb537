import type { EndpointResult, Sample } from '../backends/types.ts';
import type { BuildsAnswer } from '../builds/types.ts';
import { longestNamedMs } from '../drain/named-builds.ts';
import type { TrackedConnection, TrackedConnections } from '../drain/tracked.ts';
import type { DrainConfig, DrainEvent, DrainStatus, ExpiryReason } from '../drain/types.ts';
import type { LogEntry } from './log/log.ts';
import {
  buildsAreRunning,
  countBuilds,
  leftOutReason,
  mostFields,
  stateFields,
  stateText,
} from './state.ts';
import {
  about,
  atLeast,
  capitalized,
  clients,
  clientsAreConnected,
  formatBytes,
  formatDuration,
  listed,
  nameOf,
  namesOf,
} from './words.ts';

/** What a wait says of what happens, and the fields that say the same to machines. */
export function eventEntry(event: DrainEvent, config: DrainConfig): LogEntry {
  switch (event.kind) {
    case 'started':
      return {
        level: 'info',
        message: `Waiting for quiet on ${watchedText(event.sample)}: ${stateText(event, config)}.`,
        fields: { ...statusFields(event), ...configFields(config) },
      };
    case 'progress':
      return {
        level: 'info',
        message: `Still waiting after ${about(event.waitedMs)}: ${stateText(event, config)}.`,
        fields: statusFields(event),
      };
    case 'changed':
      return {
        level: 'info',
        message: `${capitalized(stateText(event, config))}. ${changeText(event)}`,
        fields: {
          ...statusFields(event),
          before: event.before,
          arrived: peersOf(event.arrived),
          left: peersOf(event.left),
        },
      };
    case 'not-counted':
    case 'counted-again':
    case 'counted':
      return kindEntry(event, config);
    case 'builds':
      return buildsEntry(event, config);
    case 'short-lived-clients':
      return briefEntry(event);
    case 'named-builds-expired':
      return wordEndedEntry(event);
    case 'build-recorded':
      return {
        level: 'info',
        message:
          `The daemon has a record of a build that ended ${about(event.endedAgoMs)} ago and that no ` +
          'earlier answer had named: the quiet period starts over from its end.',
        fields: { event: event.kind, endedAgoMs: Math.round(event.endedAgoMs) },
      };
    case 'count-failed':
      return {
        level: 'warn',
        message:
          `The clients can't be counted: ${event.error.message}. Unknown is not zero: quiet ` +
          `starts over when they can be counted again${atLeast(event.seen)}.`,
        fields: { event: event.kind, code: event.error.code, operation: event.error.operation },
      };
    case 'count-recovered':
      return {
        level: 'info',
        message:
          `The clients can be counted again after ${about(event.lostForMs)}: ` +
          `${clientsAreConnected(event.clients.length)}.`,
        fields: {
          event: event.kind,
          lostForMs: Math.round(event.lostForMs),
          connections: event.clients.length,
        },
      };
    case 'sampling-gap':
      return {
        level: 'warn',
        message:
          `Nobody looked for ${about(event.gapMs)} (was this process stopped, or short of CPU?): ` +
          'quiet starts over.',
        fields: { event: event.kind, gapMs: Math.round(event.gapMs) },
      };
  }
}

type KindEvent = Extract<DrainEvent, { kind: 'not-counted' | 'counted-again' | 'counted' }>;

function peersOf(tracked: TrackedConnections): (string | null)[] {
  return tracked.slice(0, mostFields).map(({ connection }) => connection.peer);
}

function kindEntry(event: KindEvent, config: DrainConfig): LogEntry {
  const { kind, entry, nowMs } = event;
  const { connection, traffic } = entry;
  const isProbe = entry.kind === 'health-check';
  return {
    level: isProbe ? 'debug' : 'info',
    message:
      kind === 'not-counted'
        ? `${nameOf(entry)} no longer counts as a client: ${evidence(event, config)}.`
        : `${nameOf(entry)} counts as a client${kind === 'counted' ? '' : ' again'}${returnReason(entry, nowMs)}.`,
    fields: {
      event: kind,
      endpoint: connection.endpoint,
      peer: connection.peer,
      inode: connection.inode,
      kind: entry.kind,
      seenForMs: Math.round(nowMs - entry.firstSeenMs),
      silentForMs: traffic === null ? null : Math.round(nowMs - traffic.silentSinceMs),
      msSinceAcked: traffic?.latest.msSinceAcked ?? null,
    },
  };
}

function evidence(event: KindEvent, { ignoreSilentMs }: DrainConfig): string {
  const { entry, builds, nowMs } = event;
  const reason = leftOutReason(entry, nowMs);
  if (entry.kind !== 'silent') {
    return reason;
  }
  const leave = ignoreSilentMs === null ? '' : formatDuration(ignoreSilentMs);
  if (entry.traffic === null) {
    return `for ${leave}, which is --ignore-silent, the daemon has named no build`;
  }
  const isNone = builds?.kind === 'known' && builds.builds.length === 0;
  return isNone
    ? `${reason}, and the daemon says that no build is running`
    : `${reason}, and --ignore-silent is ${leave}`;
}

function returnReason({ traffic }: TrackedConnection, nowMs: number): string {
  return traffic?.silentSinceMs === nowMs ? ': bytes have moved' : '';
}

type BuildsEvent = Extract<DrainEvent, { kind: 'builds' }>;

function buildsEntry(event: BuildsEvent, config: DrainConfig): LogEntry {
  const { kind, answer, namedBuilds, nowMs } = event;
  const fields = { event: kind, ...answerFields(answer) };
  if (answer.kind === 'known') {
    const message = `The daemon says that ${buildsAreRunning(answer.builds)}.`;
    return { level: 'info', message, fields };
  }
  const what = `Which builds are running is unknown: ${answer.error.message}.`;
  const held = namedBuilds.flatMap(({ builds }) => builds);
  if (held.length > 0) {
    const ageMs = nowMs - Math.max(...namedBuilds.map(({ askedMs }) => askedMs));
    const message =
      `${what} ${about(ageMs)} ago the daemon named ${countBuilds(held)}: the wait goes on, for at ` +
      `most ${formatDuration(longestNamedMs(config.quietPeriodMs))} after the last client.`;
    return { level: 'warn', message, fields };
  }
  return config.builds === 'require'
    ? { level: 'warn', message: `${what} Nothing is concluded without it.`, fields }
    : { level: 'info', message: `${what} The connections alone decide.`, fields };
}

function briefEntry({ kind, clients }: DrainEvent & { kind: 'short-lived-clients' }): LogEntry {
  const who = listed(clients, ({ peer, bytesReceived }) => {
    const name = peer ?? 'a peer that the kernel no longer names';
    return `${name} (sent ${formatBytes(bytesReceived ?? 0)})`;
  });
  return {
    level: 'info',
    message: `Came and left without being counted as a client: ${who}. The quiet period starts over.`,
    fields: { event: kind, clients: clients.slice(0, mostFields) },
  };
}

function wordEndedEntry({
  kind,
  named,
  reason,
}: DrainEvent & { kind: 'named-builds-expired' }): LogEntry {
  const builds = `${countBuilds(named.builds)} that the daemon had named`;
  return {
    level: 'info',
    message: `The wait no longer goes on for ${builds}: ${wordEndReasons[reason]}.`,
    fields: { event: kind, builds: named.builds.slice(0, mostFields), reason },
  };
}

const wordEndReasons: Readonly<Record<ExpiryReason, string>> = {
  'daemon-gone': 'that daemon listens no more',
  'no-connection': 'it answers, names no build, and no connection is left that one could run over',
  'too-old': 'which builds it runs has been unknown, and no client connected, for too long since',
};

function answerFields(answer: BuildsAnswer): Record<string, unknown> {
  return answer.kind === 'known'
    ? { builds: answer.builds }
    : { builds: null, code: answer.error.code, operation: answer.error.operation };
}

function changeText({
  before,
  arrived,
  left,
  nowMs,
}: Extract<DrainEvent, { kind: 'changed' }>): string {
  const seenFor = ({ firstSeenMs }: TrackedConnection): string =>
    `after ${about(nowMs - firstSeenMs)}`;
  const parts = [
    arrived.length > 0 ? `New: ${namesOf(arrived, () => '')}.` : '',
    left.length > 0 ? `Left: ${namesOf(left, seenFor)}.` : '',
  ].filter((part) => part !== '');
  return parts.length > 0 ? parts.join(' ') : `Before: ${clients(before)}.`;
}

function watchedText(sample: Sample): string {
  return sample.results.map(lookText).join(' and ') || 'nothing that could be looked at';
}

function lookText(result: EndpointResult): string {
  const { address } = result.endpoint;
  return result.kind === 'polled' ? `${address} (by ${result.backend})` : `${address} (unseen)`;
}

function statusFields(status: DrainStatus & { readonly kind: string }): Record<string, unknown> {
  return { event: status.kind, waitedMs: Math.round(status.waitedMs), ...stateFields(status) };
}

function configFields(config: DrainConfig): Record<string, unknown> {
  const { counts: _, ...fields } = config;
  return fields;
}
