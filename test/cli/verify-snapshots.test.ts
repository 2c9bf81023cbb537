import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type BoltBucket, boltFile } from '../support/bolt.ts';
import { startCli } from '../support/cli.ts';
import { startStore } from '../support/content.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';

const unix = 'unix:///run/buildkitd.sock';
const kinds = { view: 1, active: 2, committed: 3 } as const;

/** A snapshotter's folder in the state folder of a stand-in, and its metadata. */
interface Snapshotter {
  readonly metadata: string;
  readonly folderOf: (id: number) => string;
}

/** Makes snapshots with the ids 1, 2, 300 and so on, each with its folder. */
function createSnapshots(root: string, worker: string, ...ids: readonly number[]): Snapshotter {
  const snapshots = join(root, worker, 'snapshots');
  const folderOf = (id: number): string => join(snapshots, 'snapshots', String(id));
  for (const id of ids) {
    mkdirSync(folderOf(id), { recursive: true });
  }
  const metadata = join(snapshots, 'metadata.db');
  writeMetadata(metadata, ...ids.map((id) => ({ id, kind: kinds.committed })));
  return { metadata, folderOf };
}

function writeMetadata(path: string, ...snapshots: { id: number; kind: number }[]): void {
  const buckets = snapshots.map(({ id, kind }): [string, BoltBucket] => [
    `buildkit/${id}/key`,
    new Map([
      ['id', Uint8Array.from(id < 128 ? [id] : [(id & 0x7f) | 0x80, id >> 7])],
      ['kind', Uint8Array.of(kind)],
    ]),
  ]);
  writeFileSync(path, boltFile(new Map([['v1', new Map([['snapshots', new Map(buckets)]])]])));
}

/** A stand-in with this state folder, and what `verify` says of it. */
async function checking(sandbox: Sandbox, root: string) {
  const through = ['sh', '-c', `exec "$0" "$@" --root ${root}`];
  const { buildkitd } = await startStore(sandbox, 'content', { through });
  await buildkitd.listen(unix);
  return async (...args: readonly string[]) => {
    const cli = await startCli(sandbox, ['verify', '--log-to=stderr', ...args]);
    const { code, stdout } = await cli.ended;
    return { code, text: stdout };
  };
}

describe.concurrent('the snapshots of a buildkitd whose folder can be read', () => {
  it('are whole if each has its folder', async ({ sandbox }) => {
    const root = join(sandbox.directory, 'state');
    createSnapshots(root, 'runc-overlayfs', 1, 2, 300);
    createSnapshots(root, 'runc-native', 1);
    const verify = await checking(sandbox, root);
    const { code, text } = await verify('--json');
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      ...{ state: 'whole', snapshots: { checked: 4, checkedFolders: 4, broken: [] } },
    });
    expect((await verify()).text).toMatch(/^Whole: 0 blobs \(0 B\) and 4 snapshots of unix:/);
  });

  it('are damaged if one has none', async ({ sandbox }) => {
    const root = join(sandbox.directory, 'state');
    const { folderOf } = createSnapshots(root, 'runc-overlayfs', 1, 2, 300);
    rmSync(folderOf(300), { recursive: true });
    const verify = await checking(sandbox, root);
    const { code, text } = await verify('--json');
    expect(code).toBe(5);
    expect(JSON.parse(text)).toMatchObject({
      state: 'damaged',
      snapshots: {
        checked: 3,
        broken: [
          {
            ...{ store: unix, snapshotter: 'runc-overlayfs', key: 'buildkit/300/key' },
            ...{ kind: 'folder-missing', missingFolders: [folderOf(300)], usedBy: [] },
          },
        ],
      },
    });
    const told = await verify();
    expect(told.code).toBe(5);
    expect(told.text).toContain(`  missing: ${folderOf(300)}, the snapshot buildkit/300/key`);
  });

  it('need no folder as views, nor a snapshot for each folder', async ({ sandbox }) => {
    const root = join(sandbox.directory, 'state');
    const { metadata, folderOf } = createSnapshots(root, 'runc-overlayfs', 1, 2);
    writeMetadata(metadata, { id: 2, kind: kinds.active }, { id: 3, kind: kinds.view });
    const verify = await checking(sandbox, root);
    expect((await verify()).code).toBe(0);
    rmSync(folderOf(2), { recursive: true });
    expect((await verify()).code).toBe(5);
  });

  it.for(['a FIFO', 'garbage', 'nothing'])(
    'are not checked where their metadata is %s, and that is said',
    async (what, { sandbox }) => {
      const root = join(sandbox.directory, 'state');
      const { metadata } = createSnapshots(root, 'runc-overlayfs', 1);
      rmSync(metadata);
      if (what === 'a FIFO') {
        spawnSync('mkfifo', [metadata]);
      } else if (what === 'garbage') {
        writeFileSync(metadata, 'garbage'.repeat(10_000));
      }
      const verify = await checking(sandbox, root);
      const { text } = await verify('--json');
      expect(JSON.parse(text)).toMatchObject({ state: 'whole', snapshots: null });
    },
  );
});
