import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** A blob of an image. */
export interface ImageBlob {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

interface Layer extends ImageBlob {
  /** The digest of the layer as it is unpacked. */
  readonly diffId: string;
}

/** What a name can stand for. */
export interface Image {
  /** Its manifest or index. */
  readonly target: ImageBlob;
  /** All of its blobs. */
  readonly blobs: readonly ImageBlob[];
}

/** An image for one platform. */
export interface PlatformImage extends Image {
  readonly architecture: string;
  readonly config: ImageBlob;
  readonly layers: readonly Layer[];
  /** The name of the snapshot that its layers are unpacked to. */
  readonly chainId: string;
}

const types = 'application/vnd.oci.image';

/** The architectures of this machine and of another one, as images have them. */
export const architectures =
  process.arch === 'arm64' ? (['arm64', 'amd64'] as const) : (['amd64', 'arm64'] as const);

/** A layer with one file of this name, whose content is given or the name. */
export function layerOf(
  name: string,
  content = Buffer.from(name),
  { isZipped = true } = {},
): Layer {
  const archive = tarOf({ [name]: content });
  const zip = isZipped ? '+gzip' : '';
  const bytes = isZipped ? gzipSync(archive) : archive;
  return { ...blobOf(`${types}.layer.v1.tar${zip}`, bytes), diffId: digestOf(archive) };
}

export function imageOf(
  layers: readonly Layer[],
  architecture: string = architectures[0],
): PlatformImage {
  const diffIds = layers.map(({ diffId }) => diffId);
  const config = jsonBlob(`${types}.config.v1+json`, {
    ...{ architecture, os: 'linux', config: {} },
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
  const target = jsonBlob(`${types}.manifest.v1+json`, {
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
  });
  return {
    ...{ target, architecture, config, layers },
    blobs: [target, config, ...layers],
    chainId: diffIds.reduce((chain, diffId) => digestOf(Buffer.from(`${chain} ${diffId}`))),
  };
}

/** An index of images for several platforms. */
export function indexOf(images: readonly PlatformImage[]): Image {
  const target = jsonBlob(`${types}.index.v1+json`, {
    manifests: images.map((image) => ({
      ...descriptorOf(image.target),
      platform: { os: 'linux', architecture: image.architecture },
    })),
  });
  return { target, blobs: [target, ...images.flatMap(({ blobs }) => blobs)] };
}

/** An archive of images by their names, as `ctr images import` reads it. */
export function archiveOf(images: Readonly<Record<string, Image>>): Buffer {
  const manifests = Object.entries(images).map(([name, { target }]) => ({
    ...descriptorOf(target),
    annotations: { 'io.containerd.image.name': name },
  }));
  const blobs = Object.values(images).flatMap((image) => image.blobs);
  return tarOf({
    'oci-layout': jsonBytes({ imageLayoutVersion: '1.0.0' }),
    'index.json': jsonBytes({ schemaVersion: 2, manifests }),
    ...Object.fromEntries(
      blobs.map(({ digest, bytes }) => [`blobs/${digest.replace(':', '/')}`, bytes]),
    ),
  });
}

function descriptorOf({ mediaType, digest, bytes }: ImageBlob) {
  return { mediaType, digest, size: bytes.length };
}

function jsonBlob(mediaType: string, content: object): ImageBlob {
  return blobOf(mediaType, jsonBytes({ schemaVersion: 2, mediaType, ...content }));
}

function jsonBytes(content: object): Buffer {
  return Buffer.from(JSON.stringify(content));
}

function blobOf(mediaType: string, bytes: Buffer): ImageBlob {
  return { mediaType, bytes, digest: digestOf(bytes) };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

// Files in tar's format are padded to blocks of this size.
const blockBytes = 512;

function tarOf(files: Readonly<Record<string, Buffer>>): Buffer {
  const parts = Object.entries(files).flatMap(([name, bytes]) => [
    tarHeader(name, bytes.length),
    bytes,
    Buffer.alloc(-bytes.length & (blockBytes - 1)),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * blockBytes)]);
}

function tarHeader(name: string, size: number): Buffer {
  const octal = (number: number, digits: number) => number.toString(8).padStart(digits, '0');
  const header = Buffer.alloc(blockBytes);
  header.write(name, 0);
  header.write(octal(0o644, 7), 100);
  header.write(octal(size, 11), 124);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  // The checksum is that of a header with spaces in its place.
  header.fill(' ', 148, 156);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${octal(checksum, 6)}\0`, 148);
  return header;
}
