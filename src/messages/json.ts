import type { EndpointResult, Sample, Traffic } from '../backends/types.ts';
import type { Build, BuildsAnswer } from '../builds/types.ts';
import {
  knownAge,
  knownSilenceMs,
  type TrackedConnection,
  type TrackedConnections,
} from '../drain/tracked.ts';
import type { DrainStats } from '../drain/types.ts';
import { isoTime } from './iso-time.ts';

// One shape for each thing, in logs and answers alike. docs/json.md lists every field, and a test holds
// the page and this code against each other. What is unknown is null, never 0.

/** A BackendError, or what has the same fields. */
interface ErrorFields {
  readonly code: string;
  readonly operation: string;
  readonly message: string;
}

export function errorJson({ code, operation, message }: ErrorFields) {
  return { code, operation, message };
}

export function errorOrNull(error: ErrorFields | null | undefined) {
  return error ? errorJson(error) : null;
}

export function buildJson({ ref, startedAtMs }: Build) {
  return { ref, startedAt: startedAtMs === null ? null : isoTime(new Date(startedAtMs)) };
}

const unknownTraffic: Traffic = {
  bytesReceived: null,
  bytesAcked: null,
  msSinceReceived: null,
  msSinceSent: null,
  msSinceAcked: null,
  unanswered: null,
};

export function connectionJson(entry: TrackedConnection, nowMs: number) {
  const { endpoint, peer, peerAddress, local, inode } = entry.connection;
  const traffic = entry.traffic?.latest ?? unknownTraffic;
  return {
    ...{ endpoint, peer, peerAddress, local },
    inode: inode === 0 ? null : inode,
    queued: inode === 0,
    kind: entry.kind,
    ageAtLeastMs: rounded(knownAge(entry, nowMs)?.ms),
    silentAtLeastMs: rounded(knownSilenceMs(entry, nowMs)),
    bytesReceived: traffic.bytesReceived,
    bytesAcked: traffic.bytesAcked,
    sinceReceivedMs: rounded(traffic.msSinceReceived),
    sinceSentMs: rounded(traffic.msSinceSent),
    sinceAckedMs: rounded(traffic.msSinceAcked),
    unanswered: traffic.unanswered,
  };
}

function endpointJson(result: EndpointResult) {
  const { address } = result.endpoint;
  if (result.kind === 'failed') {
    return { address, backend: null, listening: null, error: errorJson(result.error) };
  }
  const listening = result.snapshot.listenerInodes.length > 0;
  return { address, backend: result.backend, listening, error: null };
}

export function buildsJson(answer: BuildsAnswer | null) {
  return {
    builds: answer?.kind === 'known' ? answer.builds.map(buildJson) : null,
    buildsError: answer?.kind === 'unknown' ? errorJson(answer.error) : null,
  };
}

/** What one poll has shown, with the connections by whether they count as clients. */
type State = Pick<DrainStats, 'sample' | 'nowMs' | 'clients' | 'pending' | 'notCounted' | 'builds'>;

/** @param most how long a list of connections or builds may be. */
export function stateJson(state: State, most = Infinity) {
  const { sample, nowMs, clients, pending, notCounted } = state;
  const listJson = (tracked: TrackedConnections) =>
    tracked.slice(0, most).map((entry) => connectionJson(entry, nowMs));
  const { builds, buildsError } = buildsJson(state.builds);
  return {
    state: sampleState(sample),
    connections: sample?.kind === 'counted' ? clients.length : null,
    error: sample?.kind === 'failed' ? errorJson(sample.error) : null,
    clients: listJson(clients),
    pending: listJson(pending),
    notCounted: listJson(notCounted),
    builds: builds?.slice(0, most) ?? null,
    buildsError,
    endpoints: (sample?.results ?? []).map(endpointJson),
  };
}

/** The state that a sample shows; null before the first poll. */
export function sampleState(sample: Sample | null) {
  return sample?.kind === 'gone' && !sample.wasThere ? 'nothing-found' : (sample?.kind ?? null);
}

export function rounded(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : Math.round(ms);
}
