import { malformed } from '../grpc/errors.ts';
import { type Field, messageField, readFields, textField, varintOf } from '../grpc/protobuf.ts';
import type { RpcMethod } from '../grpc/types.ts';
import type { Build } from './types.ts';

// The needed part of BuildKit's api/services/control/control.proto: methods and field numbers of the service
// moby.buildkit.v1.Control.

const since = 'buildkitd v0.12.4 or later';

/** One STARTED event for each running build, and the end of the stream. */
export const listenBuildHistory: RpcMethod = {
  path: '/moby.buildkit.v1.Control/ListenBuildHistory',
  // BuildHistoryRequest: ActiveOnly = 1 and EarlyExit = 3, both true.
  request: Uint8Array.of(0x08, 0x01, 0x18, 0x01),
  since,
};

/**
 * The same, and a COMPLETE event for the finished build that started last. Before v0.20, which does not know `Limit`, there is
 * one for each record, in no order.
 */
export const listenLatestRecord: RpcMethod = {
  path: listenBuildHistory.path,
  // EarlyExit = 3, true, and Limit = 5, 1.
  request: Uint8Array.of(0x18, 0x01, 0x28, 0x01),
  since,
};

/** Which buildkitd it is. Added in v0.11, with the build history itself. */
export const info: RpcMethod = {
  path: '/moby.buildkit.v1.Control/Info',
  request: Uint8Array.of(),
  since,
};

const eventField = { type: 1, record: 2 } as const;
const eventType = { started: 0n, complete: 1n, deleted: 2n } as const;
const recordField = { ref: 1, createdAt: 6, completedAt: 7 } as const;
const timestampField = { seconds: 1, nanos: 2 } as const;
const infoField = { buildkitVersion: 1 } as const;
const versionField = { package: 1, version: 2 } as const;

// The range of a JavaScript Date, in seconds.
const farthestSeconds = 8_640_000_000_000n;

/** One build in a BuildHistoryEvent. */
export type BuildEvent =
  | { readonly kind: 'running'; readonly build: Build }
  /** When it ended, in milliseconds since the epoch; null where the record does not say. */
  | { readonly kind: 'ended'; readonly atMs: number | null };

export function decodeBuildEvent(message: Uint8Array): BuildEvent {
  const event = readFields(message);
  const type = varintOf(event, eventField.type);
  const record = messageField(event, eventField.record) ?? [];
  if (type === eventType.complete || type === eventType.deleted) {
    return { kind: 'ended', atMs: decodeTimestamp(messageField(record, recordField.completedAt)) };
  }
  if (type !== eventType.started) {
    throw malformed(`no event has the type ${type}`);
  }
  const ref = textField(record, recordField.ref);
  if (ref === '') {
    throw malformed('a build has no ref');
  }
  const startedAtMs = decodeTimestamp(messageField(record, recordField.createdAt));
  return { kind: 'running', build: { ref, startedAtMs } };
}

/** `BuildkitVersion` in an InfoResponse: the program and its version. */
export interface DaemonVersion {
  readonly package: string;
  readonly version: string;
}

/** The version in an InfoResponse. Missing parts are empty. */
export function decodeInfo(message: Uint8Array): DaemonVersion {
  const version = messageField(readFields(message), infoField.buildkitVersion) ?? [];
  return {
    package: textField(version, versionField.package),
    version: textField(version, versionField.version),
  };
}

function decodeTimestamp(timestamp: readonly Field[] | null): number | null {
  if (timestamp === null) {
    return null;
  }
  const seconds = BigInt.asIntN(64, varintOf(timestamp, timestampField.seconds));
  const nanos = Number(varintOf(timestamp, timestampField.nanos));
  const isDate = seconds >= 0n && seconds < farthestSeconds && nanos < 1e9;
  return isDate ? Number(seconds) * 1000 + Math.floor(nanos / 1e6) : null;
}
