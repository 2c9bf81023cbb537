import { callError } from '../grpc/errors.ts';
import { checkBlob } from './check-blob.ts';
import type { Content } from './content.ts';
import type { Blob, BlobFinding } from './types.ts';

// The documents of an image: https://github.com/opencontainers/image-spec. Docker's older forms have the same fields.

// What containerd accepts at most.
const longestDocumentBytes = 8 * 1024 * 1024;

/** An index or a manifest, by the digests in it. */
export type ImageDocument =
  | { readonly kind: 'index'; readonly manifests: readonly string[] }
  | { readonly kind: 'manifest'; readonly config: string; readonly layers: readonly string[] };

/** A blob that should be a document. The document is null unless the blob is whole. */
export interface ReadDocument {
  readonly finding: BlobFinding;
  readonly document: ImageDocument | null;
}

/** Reads an index or a manifest. @throws BackendError when the store can't be asked any more */
export async function readDocument(content: Content, blob: Blob): Promise<ReadDocument> {
  if (blob.bytes > longestDocumentBytes) {
    return unreadable(`a document of ${blob.bytes} bytes is too large for an index or a manifest`);
  }
  const chunks: Uint8Array[] = [];
  const finding = await checkBlob(content, blob, (chunk) => void chunks.push(chunk));
  if (finding.kind !== 'whole') {
    return { finding, document: null };
  }
  const document = parseDocument(Buffer.concat(chunks).toString());
  return document === null
    ? unreadable('a document that should be an index or a manifest is neither')
    : { finding, document };
}

function unreadable(message: string): ReadDocument {
  const error = callError('ERR_DOCUMENT', message);
  return { finding: { kind: 'unknown', error }, document: null };
}

export function parseDocument(text: string): ImageDocument | null {
  const { manifests, config, layers } = fieldsOf(parseJson(text));
  if (Array.isArray(manifests)) {
    const digests = manifests.map(digestOf);
    return digests.every(isText) ? { kind: 'index', manifests: digests } : null;
  }
  const configDigest = digestOf(config);
  // Go writes an empty list as null.
  const layerDigests = Array.isArray(layers) ? layers.map(digestOf) : layers === null ? [] : [null];
  return isText(configDigest) && layerDigests.every(isText)
    ? { kind: 'manifest', config: configDigest, layers: layerDigests }
    : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function digestOf(descriptor: unknown): unknown {
  return fieldsOf(descriptor)['digest'];
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
