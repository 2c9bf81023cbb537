import { malformed } from '../grpc/errors.ts';
import {
  encodeMessage,
  type Field,
  messageField,
  messageFields,
  readFields,
  textField,
  textFields,
  textMapField,
} from '../grpc/protobuf.ts';
import type { GrpcConnection, RpcMethod } from '../grpc/types.ts';
import { type Content, nullIfNotFound, openContent } from './content.ts';

// The needed parts of containerd's api/services: methods and field numbers of its services for images, snapshots,
// leases and introspection.

const imageField = { name: 1, target: 3 } as const;
const descriptorField = { digest: 2 } as const;
const snapshotField = { parent: 2 } as const;
const mountField = { source: 2, options: 4 } as const;
const pluginField = { exports: 5 } as const;

/** A name in the image store, and the digest of its index or manifest. */
export interface Image {
  readonly name: string;
  readonly digest: string;
}

export interface Mount {
  readonly source: string;
  readonly options: readonly string[];
}

/** What `verify` asks of a containerd, in one namespace. Every method throws BackendError. */
export interface Containerd {
  readonly content: Content;
  readonly listImages: () => Promise<readonly Image[]>;
  /** Null where there is none of this name. */
  readonly getImage: (name: string) => Promise<Image | null>;
  /** Removes a name, and what nothing else needs. Removing one that is not there does nothing. */
  readonly removeImage: (name: string) => Promise<void>;
  /** The key of a snapshot's parent: empty for one of a first layer, null if the metadata has no such snapshot. */
  readonly parentOf: (snapshot: SnapshotName) => Promise<string | null>;
  /** Makes a view of a snapshot, which its lease holds. */
  readonly viewSnapshot: (
    view: SnapshotName,
    parent: string,
    lease: string,
  ) => Promise<readonly Mount[]>;
  readonly removeSnapshot: (view: SnapshotName) => Promise<void>;
  /** @param expiresAt when containerd's garbage collection may take what the lease holds. */
  readonly createLease: (id: string, expiresAt: Date) => Promise<void>;
  /** Ends a lease, and waits until what it held is removed. */
  readonly deleteLease: (id: string) => Promise<void>;
  /** The folder of the content store, by containerd's own paths; null if it does not say. */
  readonly contentRoot: () => Promise<string | null>;
}

export interface SnapshotName {
  readonly snapshotter: string;
  /** Of an unpacked layer: the chain ID of the layers up to it. */
  readonly key: string;
}

export function openContainerd(connection: GrpcConnection, namespace: string): Containerd {
  const inNamespace = { 'containerd-namespace': namespace };

  const ask = async (
    path: string,
    fields: Parameters<typeof encodeMessage>[0],
    headers: Readonly<Record<string, string>> = inNamespace,
  ): Promise<Field[]> => {
    const method: RpcMethod = {
      path: `/containerd.services.${path}`,
      request: encodeMessage(fields),
      since: 'containerd 1.1 or later',
      headers,
    };
    const [message = new Uint8Array()] = await connection.call(method);
    return readFields(message);
  };

  return {
    content: openContent(connection, inNamespace),
    async listImages() {
      const answer = await ask('images.v1.Images/List', []);
      return messageFields(answer, 1).map(decodeImage);
    },
    async getImage(name) {
      const answer = await ask('images.v1.Images/Get', [[1, name]]).catch(nullIfNotFound);
      return answer && decodeImage(messageField(answer, 1) ?? []);
    },
    async removeImage(name) {
      await ask('images.v1.Images/Delete', [
        [1, name],
        [2, 1n],
      ]).catch(nullIfNotFound);
    },
    async parentOf({ snapshotter, key }) {
      const answer = await ask('snapshots.v1.Snapshots/Stat', [
        [1, snapshotter],
        [2, key],
      ]).catch(nullIfNotFound);
      return answer && textField(messageField(answer, 1) ?? [], snapshotField.parent);
    },
    async viewSnapshot({ snapshotter, key }, parent, lease) {
      const headers = { ...inNamespace, 'containerd-lease': lease };
      const fields = [snapshotter, key, parent].map((text, at) => [at + 1, text] as const);
      const answer = await ask('snapshots.v1.Snapshots/View', fields, headers);
      return messageFields(answer, 1).map((mount) => ({
        source: textField(mount, mountField.source),
        options: textFields(mount, mountField.options),
      }));
    },
    async removeSnapshot({ snapshotter, key }) {
      await ask('snapshots.v1.Snapshots/Remove', [
        [1, snapshotter],
        [2, key],
      ]);
    },
    async createLease(id, expiresAt) {
      const expiry = encodeMessage([
        [1, 'containerd.io/gc.expire'],
        [2, expiresAt.toISOString()],
      ]);
      await ask('leases.v1.Leases/Create', [
        [1, id],
        [3, expiry],
      ]);
    },
    async deleteLease(id) {
      await ask('leases.v1.Leases/Delete', [
        [1, id],
        [2, 1n],
      ]);
    },
    async contentRoot() {
      const filter = 'type==io.containerd.content.v1';
      const answer = await ask('introspection.v1.Introspection/Plugins', [[1, filter]]);
      const roots = messageFields(answer, 1).map((plugin) =>
        textMapField(plugin, pluginField.exports).get('root'),
      );
      return roots.find((root) => root !== undefined) ?? null;
    },
  };
}

function decodeImage(image: readonly Field[]): Image {
  const name = textField(image, imageField.name);
  const target = messageField(image, imageField.target) ?? [];
  const digest = textField(target, descriptorField.digest);
  if (name === '' || digest === '') {
    throw malformed('an image has no name or no digest');
  }
  return { name, digest };
}
