import { expect, it } from 'vitest';
import { verifyText } from '../../../src/messages/verify/text.ts';
import type { ImageReport, StoreReport } from '../../../src/verify/types.ts';

function damaged(...names: readonly string[]): StoreReport {
  const image = { digest: 'sha256:1', state: 'damaged', isIncomplete: true } as const;
  return {
    store: 'unix:///run/containerd.sock',
    namespace: 'k8s.io',
    blobs: { checked: 1, bytes: 1, broken: [], unchecked: [] },
    images: names.map(
      (name): ImageReport => ({ ...image, name, brokenBlobs: [], brokenSnapshots: [] }),
    ),
    ...{ snapshots: null, removed: [], error: null },
  };
}

const command = 'ctr --address /run/containerd.sock --namespace k8s.io images rm --sync';

it('the commands that repair take any name of an image as one word', () => {
  const names = ['docker.io/library/a:1', 'a b', "it's", '$(reboot)'];
  const lines = verifyText([damaged(...names)], true).split('\n');
  expect(lines.filter((line) => line.startsWith(`  ${command}`))).toEqual([
    `  ${command} docker.io/library/a:1`,
    `  ${command} 'a b'`,
    `  ${command} 'it'\\''s'`,
    `  ${command} '$(reboot)'`,
  ]);
});

it('a long list of what is broken ends, and says how many there are', () => {
  const names = Array.from({ length: 120 }, (_, at) => `image-${at}`);
  const lines = verifyText([damaged(...names)], true).split('\n');
  expect(lines.filter((line) => line.startsWith('  incomplete: '))).toHaveLength(50);
  expect(lines).toContain('  and 70 more: --json lists all');
});
