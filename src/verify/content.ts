import { codeOf, type GrpcStatusError, malformed } from '../grpc/errors.ts';
import {
  bytesField,
  encodeMessage,
  type Field,
  messageFields,
  readFields,
  textField,
  textMapField,
  varintOf,
} from '../grpc/protobuf.ts';
import type { GrpcConnection, RpcMethod } from '../grpc/types.ts';
import type { Blob } from './types.ts';

// The needed part of containerd's api/services/content/v1/content.proto: methods and field numbers of the service
// containerd.services.content.v1.Content, which buildkitd serves too.

const answerField = { info: 1 } as const;
const infoField = { digest: 1, size: 2, labels: 5 } as const;
const readRequest = { digest: 1, offset: 2, size: 3 } as const;
const readField = { data: 2 } as const;

// A list longer than this is no store's: a blob has some hundred bytes in it.
const mostListBytes = 256 * 1024 * 1024;
const mostBlobs = 1_000_000;

// Most blobs of a build's history have none.
const noLabels: ReadonlyMap<string, string> = new Map();

/** Reads a store of blobs. Every method throws BackendError. */
export interface Content {
  /** All blobs that the store's metadata has. Their files are not looked at. */
  readonly list: () => Promise<readonly Blob[]>;
  /** A blob by the store's metadata; null where it has none. */
  readonly info: (digest: string) => Promise<Blob | null>;
  /**
   * A blob's bytes from an offset on, as they arrive: fewer than it should have where its file is short.
   * @param length how many; by default all.
   * @throws GrpcStatusError (`NOT_FOUND`) where there is no file.
   */
  readonly read: (digest: string, offset: number, length?: number) => AsyncGenerator<Uint8Array>;
}

/** @param headers of each request: containerd's namespace. */
export function openContent(
  connection: GrpcConnection,
  headers: Readonly<Record<string, string>> = {},
): Content {
  const method = (name: string, request: Uint8Array): RpcMethod => ({
    path: `/containerd.services.content.v1.Content/${name}`,
    since: 'containerd, or buildkitd v0.11 or later',
    request,
    headers,
  });
  return {
    async list() {
      const blobs: Blob[] = [];
      let listBytes = 0;
      let blobBytes = 0;
      for await (const message of connection.stream(method('List', new Uint8Array()))) {
        for (const blob of decodeBlobs(message)) {
          blobs.push(blob);
          blobBytes += blob.bytes;
        }
        listBytes += message.length;
        if (listBytes > mostListBytes || blobs.length > mostBlobs) {
          throw malformed('the list of blobs does not end');
        }
      }
      if (!Number.isSafeInteger(blobBytes)) {
        throw malformed('the blobs are larger than any disk');
      }
      return blobs;
    },
    async info(digest) {
      const request = encodeMessage([[infoField.digest, digest]]);
      const answer = await connection.call(method('Info', request)).catch(nullIfNotFound);
      if (answer === null) {
        return null;
      }
      const [blob] = answer.flatMap(decodeBlobs);
      if (blob === undefined) {
        throw malformed('it has no blob');
      }
      return blob;
    },
    async *read(digest, offset, length = 0) {
      const request = encodeMessage([
        [readRequest.digest, digest],
        [readRequest.offset, BigInt(offset)],
        [readRequest.size, BigInt(length)],
      ]);
      for await (const message of connection.stream(method('Read', request))) {
        yield bytesField(readFields(message), readField.data);
      }
    },
  };
}

/** The blobs in a part of the answer of `List`, or the one in that of `Info`. */
export function decodeBlobs(message: Uint8Array): readonly Blob[] {
  return messageFields(readFields(message), answerField.info).map(decodeBlob);
}

function decodeBlob(info: readonly Field[]): Blob {
  const digest = textField(info, infoField.digest);
  const size = BigInt.asIntN(64, varintOf(info, infoField.size));
  if (!/^[a-z0-9+._-]{1,32}:[A-Za-z0-9=_-]{1,256}$/.test(digest)) {
    throw malformed('a blob has no digest');
  }
  if (size < 0n || size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw malformed(`a blob has a size of ${size} bytes`);
  }
  const labels = textMapField(info, infoField.labels);
  return { digest, bytes: Number(size), labels: labels.size === 0 ? noLabels : labels };
}

/** Null for the answer that there is no such thing. @throws every other error */
export function nullIfNotFound(error: unknown): null {
  if (isStatus(error, 'NOT_FOUND')) {
    return null;
  }
  throw error;
}

/** Whether the daemon itself answered with one of these statuses. */
export function isStatus(error: unknown, ...statuses: readonly string[]): boolean {
  return (
    codeOf(error) === 'ERR_GRPC_STATUS' && statuses.includes((error as GrpcStatusError).status)
  );
}
