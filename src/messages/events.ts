import type { TrackedConnections } from '../drain/tracked.ts';
import type { DrainConfig, DrainEvent, DrainStatus, WatchEvent } from '../drain/types.ts';
import { type EventOf, type EventView, eventText } from './event-text.ts';
import { isoTime } from './iso-time.ts';
import { buildJson, buildsJson, connectionJson, errorJson, rounded, stateJson } from './json.ts';
import type { LogEntry } from './log/log.ts';

/** Longer lines would not fit into a pipe, and be lost. */
export const mostInLine = 25;

export function waitView(config: DrainConfig): EventView {
  return { config, most: mostInLine };
}

export const watchView: EventView = { config: null, most: Infinity };

/** The log entry of an event of a wait or a watch. */
export function eventEntry(event: DrainEvent | WatchEvent, view: EventView): LogEntry {
  return {
    level: levelOf(event, view),
    message: eventText(event, view),
    fields: { event: event.kind, ...fieldsOf(event, view) },
  };
}

function levelOf(event: DrainEvent | WatchEvent, { config }: EventView): LogEntry['level'] {
  switch (event.kind) {
    case 'count-failed':
    case 'sampling-gap':
    case 'gone':
      return 'warn';
    case 'not-counted':
    case 'counted-again':
    case 'counted':
      return event.entry.kind === 'health-check' && config !== null ? 'debug' : 'info';
    case 'builds': {
      const holds = event.namedBuilds.length > 0 || config?.builds === 'require';
      return event.answer.kind === 'unknown' && holds && config !== null ? 'warn' : 'info';
    }
    default:
      return 'info';
  }
}

function fieldsOf(
  event: DrainEvent | WatchEvent,
  view: EventView,
): Readonly<Record<string, unknown>> {
  const { config, most } = view;
  switch (event.kind) {
    case 'started':
      return { ...statusFields(event, view), settings: config && settingsJson(config) };
    case 'progress':
      return statusFields(event, view);
    case 'changed':
      return {
        ...statusFields(event, view),
        before: event.before,
        arrived: connectionsJson(event.arrived, event, view),
        left: connectionsJson(event.left, event, view),
      };
    case 'not-counted':
    case 'counted-again':
    case 'counted':
      return {
        connections: countOf(event),
        connection: connectionJson(event.entry, event.nowMs),
      };
    case 'builds':
      return buildsFields(event, view);
    case 'short-lived-clients': {
      const shortLived = event.clients.slice(0, most);
      return {
        shortLived: shortLived.map(({ peer, peerAddress, bytesReceived }) => {
          return { peer, peerAddress, bytesReceived };
        }),
      };
    }
    case 'named-builds-expired':
      return {
        namedBuilds: event.named.builds.slice(0, most).map(buildJson),
        reason: event.reason,
      };
    case 'build-recorded':
      return { endedAt: isoTime(new Date(Date.now() - event.endedAgoMs)) };
    case 'count-failed':
      return { connections: null, seen: event.seen, error: errorJson(event.error) };
    case 'count-recovered':
      return { connections: countOf(event), lostForMs: rounded(event.lostForMs) };
    case 'sampling-gap':
      return { gapMs: rounded(event.gapMs) };
    case 'between-polls':
      return { more: event.more, seenBetweenPolls: event.total };
    case 'gone':
      return { connections: null };
    case 'back':
      return { connections: countOf(event) };
  }
}

function statusFields(status: DrainStatus, { most }: EventView) {
  return {
    waitedMs: rounded(status.waitedMs),
    quietForMs: rounded(status.quietForMs),
    ...stateJson(status, most),
  };
}

function buildsFields({ answer, namedBuilds }: EventOf<'builds'>, { most }: EventView) {
  const { builds, buildsError } = buildsJson(answer);
  const named = namedBuilds.flatMap((each) => each.builds);
  return {
    builds: builds?.slice(0, most) ?? null,
    buildsError,
    namedBuilds: named.slice(0, most).map(buildJson),
  };
}

function countOf({ sample, clients }: DrainStatus): number | null {
  return sample.kind === 'counted' ? clients.length : null;
}

function connectionsJson(tracked: TrackedConnections, { nowMs }: DrainStatus, { most }: EventView) {
  return tracked.slice(0, most).map((entry) => connectionJson(entry, nowMs));
}

function settingsJson({ counts: _, builds, ...config }: DrainConfig) {
  return { ...config, buildsMode: builds };
}
