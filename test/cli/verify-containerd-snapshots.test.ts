import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { cliPath } from '../support/cli.ts';
import { type Containerd, outside, snapshotFolder, socket } from '../support/containerd.ts';
import type { Image } from '../support/oci-images.ts';
import { startRelay } from '../support/relay.ts';
import { run } from '../support/running.ts';
import type { Sandbox } from '../support/sandbox.ts';
import {
  answerOf,
  base,
  harm,
  images,
  imageUser,
  it,
  one,
  remove,
  startVerify,
  two,
  verify,
} from '../support/verify.ts';

const snapshotters = ['native', 'overlayfs'] as const;
type Snapshotter = (typeof snapshotters)[number];

// containerd numbers the folders of snapshots. An image of two layers has the first two.
const [lower, top] = [1, 2];

/** Where the files of a snapshot are. */
function filesOf(snapshotter: Snapshotter, n: number): string {
  return `${snapshotFolder(snapshotter, n)}${snapshotter === 'overlayfs' ? '/fs' : ''}`;
}

function removeFolder(sandbox: Sandbox, folder: string): void {
  rmSync(outside(sandbox, folder), { recursive: true });
}

function load(
  containerd: Containerd,
  snapshotter: Snapshotter,
  of: Readonly<Record<string, Image>> = { [one.name]: one },
): Promise<void> {
  return containerd.load(of, '--snapshotter', snapshotter);
}

const whole = {
  code: 0,
  answer: { state: 'whole', snapshots: { broken: [], unchecked: [] }, error: null },
};

const withoutFolder = (
  snapshotter: Snapshotter,
  key: string,
  folder: string,
  names: readonly string[] = [one.name],
) => ({
  code: 5,
  text: expect.stringContaining(
    `\n  missing: ${folder}, the snapshot ${key} of ${snapshotter}; used by ${names.map((name) => `image ${name}`).join(', ')}\n`,
  ),
  answer: {
    state: 'damaged',
    blobs: { missing: [], unchecked: [] },
    images: names.map((name) => ({ name, state: 'damaged', brokenSnapshots: [key] })),
    snapshots: {
      broken: [
        {
          ...{ snapshotter, key, kind: 'folder-missing', missingFolders: [folder] },
          usedBy: names.map(imageUser),
        },
      ],
    },
    error: null,
  },
});

/** All that containerd has: what its API lists, and its files. */
async function stateOf({ sandbox, ctr }: Containerd): Promise<readonly string[]> {
  const lists = [
    ctr('namespaces', 'ls'),
    ctr('images', 'ls'),
    ctr('content', 'ls'),
    ctr('content', 'active'),
    ctr('leases', 'ls'),
    ...snapshotters.map((each) => ctr('snapshots', '--snapshotter', each, 'ls')),
  ];
  const folder = outside(sandbox, '/run/containerd/root');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => {
    const stats = statSync(join(folder, path));
    return stats.isDirectory() || path.endsWith('.db') ? path : `${path} ${stats.size}`;
  });
  // Labels come in any order, and a blob's age beside them.
  const texts = (await Promise.all(lists)).map((text) => {
    const lasting = text.replaceAll(/(Less than a|About a|\d+) (second|minute)s?/g, '');
    return lasting
      .split(/[\s,]+/)
      .sort()
      .join(' ');
  });
  return [...texts, ...files.sort()];
}

describe.concurrent('verify of the snapshots of images', () => {
  it.for(snapshotters)(
    'finds a lost folder of a snapshot that no image uses, in its namespace alone: %s',
    async (snapshotter, { sandbox, containerd: { ctr } }) => {
      const prepare = ['snapshots', '--snapshotter', snapshotter, 'prepare', 'work'];
      await ctr(...prepare);
      await ctr('--namespace', 'other', ...prepare);
      expect(await verify(sandbox, '--snapshots')).toMatchObject({
        ...whole,
        answer: { snapshots: { checked: 1, checkedFolders: 1 } },
      });
      removeFolder(sandbox, snapshotFolder(snapshotter, 2));
      expect(await verify(sandbox, '--snapshots')).toMatchObject(whole);

      const folder = snapshotFolder(snapshotter, 1);
      removeFolder(sandbox, folder);
      expect(await verify(sandbox)).toMatchObject(whole);
      const broken = { snapshotter, key: 'work', kind: 'folder-missing', usedBy: [] };
      expect(await verify(sandbox, '--snapshots')).toMatchObject({
        code: 5,
        text: expect.stringContaining(`missing: ${folder}, the snapshot work of ${snapshotter}\n`),
        answer: { snapshots: { broken: [{ ...broken, missingFolders: [folder] }] } },
      });
    },
  );

  it.for(snapshotters)(
    'looks at a folder for each layer, with --snapshots: %s',
    async (snapshotter, { sandbox, containerd }) => {
      await load(containerd, snapshotter, images);
      // The two images have one layer in common.
      const checked = { checked: 3, broken: [], unchecked: [] };
      expect((await verify(sandbox)).answer.snapshots).toEqual({
        ...checked,
        checkedFolders: null,
      });
      const { answer } = await verify(sandbox, '--snapshots');
      expect(answer.snapshots).toEqual({ ...checked, checkedFolders: 3 });
    },
  );

  it.for(snapshotters)(
    'finds that the folder of the last layer is gone, with --snapshots: %s',
    async (snapshotter, { sandbox, containerd }) => {
      await load(containerd, snapshotter);
      removeFolder(sandbox, snapshotFolder(snapshotter, top));
      expect(await verify(sandbox)).toMatchObject(whole);
      expect(await verify(sandbox, '--snapshots')).toMatchObject(
        withoutFolder(snapshotter, one.chainId, filesOf(snapshotter, top)),
      );
    },
  );

  it.for(snapshotters)(
    'finds that the folder of a layer of two images is gone: %s',
    async (snapshotter, { sandbox, containerd }) => {
      await load(containerd, snapshotter, images);
      removeFolder(sandbox, filesOf(snapshotter, lower));
      expect(await verify(sandbox)).toMatchObject(whole);
      const names = [one.name, two.name];
      expect(await verify(sandbox, '--snapshots')).toMatchObject(
        withoutFolder(snapshotter, base.diffId, filesOf(snapshotter, lower), names),
      );
    },
  );

  it.for(snapshotters)(
    'finds that a snapshot is not in the metadata: %s',
    async (snapshotter, { sandbox, containerd }) => {
      await load(containerd, snapshotter, images);
      await containerd.ctr('snapshots', '--snapshotter', snapshotter, 'rm', one.chainId);
      for (const options of [[], ['--snapshots']]) {
        const { code, text, answer } = await verify(sandbox, ...options);
        expect(code).toBe(5);
        expect(text).toContain(
          `\n  missing: the snapshot ${one.chainId} of ${snapshotter}; used by image ${one.name}\n`,
        );
        expect(answer).toMatchObject({
          images: [
            { state: 'damaged', brokenSnapshots: [one.chainId] },
            { state: 'whole', brokenSnapshots: [] },
          ],
          snapshots: {
            checked: 3,
            checkedFolders: options.length === 0 ? null : 2,
            broken: [{ snapshotter, key: one.chainId, kind: 'missing', missingFolders: [] }],
          },
        });
      }
    },
  );

  it('looks at each snapshotter that an image was unpacked by', async ({ sandbox, containerd }) => {
    await load(containerd, 'native');
    await load(containerd, 'overlayfs');
    expect(await verify(sandbox, '--snapshots')).toMatchObject({
      ...{ code: 0, answer: { snapshots: { checked: 4, checkedFolders: 4 } } },
    });
    removeFolder(sandbox, snapshotFolder('native', top));
    const { answer } = await verify(sandbox, '--snapshots');
    expect(answer.snapshots?.broken).toMatchObject([{ snapshotter: 'native' }]);
  });

  it('does not know where the folders of containerd are not seen', async ({
    sandbox,
    containerd,
  }) => {
    await load(containerd, 'overlayfs');
    const elsewhere = ['--containerd', outside(sandbox, socket)];
    const { code, stdout } = await run([
      ...[process.execPath, cliPath, 'verify', '--snapshots', ...elsewhere],
    ]).ended;
    expect(code).toBe(4);
    expect(stdout).toMatch(/^Unknown: .*containerd's folders can't be seen from here/);
    const json = await run([
      ...[process.execPath, cliPath, 'verify', '--snapshots', '--json', ...elsewhere],
    ]).ended;
    expect(answerOf(json).images).toMatchObject([{ name: one.name, state: 'unknown' }]);
  });
});

describe.concurrent('verify', () => {
  it.for([[[]], [['--digests', '--snapshots']]])(
    'changes nothing: %s',
    async ([options = []], { sandbox, containerd }) => {
      await load(containerd, 'native');
      await load(containerd, 'overlayfs', images);
      const before = await stateOf(containerd);
      expect((await verify(sandbox, ...options)).code).toBe(0);
      expect(await stateOf(containerd)).toEqual(before);

      removeFolder(sandbox, snapshotFolder('native', top));
      removeFolder(sandbox, snapshotFolder('overlayfs', top));
      harm(sandbox, one.ownLayer, remove);
      const damaged = await stateOf(containerd);
      expect((await verify(sandbox, ...options)).code).toBe(5);
      expect(await stateOf(containerd)).toEqual(damaged);
    },
  );

  // In the request for a view its name follows that of the snapshotter.
  const viewAsked = /overlayfs.{2}buildkit-drain-verify-/s;

  it.for([
    ['is killed', 'SIGKILL', null],
    ['is interrupted', 'SIGINT', 130],
  ] as const)(
    'leaves a lease that expires where it %s while it has a view',
    async ([, signal, exitCode], { sandbox, containerd, onTestFinished }) => {
      await load(containerd, 'overlayfs');
      const path = join(sandbox.directory, 'relay.sock');
      const to = outside(sandbox, socket);
      const relay = await startRelay(path, to, viewAsked, { withholds: true });
      onTestFinished(relay.close);
      const options = ['--containerd', path, '--snapshots', '--json'];
      const verifying = await startVerify(sandbox, ...options);
      await relay.seen;
      await verifying.signal(signal);
      const ended = await verifying.ended;
      if (exitCode !== null) {
        expect(ended.code).toBe(exitCode);
        expect(answerOf(ended)).toMatchObject({ state: 'unknown' });
      }
      const [, time = ''] =
        /^buildkit-drain-verify-\S+ .*containerd\.io\/gc\.expire=(\S+)/m.exec(
          await containerd.ctr('leases', 'ls'),
        ) ?? [];
      const leftMs = Date.parse(time) - Date.now();
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThan(3_600_000);
      // What is left does not disturb the next one.
      expect(await verify(sandbox, '--snapshots')).toMatchObject(whole);
    },
  );
});
