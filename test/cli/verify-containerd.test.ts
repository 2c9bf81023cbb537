import { describe, expect } from 'vitest';
import { writeArchive } from '../support/containerd.ts';
import { type ImageBlob, imageOf, layerOf } from '../support/oci-images.ts';
import {
  base,
  change,
  cut,
  empty,
  type Harm,
  harm,
  images,
  imageUser,
  it,
  lengthen,
  logged,
  one,
  remove,
  startVerify,
  two,
  verify,
} from '../support/verify.ts';

const blobs = [...new Set([...one.blobs, ...two.blobs])];
const bytesOf = (of: readonly ImageBlob[]) => of.reduce((sum, { bytes }) => sum + bytes.length, 0);

const noneBroken = { missing: [], short: [], corrupt: [], unchecked: [] };

describe.concurrent('verify of images that are whole', () => {
  it.for([[[]], [['--digests']], [['--snapshots']], [['--digests', '--snapshots']]])(
    'says so, and exits 0: %s',
    async ([options = []], { sandbox, containerd }) => {
      await containerd.load(images);
      const { code, text, answer } = await verify(sandbox, ...options);
      expect(code).toBe(0);
      expect(text).toMatch(/^Whole: 2 images, 7 blobs .* were checked, and all is there\.\n/);
      expect(text.includes('--digests compares all bytes')).toBe(!options.includes('--digests'));
      expect(answer).toMatchObject({
        state: 'whole',
        stores: [`unix://${containerd.socket}`],
        namespace: 'buildkit',
        blobs: { checked: blobs.length, bytes: bytesOf(blobs), ...noneBroken },
        images: [one, two].map(({ name, target }) => ({
          ...{ name, digest: target.digest, state: 'whole', incomplete: false },
        })),
        snapshots: {
          ...{ checked: 3, broken: [], unchecked: [] },
          checkedFolders: options.includes('--snapshots') ? 3 : null,
        },
        removed: [],
        error: null,
      });
    },
  );

  it('counts 1,000 blobs, and finds each that is broken', async ({ sandbox, containerd }) => {
    const layers = Array.from({ length: 998 }, (_, n) => layerOf(`${n}`));
    const many = imageOf(layers);
    await containerd.load({ 'docker.io/library/many:1': many }, '--no-unpack');
    for (const options of [[], ['--digests']]) {
      const { code, answer } = await verify(sandbox, ...options);
      const bytes = bytesOf(many.blobs);
      expect({ code, ...answer.blobs }).toEqual({ code: 0, checked: 1000, bytes, ...noneBroken });
    }
    layers.slice(0, 300).forEach((layer) => void harm(sandbox, layer, remove));
    layers.slice(300, 500).forEach((layer) => void harm(sandbox, layer, cut));
    const { code, answer } = await verify(sandbox);
    expect(code).toBe(5);
    expect(answer.blobs).toMatchObject({ checked: 1000, corrupt: [], unchecked: [] });
    expect([answer.blobs.missing.length, answer.blobs.short.length]).toEqual([300, 200]);
  });

  it('is the same for a namespace that does not exist, and says that it is empty', async ({
    sandbox,
    containerd,
  }) => {
    await containerd.load(images);
    const { code, text, answer } = await verify(sandbox, '--namespace', 'none', '--snapshots');
    expect(code).toBe(0);
    expect(text).toMatch(/^Whole: the namespace none of unix:\S+ is empty\.\n/);
    expect(answer).toMatchObject({ state: 'whole', namespace: 'none', images: [], error: null });
    expect(await containerd.ctr('namespaces', 'ls', '--quiet')).toBe('buildkit\n');
  });

  it('looks at one namespace', async ({ sandbox, containerd }) => {
    const name = 'docker.io/library/other:1';
    const layer = layerOf('other');
    const archive = writeArchive(sandbox, { [name]: imageOf([layer]) });
    await containerd.ctr('--namespace', 'k8s.io', 'images', 'import', archive);
    harm(sandbox, layer, remove);
    await containerd.load(images);
    expect(await verify(sandbox)).toMatchObject({ code: 0, answer: { state: 'whole' } });
    const { code, text, answer } = await verify(sandbox, '--namespace', 'k8s.io');
    expect(code).toBe(5);
    expect(text).toContain(`--namespace k8s.io images rm --sync ${name}\n`);
    expect(answer).toMatchObject({ images: [{ name, state: 'damaged' }] });
  });

  it.for([
    ['a file that is longer than it was', lengthen, ['--digests']],
    ['a changed layer, of which only the last byte is read', change, []],
  ] as const)('does not mind %s', async ([, how, options], { sandbox, containerd }) => {
    await containerd.load(images);
    harm(sandbox, base, how);
    expect(await verify(sandbox, ...options)).toMatchObject({
      code: 0,
      answer: { state: 'whole' },
    });
  });
});

interface Damage {
  readonly what: string;
  readonly blob: ImageBlob;
  readonly how: Harm;
  readonly options?: readonly string[];
  readonly kind: 'missing' | 'short' | 'corrupt';
  readonly foundBytes?: number;
  readonly usedBy?: readonly string[];
}

const layer = one.ownLayer;
const digests = { options: ['--digests'] };
const gone = { how: remove, kind: 'missing' } as const;
const short = { how: cut, kind: 'short', foundBytes: 10 } as const;
const changed = { how: change, kind: 'corrupt' } as const;
const names = [one.name, two.name];

const damages: readonly Damage[] = [
  { what: 'a layer is gone', blob: layer, ...gone },
  { what: 'a layer is gone, with --digests', blob: layer, ...gone, ...digests },
  { what: 'a layer is cut short', blob: layer, ...short },
  { what: 'a layer is cut short, with --digests', blob: layer, ...short, ...digests },
  { what: 'a layer is empty', blob: layer, how: empty, kind: 'short', foundBytes: 0 },
  { what: 'a layer is changed, with --digests', blob: layer, ...changed, ...digests },
  { what: 'a layer of two images is gone', blob: base, ...gone, usedBy: names },
  { what: 'a config is gone', blob: one.config, ...gone },
  { what: 'a config is cut short', blob: one.config, ...short },
  { what: 'a config is changed, with --digests', blob: one.config, ...changed, ...digests },
  { what: 'a manifest is gone', blob: one.target, ...gone },
  { what: 'a manifest is cut short', blob: one.target, ...short },
  { what: 'a manifest is changed', blob: one.target, ...changed },
];

describe.concurrent('verify of images that are damaged', () => {
  it.for(damages)(
    'says what is damaged and what to do, and exits 5: $what',
    async (damage, { sandbox, containerd }) => {
      const { blob, how, kind, options = [], foundBytes = null, usedBy = [one.name] } = damage;
      const { digest } = blob;
      const expectedBytes = blob.bytes.length;
      await containerd.load(images);
      harm(sandbox, blob, how);
      const { code, text, answer } = await verify(sandbox, ...options);
      expect(code).toBe(5);
      expect(answer).toMatchObject({
        state: 'damaged',
        blobs: {
          ...{ ...noneBroken, checked: blobs.length },
          [kind]: [{ digest, expectedBytes, foundBytes, usedBy: usedBy.map(imageUser) }],
        },
        images: names.map((name) => ({
          ...{ name, incomplete: false, brokenSnapshots: [] },
          ...(usedBy.includes(name)
            ? { state: 'damaged', brokenBlobs: [digest] }
            : { state: 'whole', brokenBlobs: [] }),
        })),
        error: null,
      });
      const size = foundBytes === null ? `${expectedBytes}` : `${foundBytes} of ${expectedBytes}`;
      const line = `  ${kind}: ${digest} .*\\b${size} bytes.*; used by ${usedBy.map((name) => `image ${name}`).join(', ')}`;
      const command = `ctr --address ${containerd.socket} --namespace buildkit images rm --sync`;
      expect(text).toMatch(/^Damaged: .*: 1 blob is broken\.\n/);
      expect(text).toMatch(new RegExp(`^${line}$`, 'm'));
      expect(text.match(/(?<=^ {2})ctr .*/gm)).toEqual(usedBy.map((name) => `${command} ${name}`));
    },
  );

  it('logs what it has found', async ({ sandbox, containerd }) => {
    await containerd.load(images);
    harm(sandbox, layer, remove);
    const ended = await (await startVerify(sandbox)).ended;
    expect(logged(ended, 'verified')).toMatchObject([
      {
        level: 'error',
        state: 'damaged',
        brokenBlobs: [layer.digest],
        damagedImages: [one.name],
        error: null,
      },
    ]);
  });

  it('has a command for a blob that no image uses', async ({ sandbox, containerd }) => {
    const { digest } = layer;
    await containerd.load(images);
    await containerd.ctr('content', 'label', digest, 'containerd.io/gc.root=now');
    await containerd.ctr('images', 'rm', '--sync', one.name);
    harm(sandbox, layer, remove);
    const { code, text, answer } = await verify(sandbox);
    expect(code).toBe(5);
    expect(answer.blobs).toMatchObject({ missing: [{ digest, usedBy: [] }] });
    expect(text).toContain(`--namespace buildkit content rm ${digest}\n`);
    await containerd.ctr('content', 'rm', digest);
    expect(await verify(sandbox)).toMatchObject({ code: 0, answer: { state: 'whole' } });
  });
});
