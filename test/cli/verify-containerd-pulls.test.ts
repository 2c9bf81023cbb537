import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import {
  blobFile,
  contentFolder,
  outside,
  socket,
  startContainerd,
} from '../support/containerd.ts';
import { architectures, type ImageBlob, imageOf, indexOf, layerOf } from '../support/oci-images.ts';
import { startRegistry } from '../support/registry.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { base, harm, it, remove, verify } from '../support/verify.ts';
import { waitFor } from '../support/wait-for.ts';

const [ownArchitecture, otherArchitecture] = architectures;
const [ownLayer, otherLayer] = [layerOf('own'), layerOf('other')];
const own = imageOf([base, ownLayer], ownArchitecture);
const other = imageOf([base, otherLayer], otherArchitecture);
const index = indexOf([own, other]);
const name = 'docker.io/library/index:1';

const whole = { code: 0, answer: { state: 'whole', error: null } };
const incomplete = {
  ...{ code: 5, text: expect.stringContaining(`\n  incomplete: ${name} (${index.target.digest})`) },
  answer: { blobs: { missing: [] }, images: [{ name, state: 'damaged', incomplete: true }] },
};

/** How many blobs are there, and that the image and all of them are whole. */
const wholeWith = (checked: number, imageName = name) => ({
  code: 0,
  answer: {
    blobs: { checked, missing: [], unchecked: [] },
    images: [{ name: imageName, state: 'whole', incomplete: false }],
  },
});

const missing = (blob: ImageBlob) => ({
  code: 5,
  answer: { blobs: { missing: [{ digest: blob.digest }] }, images: [{ state: 'damaged' }] },
});

function isThere(sandbox: Sandbox, { digest }: ImageBlob): boolean {
  return statSync(outside(sandbox, blobFile(digest)), { throwIfNoEntry: false }) !== undefined;
}

// Of a platform: its manifest, its config and its layers. The index is one more.
const platformBlobs = own.blobs.length;

describe.concurrent('verify of an index of two platforms', () => {
  it.for([
    ['the archive has both', index],
    ['the archive has one', { ...index, blobs: [index.target, ...own.blobs] }],
  ] as const)(
    'checks the one that was imported, where %s',
    async ([, image], { sandbox, containerd }) => {
      await containerd.load({ [name]: image });
      expect(isThere(sandbox, other.target)).toBe(false);
      expect(await verify(sandbox, '--snapshots')).toMatchObject(wholeWith(1 + platformBlobs));
      harm(sandbox, ownLayer, remove);
      expect(await verify(sandbox)).toMatchObject(missing(ownLayer));
    },
  );

  it('checks both where both were imported', async ({ sandbox, containerd }) => {
    await containerd.load({ [name]: index }, '--all-platforms');
    // The two have one layer in common.
    expect(await verify(sandbox)).toMatchObject(wholeWith(1 + 2 * platformBlobs - 1));
    harm(sandbox, otherLayer, remove);
    expect(await verify(sandbox)).toMatchObject(missing(otherLayer));
  });

  it.for([
    ['index', index.target],
    ['config', other.config],
  ] as const)('finds that its %s is gone', async ([, blob], { sandbox, containerd }) => {
    await containerd.load({ [name]: index }, '--all-platforms');
    harm(sandbox, blob, remove);
    expect(await verify(sandbox)).toMatchObject(missing(blob));
  });

  it('does not miss layers of a platform of which the metadata was pulled alone', async ({
    sandbox,
    containerd,
    onTestFinished,
  }) => {
    const registry = await startRegistry(index);
    onTestFinished(registry.close);
    await containerd.ctr('images', 'pull', '--plain-http', '--all-metadata', registry.name);
    expect([isThere(sandbox, other.config), isThere(sandbox, otherLayer)]).toEqual([true, false]);
    const checked = 1 + platformBlobs + [other.target, other.config].length;
    expect(await verify(sandbox, '--snapshots')).toMatchObject(wholeWith(checked, registry.name));
    harm(sandbox, other.config, remove);
    expect(await verify(sandbox)).toMatchObject(missing(other.config));
  });

  it('is not incomplete while another platform is there with all layers', async ({
    sandbox,
    containerd,
  }) => {
    await containerd.load({ [name]: index }, '--all-platforms', '--no-unpack');
    await containerd.ctr('content', 'rm', otherLayer.digest);
    expect(await verify(sandbox)).toMatchObject(whole);
    await containerd.ctr('content', 'rm', ownLayer.digest);
    expect(await verify(sandbox)).toMatchObject(incomplete);
  });
});

describe.concurrent('verify of an image without a layer in the metadata', () => {
  it('is not damaged where the layer was unpacked', async ({ sandbox, containerd }) => {
    await containerd.load({ [name]: index });
    await containerd.ctr('content', 'rm', ownLayer.digest);
    await containerd.collectGarbage();
    expect(isThere(sandbox, ownLayer)).toBe(false);
    expect(await verify(sandbox, '--snapshots')).toMatchObject(wholeWith(platformBlobs));
  });

  it('is incomplete where it was not', async ({ sandbox, containerd }) => {
    await containerd.load({ [name]: index }, '--no-unpack');
    expect(await verify(sandbox)).toMatchObject(whole);
    await containerd.ctr('content', 'rm', ownLayer.digest);
    expect(await verify(sandbox)).toMatchObject(incomplete);
  });

  it('is incomplete without any manifest', async ({ sandbox, containerd }) => {
    await containerd.load({ [name]: index }, '--no-unpack');
    await containerd.ctr('content', 'rm', own.target.digest);
    expect(await verify(sandbox)).toMatchObject(incomplete);
  });
});

/** How many bytes there are of each blob that was begun and not finished. */
function unfinished(sandbox: Sandbox): number[] {
  const folder = outside(sandbox, `${contentFolder}/ingest`);
  return readdirSync(folder).map((each) => statSync(join(folder, each, 'data')).size);
}

// containerd's clients send a blob by the mebibyte.
const mebibyte = 1024 * 1024;
const large = layerOf('large', Buffer.alloc(3 * mebibyte), { isZipped: false });

describe.concurrent('verify after a pull that was aborted', () => {
  it('does not mind what it has left over, also after a restart', async ({
    sandbox,
    containerd,
    onTestFinished,
  }) => {
    const image = imageOf([base, large]);
    const stalling = await startRegistry(image, large);
    const registry = await startRegistry(image);
    onTestFinished(stalling.close);
    onTestFinished(registry.close);
    const pull = ['--namespace', 'buildkit', 'images', 'pull', '--plain-http', stalling.name];
    const command = ['ctr', '--address', socket, ...pull];
    const ctr = await sandbox.start(command, { namespaces: ['mount'] });
    const rest = image.blobs.length - 1;
    await waitFor('all but a part of the layer', async () => {
      const finished = await containerd.ctr('content', 'ls', '--quiet');
      return finished.split('\n').length - 1 === rest && unfinished(sandbox).includes(mebibyte);
    });
    const wholeWithoutIt = {
      code: 0,
      answer: { state: 'whole', blobs: { checked: rest, unchecked: [] }, images: [], error: null },
    };
    expect(await verify(sandbox, '--digests')).toMatchObject(wholeWithoutIt);

    await ctr.signal('SIGKILL');
    await ctr.ended;
    await containerd.process.signal('SIGKILL');
    await containerd.process.ended;
    await startContainerd(sandbox);
    expect(unfinished(sandbox)).toEqual([mebibyte]);
    expect(await verify(sandbox, '--digests')).toMatchObject(wholeWithoutIt);

    await containerd.ctr('images', 'pull', '--plain-http', registry.name);
    expect(await verify(sandbox, '--digests')).toMatchObject(
      wholeWith(image.blobs.length, registry.name),
    );
  });
});
