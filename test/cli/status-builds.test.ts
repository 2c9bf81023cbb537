import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Buildkitd, startBuildkitd, startClient } from '../support/buildkitd.ts';
import { createAuthority } from '../support/certificates.ts';
import { startCli } from '../support/cli.ts';
import type { Ended } from '../support/running.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it as itInSandbox } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const it = itInSandbox.extend<{ buildkitd: Buildkitd }>({
  buildkitd: async ({ sandbox }, use) => {
    await use(await startBuildkitd(sandbox));
  },
});

const tcp = 'tcp://0.0.0.0:1234';
const unix = 'unix:///run/buildkitd.sock';
const both = ['--addr', tcp, '--addr', unix];

async function status(sandbox: Sandbox, ...args: readonly string[]): Promise<Ended> {
  return (await startCli(sandbox, ['status', ...args])).process.ended;
}

function json({ stdout }: Ended): Record<string, unknown> {
  return JSON.parse(stdout);
}

describe.concurrent('the builds in status', () => {
  it('shows builds and connections of clients, and exits 3', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(tcp);
    await buildkitd.listen(unix);
    const client = await startClient(sandbox, 'build', 'tcp://127.0.0.1:1234', { ref: 'one' });
    await waitFor('a build', async () => (await buildkitd.builds()).length === 1);
    const before = Date.now();
    const told = await status(sandbox, ...both, '--json');
    expect(told).toMatchObject({ code: 3, stderr: '' });
    expect(json(told)).toMatchObject({
      connections: 1,
      builds: [{ ref: 'one', startedAt: expect.any(String) }],
      buildsError: null,
    });
    const [build] = json(told)['builds'] as { startedAt: string }[];
    expect(Date.parse(build?.startedAt ?? '')).toBeLessThanOrEqual(before);
    const text = await status(sandbox, ...both);
    expect(text.stdout).toMatch(
      /^1 client is connected .*\n1 build is running: one \(for [\d.]+s\)\.\n {2}PEER/,
    );
    await buildkitd.end('one');
    await client.ended;
  });

  it('exits 3 for a build though it has no client', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(unix);
    await buildkitd.begin('one\nline', 'two');
    const told = await status(sandbox, '--addr', unix);
    expect(told).toMatchObject({ code: 3, stderr: '' });
    expect(told.stdout.replaceAll(/ \(for [\d.]+s\)/g, '')).toBe(
      `No client is connected to ${unix}.\n2 builds are running: one\\u000aline, two.\n`,
    );
    expect(await status(sandbox, '--addr', unix, '--quiet')).toMatchObject({ code: 3, stdout: '' });
    expect(await status(sandbox, '--addr', unix, '--builds', 'off')).toMatchObject({
      code: 0,
      stdout: `No client is connected to ${unix}.\n`,
    });
    expect(json(await status(sandbox, '--addr', unix, '--builds', 'off', '--json'))).toMatchObject({
      builds: null,
      buildsError: null,
    });
  });

  it('exits 0 without any, and does not count itself as a client', async ({
    sandbox,
    buildkitd,
  }) => {
    await buildkitd.listen(tcp);
    await buildkitd.listen(unix);
    for (let times = 0; times < 3; times += 1) {
      const told = await status(sandbox, ...both, '--json');
      expect(told.code).toBe(0);
      expect(json(told)).toMatchObject({ connections: 0, builds: [], buildsError: null });
    }
  });

  it('says null and why if they are unknown, and exits 4 only if they are required', async ({
    sandbox,
    buildkitd,
  }) => {
    await buildkitd.listen(unix);
    await buildkitd.behave({ answer: 'false-zero', version: 'v0.12.3' });
    const addr = ['--addr', unix];
    const told = await status(sandbox, ...addr, '--json');
    expect(told.code).toBe(0);
    const reason = /v0\.12\.3.* names no build whatever it runs/;
    const buildsError = { message: expect.stringMatching(reason) };
    expect(json(told)).toMatchObject({ connections: 0, builds: null, buildsError });
    const lines = (await status(sandbox, ...addr)).stdout.split('\n');
    expect(lines).toEqual([
      `No client is connected to ${unix}.`,
      expect.stringMatching(
        /^Running builds are unknown: the daemon is asked for its version alone/,
      ),
      '',
    ]);
    const required = await status(sandbox, ...addr, '--builds', 'require');
    expect(required.code).toBe(4);
    expect(required.stdout).toMatch(
      /\nRunning builds are unknown: the daemon is asked for its version alone/,
    );
    await startClient(sandbox, 'idle', unix);
    await waitFor(
      'a client',
      async () => (await status(sandbox, ...addr, '--builds=require')).code === 3,
    );
  });

  it('asks over TLS with the given files', async ({ sandbox, buildkitd }) => {
    const authority = createAuthority(sandbox.directory);
    const { ca } = authority;
    const server = authority.sign('server', ['DNS:buildkitd.test']);
    const client = authority.sign('client', ['DNS:client']);
    await buildkitd.listen(tcp, { ...server, ca });
    await buildkitd.begin('one');
    const named = ['--tls-ca', ca, '--tls-server-name', 'buildkitd.test'];
    const shown = ['--tls-cert', client.cert, '--tls-key', client.key];
    const told = await status(sandbox, '--addr', tcp, '--json', ...named, ...shown);
    expect(json(told)).toMatchObject({ builds: [{ ref: 'one' }], buildsError: null });
    const unnamed = await status(sandbox, '--addr', tcp, '--tls-ca', ca, ...shown);
    expect(unnamed.stdout).toMatch(
      /Running builds are unknown: the certificate .* --tls-server-name\.\n$/,
    );
  });

  it('exits 2 for invalid files, and says which and why', async ({ sandbox }) => {
    const authority = createAuthority(sandbox.directory);
    const { cert, key } = authority.sign('client', ['DNS:client']);
    const other = authority.sign('other', ['DNS:other']);
    const text = join(sandbox.directory, 'text');
    writeFileSync(text, 'hello\n');
    const cases = [
      [['--tls-ca', '/none'], '--tls-ca: expected a readable PEM file (ENOENT'],
      [
        ['--tls-ca', text],
        `--tls-ca: expected a PEM file with certificates but received "${text}"`,
      ],
      [['--tls-ca', ''], '--tls-ca: expected the path of a PEM file but received ""'],
      [
        ['--tls-cert', cert],
        '--tls-cert: expected --tls-key with it but received --tls-cert alone',
      ],
      [['--tls-key', key], '--tls-key: expected --tls-cert with it but received --tls-key alone'],
      [['--tls-cert', key, '--tls-key', key], '--tls-cert: expected a PEM file with a certificate'],
      [
        ['--tls-cert', cert, '--tls-key', cert],
        '--tls-key: expected a PEM file with a private key',
      ],
      [['--tls-cert', cert, '--tls-key', other.key], 'belongs to --tls-cert, but received'],
      [['--tls-server-name', 'a b'], '--tls-server-name: expected a host name such as'],
      [['--builds', 'maybe'], '--builds: expected one of auto, off, require but received "maybe"'],
    ] as const;
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await status(sandbox, ...args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(message);
    }
  });
});
