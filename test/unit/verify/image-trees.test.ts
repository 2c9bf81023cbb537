import { describe, expect, it } from 'vitest';
import { checkBlobs, createFindings } from '../../../src/verify/check-blobs.ts';
import { followImages } from '../../../src/verify/image-trees.ts';
import { judgeImage } from '../../../src/verify/judge-images.ts';
import type { ImageSnapshots } from '../../../src/verify/snapshots.ts';
import type { ImageReport } from '../../../src/verify/types.ts';
import { createStored, type Stored } from '../support/stored.ts';

const named = (digest: string) => ({ digest });
const snapshot = { 'containerd.io/gc.ref.snapshot.overlayfs': 'sha256:chain' };

interface Platform {
  readonly manifest: string;
  readonly config: string;
  readonly layers: readonly string[];
}

/** Adds a platform with two layers, and with labels on its config. */
function addPlatform({ add }: Stored, name: string, labels: Record<string, string> = {}): Platform {
  const layers = ['lower', 'upper'].map((layer) => add({ layer, name }));
  const config = add({ name }, labels);
  const manifest = add({ config: named(config), layers: layers.map(named) });
  return { manifest, config, layers };
}

function forget({ listed }: Stored, ...digests: readonly string[]): void {
  for (const digest of digests) {
    listed.delete(digest);
  }
}

/** What comes of one image, and of its snapshots. */
async function judge(stored: Stored, digest: string) {
  const { content, listed } = stored;
  const findings = createFindings();
  const [tree] = await followImages([{ name: 'a', digest }], listed, content, findings.add);
  const blobs = [...listed.values()].filter((blob) => findings.get(blob.digest) === undefined);
  const options = { store: '', digests: false, onProgress: () => {} };
  await checkBlobs({ ...options, content, blobs, onFinding: findings.add });
  if (tree === undefined) {
    throw new Error('No image was followed');
  }
  const snapshots = tree.platforms.flatMap((platform) => platform.snapshots);
  const checked: ImageSnapshots = {
    ...{ checked: snapshots.length, folders: null, broken: [], unchecked: [] },
    ...{ checkedImages: new Set(['a']), isOfImage: () => true },
  };
  return { image: judgeImage(tree, findings, checked), snapshots };
}

const whole: Partial<ImageReport> = { state: 'whole', isIncomplete: false, brokenBlobs: [] };

describe('an image', () => {
  it('is whole with a platform that is, whatever others its index names', async () => {
    const stored = createStored();
    const [pulled, other] = [addPlatform(stored, 'amd64'), addPlatform(stored, 'arm64')];
    const index = stored.add({ manifests: [named(pulled.manifest), named(other.manifest)] });
    expect((await judge(stored, index)).image).toMatchObject(whole);
    // A pull of all metadata leaves the layers out, and any other pull the manifest as well.
    forget(stored, ...other.layers);
    expect((await judge(stored, index)).image).toMatchObject(whole);
    forget(stored, other.config, other.manifest);
    expect((await judge(stored, index)).image).toMatchObject(whole);
  });

  it('may be a manifest without an index, or an index of indexes', async () => {
    const stored = createStored();
    const { manifest } = addPlatform(stored, 'amd64');
    expect((await judge(stored, manifest)).image).toMatchObject(whole);
    const index = stored.add({ manifests: [named(manifest)] });
    const outer = stored.add({ manifests: [named(index), named(index)] });
    expect((await judge(stored, outer)).image).toMatchObject(whole);
  });

  it('needs no layers once they are unpacked', async () => {
    const stored = createStored();
    const { manifest, layers } = addPlatform(stored, 'amd64', snapshot);
    forget(stored, ...layers);
    expect(await judge(stored, manifest)).toMatchObject({
      image: whole,
      snapshots: [{ snapshotter: 'overlayfs', key: 'sha256:chain' }],
    });
  });

  it('is incomplete, and so damaged, without any such platform', async () => {
    const incomplete = { state: 'damaged', isIncomplete: true, brokenBlobs: [] };
    for (const lost of ['index', 'manifest', 'config', 'layer'] as const) {
      const stored = createStored();
      const { manifest, config, layers } = addPlatform(stored, 'amd64');
      const index = stored.add({ manifests: [named(manifest)] });
      forget(stored, { index, manifest, config, layer: layers[0] ?? '' }[lost]);
      expect((await judge(stored, index)).image).toMatchObject(incomplete);
    }
  });

  it('is damaged by any of its blobs that is listed and not there', async () => {
    for (const lost of ['index', 'manifest', 'config', 'layer'] as const) {
      const stored = createStored();
      const [pulled, other] = [addPlatform(stored, 'amd64'), addPlatform(stored, 'arm64')];
      const index = stored.add({ manifests: [named(pulled.manifest), named(other.manifest)] });
      const digest = {
        index,
        manifest: other.manifest,
        config: other.config,
        layer: other.layers[1] ?? '',
      }[lost];
      stored.lose(digest);
      expect((await judge(stored, index)).image).toMatchObject({
        ...{ state: 'damaged', isIncomplete: false, brokenBlobs: [digest] },
      });
    }
  });

  it('is unknown where its index is neither an index nor a manifest', async () => {
    const stored = createStored();
    const unknown = { state: 'unknown', isIncomplete: false };
    expect((await judge(stored, stored.add({ a: 1 }))).image).toMatchObject(unknown);
  });
});
