import { askForVersion } from '../builds/version.ts';
import {
  type Field,
  messageField,
  messageFields,
  readFields,
  textField,
} from '../grpc/protobuf.ts';
import type { GrpcConnection, RpcMethod } from '../grpc/types.ts';

// The needed part of BuildKit's api/services/control/control.proto: where a build's record names blobs.

/** All records, and the end of the stream. A question for one record (`Ref`) would keep it from being deleted. */
const listenRecords: RpcMethod = {
  path: '/moby.buildkit.v1.Control/ListenBuildHistory',
  // BuildHistoryRequest: EarlyExit = 3, true.
  request: Uint8Array.of(0x18, 0x01),
  since: 'buildkitd v0.11 or later',
};

const eventField = { record: 2 } as const;
const recordField = { ref: 1, logs: 8, result: 10, results: 11, trace: 13, error: 18 } as const;
const resultField = { deprecated: 1, attestations: 2, results: 3 } as const;
const entryField = { value: 2 } as const;
const descriptorField = { digest: 2 } as const;

// The default history of buildkitd is 50 records of some kilobytes.
const mostBytes = 64 * 1024 * 1024;

/** Which builds in the daemon's history need a blob: their refs by its digest. */
export type BuildsByBlob = ReadonlyMap<string, readonly string[]>;

/**
 * The blobs of all builds in the history: logs, traces, results, attestations. None where the daemon has no history or is
 * of a version that may not be asked, and not all where it is too long, or can't be read. Never rejects.
 */
export async function readBuildRecords(connection: GrpcConnection): Promise<BuildsByBlob> {
  const builds = new Map<string, string[]>();
  let bytes = 0;
  try {
    // It throws where the question may end the daemon.
    await askForVersion(connection.call);
    for await (const message of connection.stream(listenRecords)) {
      const { ref, digests } = decodeRecord(message);
      for (const digest of digests) {
        const refs = builds.get(digest) ?? [];
        builds.set(digest, refs);
        refs.push(ref);
      }
      bytes += message.length;
      if (bytes > mostBytes) {
        break;
      }
    }
  } catch {
    // It only gives names to blobs. Where the daemon can't be asked any more, the next question fails as well.
  }
  return builds;
}

/** The build of a BuildHistoryEvent, and the blobs that its record names. */
export function decodeRecord(message: Uint8Array): { ref: string; digests: readonly string[] } {
  const record = messageField(readFields(message), eventField.record) ?? [];
  const results = [
    ...messageFields(record, recordField.result),
    ...valuesOf(record, recordField.results),
  ];
  const descriptors = [
    ...[recordField.logs, recordField.trace, recordField.error].flatMap((field) =>
      messageFields(record, field),
    ),
    ...results.flatMap((result) => [
      ...messageFields(result, resultField.deprecated),
      ...messageFields(result, resultField.attestations),
      ...valuesOf(result, resultField.results),
    ]),
  ];
  const digests = descriptors.map((descriptor) => textField(descriptor, descriptorField.digest));
  return { ref: textField(record, recordField.ref), digests: [...new Set(digests)] };
}

/** The values of a map whose values are messages. */
function valuesOf(fields: readonly Field[], number: number): Field[][] {
  return messageFields(fields, number).map((entry) => messageField(entry, entryField.value) ?? []);
}
