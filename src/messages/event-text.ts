import type { EndpointResult, Sample } from '../backends/types.ts';
import { longestNamedMs } from '../drain/named-builds.ts';
import type { TrackedConnection } from '../drain/tracked.ts';
import type {
  DrainConfig,
  DrainEvent,
  DrainStatus,
  ExpiryReason,
  WatchEvent,
} from '../drain/types.ts';
import {
  buildsAreRunning,
  countBuilds,
  daemonGone,
  notCountedReason,
  nothingFound,
  stateText,
} from './state.ts';
import {
  atLeast,
  capitalized,
  clients,
  clientsAreConnected,
  connectionName,
  formatBytes,
  formatDuration,
  listed,
  namesOf,
  shortDuration,
} from './words.ts';

/** How events are reported. */
export interface EventView {
  /** The settings of a wait; null in a watch, which decides nothing. */
  readonly config: DrainConfig | null;
  /** How many items a list of a line may have. */
  readonly most: number;
}

export type EventOf<Kind> = Extract<DrainEvent | WatchEvent, { kind: Kind }>;
type KindEvent = EventOf<'not-counted' | 'counted-again' | 'counted'>;

/** What an event says to people. */
export function eventText(event: DrainEvent | WatchEvent, view: EventView): string {
  switch (event.kind) {
    case 'started':
      return startedText(event, view);
    case 'progress':
      return `Still waiting after ${shortDuration(event.waitedMs)}: ${stateText(event, view.config)}.`;
    case 'changed':
      return [`${capitalized(countText(event, view))}.`, ...changeTexts(event)].join(' ');
    case 'not-counted':
      return `${connectionName(event.entry)} no longer counts as a client: ${evidence(event, view)}.`;
    case 'counted-again': {
      const reason = hasNewTraffic(event) ? ': there is new traffic' : '';
      return `${connectionName(event.entry)} counts as a client again${reason}.`;
    }
    case 'counted':
      return `${connectionName(event.entry)} counts as a client.`;
    case 'builds':
      return buildsText(event, view);
    case 'short-lived-clients':
      return shortLivedText(event);
    case 'named-builds-expired': {
      const what = `${countBuilds(event.named.builds)} that the daemon had named`;
      return `No longer waiting for ${what}: ${expiryReasons[event.reason]}.`;
    }
    case 'build-recorded':
      return (
        `The daemon has a record of a build that ended ${shortDuration(event.endedAgoMs)} ago and that no ` +
        'earlier answer named: the quiet period restarts from its end.'
      );
    case 'count-failed':
      return countFailedText(event, view);
    case 'count-recovered':
      return `Clients can be counted again after ${shortDuration(event.lostForMs)}: ${briefText(event)}.`;
    case 'sampling-gap':
      return (
        `No samples for ${shortDuration(event.gapMs)} (process suspended or starved of CPU?); restarting the ` +
        'quiet period.'
      );
    case 'between-polls':
      return (
        `At least ${event.more} more came and went between two polls ` +
        `(${event.total} since the start).`
      );
    case 'gone':
      return `The daemon is gone: ${daemonGone}. Still watching.`;
    case 'back':
      return `The daemon is back, and listens on ${addressesOf(event.sample)}: ${briefText(event)}.`;
  }
}

function startedText(event: EventOf<'started'>, view: EventView): string {
  const { sample, clients, pending, notCounted } = event;
  if (view.config !== null) {
    return `Waiting for quiet on ${polledText(sample)}: ${stateText(event, view.config)}.`;
  }
  const all = [...clients, ...pending, ...notCounted];
  const names = all.length > 0 ? ` Connected: ${namesOf(all, () => '')}.` : '';
  return `Watching ${addressesOf(sample)}: ${briefText(event)}.${names}`;
}

/** A wait names the clients at each change, since they may be all that a short log shows. */
function countText(event: EventOf<'changed'>, view: EventView): string {
  return view.config === null ? briefText(event) : stateText(event, view.config);
}

/** The number of clients, or why it is unknown. */
function briefText({ sample, clients, pending }: DrainStatus): string {
  switch (sample.kind) {
    case 'counted': {
      const tooNew = pending.length > 0 ? `; ${pending.length} too new to tell` : '';
      return `${clientsAreConnected(clients.length)}${tooNew}`;
    }
    case 'failed':
      return clients.length > 0
        ? `at least ${clientsAreConnected(clients.length)} (${sample.error.message})`
        : `clients cannot be counted (${sample.error.message})`;
    case 'gone':
      return sample.wasThere ? daemonGone : nothingFound;
  }
}

function changeTexts({ before, arrived, left, nowMs }: EventOf<'changed'>): string[] {
  const presence = ({ firstSeenMs, isArrivalSeen }: TrackedConnection): string =>
    `after ${isArrivalSeen ? '' : 'at least '}${shortDuration(nowMs - firstSeenMs)}`;
  const parts = [
    ...(arrived.length > 0 ? [`New: ${namesOf(arrived, () => '')}.`] : []),
    ...(left.length > 0 ? [`Left: ${namesOf(left, presence)}.`] : []),
  ];
  return parts.length > 0 ? parts : [`Before: ${clients(before)}.`];
}

function evidence({ entry, builds, nowMs }: KindEvent, { config }: EventView): string {
  const reason = notCountedReason(entry, nowMs);
  if (entry.kind !== 'silent' || config === null) {
    return reason;
  }
  const limit = config.ignoreSilentMs === null ? '' : formatDuration(config.ignoreSilentMs);
  if (entry.traffic === null) {
    return `the daemon has named no build for ${limit} (--ignore-silent)`;
  }
  const isNone = builds?.kind === 'known' && builds.builds.length === 0;
  return isNone
    ? `${reason}, and the daemon says that no build is running`
    : `${reason}, and --ignore-silent is ${limit}`;
}

function hasNewTraffic({ entry, nowMs }: KindEvent): boolean {
  return entry.traffic?.silentSinceMs === nowMs;
}

function countFailedText({ error, seen }: EventOf<'count-failed'>, { config }: EventView): string {
  const what = `Clients cannot be counted: ${error.message}.`;
  return config === null
    ? what
    : `${what} Unknown is not zero: the quiet period restarts once they can be counted again${atLeast(seen)}.`;
}

function polledText(sample: Sample): string {
  return sample.results.map(resultText).join(' and ') || 'nothing that can be polled';
}

function resultText(result: EndpointResult): string {
  const { address } = result.endpoint;
  return result.kind === 'polled' ? `${address} (by ${result.backend})` : `${address} (failed)`;
}

function addressesOf({ results }: Sample): string {
  return results.map((result) => result.endpoint.address).join(' and ') || 'nothing';
}

const expiryReasons: Readonly<Record<ExpiryReason, string>> = {
  'daemon-gone': 'that daemon no longer listens',
  'no-connection': 'it answers, names no build, and has no connection left that a build could use',
  'too-old': 'for too long the running builds have been unknown and no client has connected',
};

function buildsText(
  { answer, namedBuilds, nowMs }: EventOf<'builds'>,
  { config }: EventView,
): string {
  if (answer.kind === 'known') {
    return `The daemon says that ${buildsAreRunning(answer.builds)}.`;
  }
  const unknown = `Running builds are unknown: ${answer.error.message}.`;
  if (config === null) {
    return unknown;
  }
  const held = namedBuilds.flatMap(({ builds }) => builds);
  if (held.length > 0) {
    const ageMs = nowMs - Math.max(...namedBuilds.map(({ askedMs }) => askedMs));
    const most = formatDuration(longestNamedMs(config.quietPeriodMs));
    return (
      `${unknown} The daemon named ${countBuilds(held)} ${shortDuration(ageMs)} ago: waiting for at most ` +
      `${most} after the last client.`
    );
  }
  return config.builds === 'require'
    ? `${unknown} With --builds require the wait goes on.`
    : `${unknown} The connections alone decide.`;
}

function shortLivedText({ clients }: EventOf<'short-lived-clients'>): string {
  const names = listed(clients, ({ peer, bytesReceived }) => {
    const name = peer ?? 'a peer that the kernel no longer names';
    return `${name} (sent ${formatBytes(bytesReceived ?? 0)})`;
  });
  return `Connected and left without being counted as a client: ${names}. Restarting the quiet period.`;
}
