import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Containerd, outside, snapshotFolder } from '../support/containerd.ts';
import { type Image, imageOf, layerOf } from '../support/oci-images.ts';
import { startRelay } from '../support/relay.ts';
import type { Sandbox } from '../support/sandbox.ts';
import {
  answerOf,
  base,
  change,
  harm,
  it,
  logged,
  one,
  remove,
  startVerify,
  two,
  verify,
} from '../support/verify.ts';

const other = { ...imageOf([layerOf('other')]), name: 'docker.io/library/other:1' };
const all = { [one.name]: one, [other.name]: other, [two.name]: two };

async function removeBroken(sandbox: Sandbox, ...options: readonly string[]) {
  const args = ['--remove-broken', '--json', ...options];
  const ended = await (await startVerify(sandbox, ...args)).ended;
  return { code: ended.code, answer: answerOf(ended), removals: logged(ended, 'image-removal') };
}

async function namesIn({ ctr }: Containerd): Promise<string[]> {
  return (await ctr('images', 'ls', '--quiet')).trim().split('\n');
}

const whole = (of: Readonly<Record<string, Image>>) => ({
  code: 0,
  answer: {
    ...{ state: 'whole', error: null },
    images: Object.keys(of).map((name) => ({ name, state: 'whole' })),
  },
});

const removalOf = ({ name, target }: Image & { readonly name: string }) => ({
  ...{ level: 'warn', name, digest: target.digest },
  message: expect.stringContaining(name),
});

describe.concurrent('verify --remove-broken', () => {
  it.for([
    ['a shared layer is gone', base, remove, []],
    ['a shared layer is changed', base, change, ['--digests']],
  ] as const)(
    'removes the names of all damaged images, which can then be had anew: %s',
    async ([, blob, how, options], { sandbox, containerd }) => {
      await containerd.load(all);
      harm(sandbox, blob, how);
      const before = await containerd.ctr('content', 'ls');
      const { code, answer, removals } = await removeBroken(sandbox, ...options);
      expect(removals).toMatchObject([removalOf(one), removalOf(two)]);
      expect({ code, answer }).toMatchObject(whole({ [other.name]: other }));
      expect(answer.removed).toEqual([one.name, two.name]);
      expect(await namesIn(containerd)).toEqual([other.name]);
      // What the whole image needs is still there, and nothing else.
      const kept = (await containerd.ctr('content', 'ls', '--quiet')).trim().split('\n');
      expect(kept.sort()).toEqual(other.blobs.map(({ digest }) => digest).sort());
      expect(before).toContain(base.digest);
      await containerd.load(all);
      expect(await verify(sandbox, '--digests', '--snapshots')).toMatchObject(whole(all));
    },
  );

  it('removes nothing where all is whole', async ({ sandbox, containerd }) => {
    await containerd.load(all);
    const { code, answer, removals } = await removeBroken(sandbox, '--digests', '--snapshots');
    expect({ code, answer }).toMatchObject(whole(all));
    expect([answer.removed, removals]).toEqual([[], []]);
    expect(await namesIn(containerd)).toEqual(Object.keys(all));
  });

  it('removes nothing without it', async ({ sandbox, containerd }) => {
    await containerd.load(all);
    harm(sandbox, base, remove);
    const { code, answer } = await verify(sandbox);
    expect([code, answer.removed]).toEqual([5, []]);
    expect(await namesIn(containerd)).toEqual(Object.keys(all));
  });

  it('removes nothing where anything could not be checked', async ({ sandbox, containerd }) => {
    await containerd.load(all);
    harm(sandbox, base, remove);
    harm(sandbox, other.config, (file) => {
      rmSync(file);
      mkdirSync(file);
    });
    const { code, answer, removals } = await removeBroken(sandbox);
    expect(code).toBe(5);
    expect(answer).toMatchObject({
      ...{ state: 'damaged', removed: [], error: { code: 'ERR_NOT_REMOVED' } },
    });
    expect(removals).toEqual([]);
    expect(await namesIn(containerd)).toEqual(Object.keys(all));
  });

  it.for(['native', 'overlayfs'])(
    'removes the name of an image without its snapshot, which can then be had anew: %s',
    async (snapshotter, { sandbox, containerd }) => {
      const options = ['--snapshotter', snapshotter];
      await containerd.load({ [one.name]: one, [other.name]: other }, ...options);
      rmSync(outside(sandbox, snapshotFolder(snapshotter, 2)), { recursive: true });
      const { code, answer, removals } = await removeBroken(sandbox, '--snapshots');
      expect(removals).toMatchObject([removalOf(one)]);
      expect({ code, answer }).toMatchObject(whole({ [other.name]: other }));
      await containerd.load({ [one.name]: one }, ...options);
      expect(await verify(sandbox, '--snapshots')).toMatchObject(
        whole({ [one.name]: one, [other.name]: other }),
      );
    },
  );

  it.for(['native', 'overlayfs'])(
    'removes the names of all images on top of a lost snapshot: %s',
    async (snapshotter, { sandbox, containerd }) => {
      const name = 'docker.io/library/base:1';
      const onBase = { [name]: imageOf([base]), [one.name]: one };
      await containerd.load(onBase, '--snapshotter', snapshotter);
      rmSync(outside(sandbox, snapshotFolder(snapshotter, 1)), { recursive: true });
      const { code, answer } = await removeBroken(sandbox, '--snapshots');
      expect([code, answer.removed]).toEqual([0, [name, one.name]]);
      await containerd.load(onBase, '--snapshotter', snapshotter);
      expect(await verify(sandbox, '--snapshots')).toMatchObject(whole(onBase));
    },
  );

  it('removes the name of an image that is incomplete', async ({ sandbox, containerd }) => {
    await containerd.load(all, '--no-unpack');
    await containerd.ctr('content', 'rm', one.ownLayer.digest);
    const { code, answer } = await removeBroken(sandbox);
    expect([code, answer.removed]).toEqual([0, [one.name]]);
    expect(await namesIn(containerd)).toEqual([other.name, two.name].sort());
  });

  it('says what it has removed where containerd is lost', async ({
    sandbox,
    containerd,
    onTestFinished,
  }) => {
    await containerd.load(all);
    harm(sandbox, base, remove);
    const path = join(sandbox.directory, 'relay.sock');
    // The request to remove a name has a field for waiting behind it.
    const removal = new RegExp(`${two.name}\x10\x01`);
    const relay = await startRelay(path, outside(sandbox, containerd.socket), removal, {
      withholds: true,
    });
    onTestFinished(relay.close);
    const options = ['--remove-broken', '--json', '--containerd', path];
    const verifying = await startVerify(sandbox, ...options);
    await relay.seen;
    await containerd.process.signal('SIGKILL');
    const ended = await verifying.ended;
    expect(ended.code).toBe(5);
    expect(answerOf(ended)).toMatchObject({
      ...{ state: 'damaged', removed: [one.name], error: { code: 'ERR_ANSWER_CUT' } },
    });
    expect(logged(ended, 'image-removal')).toMatchObject([removalOf(one), removalOf(two)]);
  });

  it('does not remove a broken blob that no image uses', async ({ sandbox, containerd }) => {
    await containerd.load(all);
    await containerd.ctr('content', 'label', base.digest, 'containerd.io/gc.root=now');
    harm(sandbox, base, remove);
    const { code, answer } = await removeBroken(sandbox);
    expect(code).toBe(5);
    expect(answer).toMatchObject({
      ...{ state: 'damaged', removed: [one.name, two.name], error: null },
      blobs: { missing: [{ digest: base.digest, usedBy: [] }] },
    });
  });

  it('is not needed where the commands of the answer are run', async ({ sandbox, containerd }) => {
    await containerd.load(all);
    await containerd.ctr('content', 'label', base.digest, 'containerd.io/gc.root=now');
    await containerd.ctr('images', 'rm', '--sync', one.name);
    await containerd.ctr('images', 'rm', '--sync', two.name);
    harm(sandbox, base, remove);
    await containerd.ctr('snapshots', 'rm', other.chainId);
    const { code, text } = await verify(sandbox);
    expect(code).toBe(5);
    const commands = text.match(/(?<=^ {2})ctr .*/gm) ?? [];
    expect(commands).toHaveLength(2);
    for (const command of commands) {
      expect(await (await sandbox.start(['sh', '-c', command])).ended).toMatchObject({ code: 0 });
    }
    expect(await verify(sandbox)).toMatchObject(whole({}));
    await containerd.load(all);
    expect(await verify(sandbox, '--snapshots')).toMatchObject(whole(all));
  });
});
