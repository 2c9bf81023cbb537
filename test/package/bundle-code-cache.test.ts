import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type MadeBundle, makeBundle } from '../support/bundle.ts';
import { startCli, startWait } from '../support/cli.ts';
import type { PeerProcess } from '../support/peer-process.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';

let bundle: MadeBundle;
beforeAll(() => {
  bundle = makeBundle(process.arch === 'arm64' ? 'arm64' : 'x64');
}, 300_000);
afterAll(() => {
  bundle.remove();
}, 300_000);

const teller = resolve('test/support/say-code.cjs');
const programPath = 'dist/bin/buildkit-drain.cjs';

function cachePathIn(folder: string): string {
  const names = readdirSync(join(folder, 'dist/bin')).filter((name) => name.endsWith('.cache'));
  expect(names).toHaveLength(1);
  return join(folder, 'dist/bin', names[0] ?? '');
}

/** A copy shares its files with the bundle: a changed one has to be another file. */
function replace(path: string, change: (content: Buffer) => Buffer): void {
  const content = readFileSync(path);
  rmSync(path);
  writeFileSync(path, change(content));
}

function flipped(content: Buffer, at: number): Buffer {
  content.writeUInt8(content.readUInt8(at) ^ 1, at);
  return content;
}

interface Peers {
  readonly sandbox: Sandbox;
  readonly daemon: PeerProcess;
  readonly clients: PeerProcess;
}

/** Waits with a copy of the bundle, to the end of the deadline, and returns whether V8 took the code. */
async function waitWith(
  folder: string,
  { sandbox, daemon, clients }: Peers,
  flags: readonly string[] = [],
) {
  const { address } = await daemon.listen('tcp://127.0.0.1:0');
  await clients.connect(address);
  const starter = join(folder, 'dist/bin/start.cjs');
  const wait = await startWait(sandbox, ['--addr', address, '--timeout', '300ms'], {
    program: [join(folder, 'node'), ...flags, '--require', teller, starter],
  });
  const { code, stdout, stderr, outcome } = await wait.ended;
  expect(code).toBe(3);
  expect(outcome).toBe('timed-out');
  return { code: stdout, log: stderr };
}

describe('the code that V8 has compiled before', () => {
  it('is taken', async ({ sandbox, daemon, clients }) => {
    const { code } = await waitWith(bundle.folder, { sandbox, daemon, clients });
    expect(code).toBe('taken');
  });

  it('is not taken for an edited source of the same length: that is run', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const folder = bundle.copy();
    replace(join(folder, programPath), (content) => {
      const edited = content.toString().replaceAll('The deadline passed', 'THE DEADLINE passed');
      return Buffer.from(edited);
    });
    const { code, log } = await waitWith(folder, { sandbox, daemon, clients });
    expect(code).toBe('not given');
    expect(log).toContain('THE DEADLINE passed');
  });

  const parts = ['the code', 'its copy', 'the copy of the source'] as const;

  it.for(parts)(
    'is not taken where a byte of %s is another',
    async (part, { sandbox, daemon, clients }) => {
      const folder = bundle.copy();
      const sourceSize = readFileSync(join(folder, programPath)).length;
      replace(cachePathIn(folder), (content) => {
        const size = (content.length - sourceSize) / 2;
        return flipped(content, parts.indexOf(part) * size + 5000);
      });
      expect((await waitWith(folder, { sandbox, daemon, clients })).code).toBe('not given');
    },
  );

  it.for([
    ['cut in half', (content: Buffer) => content.subarray(0, content.length / 2)],
    ['cut by its last byte', (content: Buffer) => content.subarray(0, -1)],
    ['cut to less than the source', (content: Buffer) => content.subarray(0, 100)],
    ['empty', () => Buffer.alloc(0)],
  ] as const)(
    'is not taken from a file that is %s',
    async ([, change], { sandbox, daemon, clients }) => {
      const folder = bundle.copy();
      replace(cachePathIn(folder), change);
      expect((await waitWith(folder, { sandbox, daemon, clients })).code).toBe('not given');
    },
  );

  it('is not missed where its file cannot be read', async ({ sandbox, daemon, clients }) => {
    const folder = bundle.copy();
    const path = cachePathIn(folder);
    rmSync(path);
    expect((await waitWith(folder, { sandbox, daemon, clients })).code).toBe('not given');
    mkdirSync(path);
    expect((await waitWith(folder, { sandbox, daemon, clients })).code).toBe('not given');
  });

  it('is rejected by a V8 of another version or with other flags', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const folder = bundle.copy();
    const withOtherFlags = await waitWith(folder, { sandbox, daemon, clients }, ['--no-use-osr']);
    expect(withOtherFlags.code).toBe('rejected by V8');
    const sourceSize = readFileSync(join(folder, programPath)).length;
    // In its header the hash of the version comes after the magic number.
    replace(cachePathIn(folder), (content) => {
      const size = (content.length - sourceSize) / 2;
      return flipped(flipped(content, 4), size + 4);
    });
    expect((await waitWith(folder, { sandbox, daemon, clients })).code).toBe('rejected by V8');
  });

  it('changes no exit code where it is damaged', async ({ sandbox, daemon, clients }) => {
    const folder = bundle.copy();
    replace(cachePathIn(folder), (content) => flipped(content, 5000));
    const program = [join(folder, 'buildkit-drain')];
    const { address } = await daemon.listen('tcp://127.0.0.1:0');
    const connected = await clients.connect(address);
    const wait = await startWait(sandbox, ['--addr', address], { program });
    await wait.counted(1);
    await clients.leave(connected);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    const mistaken = await startCli(sandbox, ['wait', '--addr', 'nowhere'], { program });
    expect((await mistaken.process.ended).code).toBe(2);
    await clients.connect(address);
    const stopped = await startWait(sandbox, ['--addr', address], { program });
    await stopped.counted(1);
    await stopped.process.signal('SIGTERM');
    expect((await stopped.ended).code).toBe(143);
  });
});

it('is the same when the bundle is made again', () => {
  const again = makeBundle(process.arch === 'arm64' ? 'arm64' : 'x64');
  try {
    expect(
      readFileSync(cachePathIn(again.folder)).equals(readFileSync(cachePathIn(bundle.folder))),
    ).toBe(true);
  } finally {
    again.remove();
  }
}, 300_000);
