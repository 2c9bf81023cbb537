import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocketServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { startBuildkitd } from '../support/buildkitd.ts';
import { cliPath } from '../support/cli.ts';
import { outside, socket, startContainerd } from '../support/containerd.ts';
import { startRelay } from '../support/relay.ts';
import { run } from '../support/running.ts';
import type { Sandbox, SandboxProcess } from '../support/sandbox.ts';
import { it as itInSandbox } from '../support/test.ts';
import {
  answerOf,
  harm,
  images,
  it,
  logged,
  one,
  remove,
  startVerify,
  two,
  verify,
} from '../support/verify.ts';

const unknown = (message: RegExp) => ({
  code: 4,
  text: expect.stringMatching(new RegExp(`^Unknown: .*${message.source}`)),
  answer: { state: 'unknown' },
});

describe.concurrent('verify of a blob that cannot be read', () => {
  it('does not say whole, and names it', async ({ sandbox, containerd }) => {
    await containerd.load(images);
    harm(sandbox, one.ownLayer, (file) => {
      remove(file);
      mkdirSync(file);
    });
    const { digest } = one.ownLayer;
    const found = await verify(sandbox);
    expect(found).toMatchObject(unknown(/6 blobs .*, but not everything could be\.\n/));
    expect(found.text).toMatch(new RegExp(`^  not checked: ${digest}: .*is a directory`, 'm'));
    expect(found.answer).toMatchObject({
      blobs: { checked: 6, missing: [], unchecked: [{ name: digest }] },
      images: [
        { name: one.name, state: 'unknown' },
        { name: two.name, state: 'whole' },
      ],
      error: null,
    });
    harm(sandbox, two.config, remove);
    expect(await verify(sandbox)).toMatchObject({
      code: 5,
      answer: { state: 'damaged', images: [{ state: 'unknown' }, { state: 'damaged' }] },
    });
  });
});

/** Begins a check, which then waits for a file that is a pipe without a writer. */
async function inTheMiddle(
  sandbox: Sandbox,
  atEnd: (close: () => void) => void,
  ...options: readonly string[]
): Promise<SandboxProcess> {
  harm(sandbox, one.ownLayer, (file) => {
    remove(file);
    execFileSync('mkfifo', [file]);
  });
  const path = join(sandbox.directory, 'relay.sock');
  const relay = await startRelay(path, outside(sandbox, socket), new RegExp(one.ownLayer.digest));
  atEnd(relay.close);
  const verifying = await startVerify(sandbox, '--containerd', path, '--json', ...options);
  await relay.seen;
  return verifying;
}

describe.concurrent('verify of a containerd that stops in the middle', () => {
  it('does not say whole where it is killed', async ({ sandbox, containerd, onTestFinished }) => {
    await containerd.load(images);
    const verifying = await inTheMiddle(sandbox, onTestFinished);
    await containerd.process.signal('SIGKILL');
    const ended = await verifying.ended;
    expect(ended.code).toBe(4);
    expect(answerOf(ended)).toMatchObject({
      ...{ state: 'unknown', error: { code: 'ERR_ANSWER_CUT' } },
      images: [one, two].map(({ name }) => ({ name, state: 'unknown' })),
    });
    expect(logged(ended, 'verified')).toMatchObject([{ level: 'warn', state: 'unknown' }]);
  });

  it('says what was damaged until then, and removes nothing', async ({
    sandbox,
    containerd,
    onTestFinished,
  }) => {
    await containerd.load(images);
    harm(sandbox, two.target, remove);
    const verifying = await inTheMiddle(sandbox, onTestFinished, '--remove-broken');
    await containerd.process.signal('SIGKILL');
    const ended = await verifying.ended;
    expect(ended.code).toBe(5);
    expect(answerOf(ended)).toMatchObject({
      ...{ state: 'damaged', removed: [], error: { code: 'ERR_ANSWER_CUT' } },
      blobs: { missing: [{ digest: two.target.digest }] },
    });
    expect(logged(ended, 'image-removal')).toEqual([]);
    const { ctr } = await startContainerd(sandbox);
    expect(await ctr('images', 'ls', '--quiet')).toBe(`${one.name}\n${two.name}\n`);
  });

  it('does not say whole where it stands still until --timeout', async ({
    sandbox,
    containerd,
    onTestFinished,
  }) => {
    await containerd.load(images);
    const verifying = await inTheMiddle(sandbox, onTestFinished, '--timeout', '3s');
    await containerd.process.signal('SIGSTOP');
    const ended = await verifying.ended;
    expect(ended.code).toBe(4);
    expect(answerOf(ended)).toMatchObject({
      ...{ state: 'unknown', error: { code: 'ERR_VERIFY_TIMEOUT' } },
    });
  });

  it.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'answers when it is interrupted itself: %s',
    async ([signal, code], { sandbox, containerd, onTestFinished }) => {
      await containerd.load(images, '--no-unpack');
      const verifying = await inTheMiddle(sandbox, onTestFinished);
      await verifying.signal(signal);
      const ended = await verifying.ended;
      expect(ended.code).toBe(code);
      expect(answerOf(ended)).toMatchObject({
        ...{ state: 'unknown', error: { code: 'ERR_INTERRUPTED' } },
        images: [{ name: one.name, state: 'unknown' }, { name: two.name }],
      });
    },
  );
});

/** Listens at a path in the sandbox's directory. */
async function listen(sandbox: Sandbox, server: Server): Promise<string> {
  const path = join(sandbox.directory, 'server.sock');
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return path;
}

describe.concurrent('verify of a socket without a containerd', () => {
  it('cannot tell: nothing is there', async ({ sandbox }) => {
    const path = '/run/none.sock';
    expect(await verify(sandbox, '--containerd', path)).toMatchObject({
      ...unknown(/unix:\/\/\/run\/none\.sock cannot be reached: .*ENOENT/),
      answer: { state: 'unknown', error: { code: 'ENOENT' }, blobs: { checked: 0 } },
    });
  });

  it('cannot tell: a file', async ({ sandbox }) => {
    const path = join(sandbox.directory, 'file');
    writeFileSync(path, '');
    expect(await verify(sandbox, '--containerd', path)).toMatchObject(
      unknown(/cannot be reached: .*ECONNREFUSED/),
    );
  });

  it('cannot tell: a server of HTTP/1', async ({ sandbox, onTestFinished }) => {
    const server = createServer((_, response) => void response.end('{}'));
    onTestFinished(() => void server.close());
    expect(await verify(sandbox, '--containerd', await listen(sandbox, server))).toMatchObject(
      unknown(/does not speak gRPC/),
    );
  });

  it('cannot tell: one that is silent', async ({ sandbox, onTestFinished }) => {
    const server = createSocketServer(() => {});
    onTestFinished(() => void server.close());
    const options = ['--containerd', await listen(sandbox, server), '--timeout', '1s'];
    expect(await verify(sandbox, ...options)).toMatchObject(unknown(/took longer than 1s/));
  });

  it('cannot tell: a buildkitd', async ({ sandbox }) => {
    const buildkitd = await startBuildkitd(sandbox);
    await buildkitd.listen('unix:///run/buildkitd.sock');
    expect(await verify(sandbox, '--containerd', '/run/buildkitd.sock')).toMatchObject(
      unknown(/it needs containerd/),
    );
  });

  it('cannot tell: a containerd that stands still', async ({ sandbox, containerd }) => {
    await containerd.process.signal('SIGSTOP');
    expect(await verify(sandbox, '--timeout', '1s')).toMatchObject(unknown(/took longer than 1s/));
  });
});

describe.concurrent('verify with wrong options', () => {
  const at = ['--containerd', '/run/none.sock'];

  itInSandbox.for([
    [['--snapshots'], /--snapshots: expected --containerd/],
    [['--remove-broken'], /--remove-broken: expected --containerd/],
    [['--namespace', 'k8s.io'], /--namespace: expected --containerd/],
    [[...at, '--namespace', ''], /--namespace: expected/],
    [[...at, '--namespace', 'a/b'], /--namespace: expected/],
    [[...at, '--namespace', '-a'], /--namespace: expected/],
    [['--containerd', ''], /--containerd: expected/],
    [['--containerd', 'relative.sock'], /--containerd: expected/],
    [['--containerd', 'fd://3'], /--containerd: expected/],
    [[...at, '--timeout', '0s'], /--timeout: expected/],
    [[...at, '--nonsense'], /unknown option "--nonsense"/],
  ] as const)('exits 2 before it asks anything: %s', async ([options, message]) => {
    const ended = await run([process.execPath, cliPath, 'verify', ...options]).ended;
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
  });
});
