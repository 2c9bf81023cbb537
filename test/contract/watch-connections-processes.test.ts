import { constants } from 'node:os';
import { describe, expect } from 'vitest';
import { refusingSockDiag, sockDiagRefusal } from '../support/refusals.ts';
import type { Sandbox, SandboxProcess } from '../support/sandbox.ts';
import { it } from '../support/test.ts';

const library = JSON.stringify(new URL('../../dist/index.js', import.meta.url).href);
const address = 'tcp://127.0.0.1:1234';
const refused = constants.errno.EPROTONOSUPPORT;

/** Starts a script of a user's, in the sandbox. */
function start(
  sandbox: Sandbox,
  script: string,
  through: readonly string[] = [],
): Promise<SandboxProcess> {
  const source = `
    import { countConnections, openBackend, watchConnections } from ${library};
    import { readdirSync } from 'node:fs';
    const address = '${address}';
    const say = (value) => console.log(JSON.stringify(value));
    const fds = () => readdirSync('/proc/self/fd').length;
    ${script}`;
  return sandbox.start([
    ...through,
    ...[process.execPath, '--input-type=module', '--eval', source],
  ]);
}

const eachUpdate = `
  for await (const update of watchConnections(address, { intervalMs: 10 })) {
    const { kind, connections, backend, skipped, error } = update;
    say({ kind, connections: connections.length, backend, skipped, code: error?.code });
  }`;

async function parsed(process: SandboxProcess, line: number): Promise<unknown> {
  return JSON.parse(await process.line(line));
}

describe.concurrent('where the kernel refuses sock_diag', () => {
  it('procfs is used, and the reason given', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(address);
    await clients.connect(address, 2);
    const script = `
      const { backend: by, skipped: reason } = countConnections(address);
      const { value: { backend, skipped } } = await watchConnections(address).next();
      const opened = openBackend();
      say([[by, reason], [backend, skipped], [opened.name, opened.skipped]]);
      try { openBackend('sock-diag'); } catch ({ name, code }) { say([name, code]); }`;
    const process = await start(sandbox, script, refusingSockDiag(refused));
    const { stdout, stderr } = await process.ended;
    expect(stderr).toBe('');
    const [found, failed] = stdout.trim().split('\n');
    const skipped = {
      backend: 'sock-diag',
      reason: 'sock_diag: socket failed with EPROTONOSUPPORT',
    };
    expect(JSON.parse(found ?? '')).toEqual([1, 2, 3].map(() => ['procfs', skipped]));
    expect(JSON.parse(failed ?? '')).toEqual(['BackendError', 'EPROTONOSUPPORT']);
  });

  it('a watch under way goes from sock-diag to procfs, and says so', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(address);
    await clients.connect(address, 2);
    const refusal = sockDiagRefusal(sandbox, refused);
    const process = await start(sandbox, eachUpdate, refusal.through);
    expect(await parsed(process, 0)).toMatchObject({
      ...{ kind: 'counted', connections: 2, backend: 'sock-diag', skipped: null },
    });
    refusal.begin();
    expect(await parsed(process, 1)).toMatchObject({ kind: 'unknown', code: 'EPROTONOSUPPORT' });
    expect(await parsed(process, 2)).toMatchObject({
      ...{ kind: 'counted', connections: 2, backend: 'procfs' },
      skipped: { backend: 'sock-diag' },
    });
  });
});

describe.concurrent('a process', () => {
  it('ends although it has a watch, if nothing waits for an update', async ({ sandbox }) => {
    const script = 'say((await watchConnections(address).next()).value.kind);';
    const { code, stdout, stderr } = await (await start(sandbox, script)).ended;
    expect([code, stdout, stderr]).toEqual([0, '"unknown"\n', '']);
  });

  it('lives on while an update is waited for', async ({ sandbox, daemon }) => {
    const process = await start(sandbox, eachUpdate);
    expect(await parsed(process, 0)).toMatchObject({ kind: 'unknown', code: 'ERR_NO_LISTENER' });
    await daemon.listen(address);
    expect(await parsed(process, 1)).toMatchObject({ kind: 'counted', connections: 0 });
  });

  it('has several workers watch at once, and nothing of one that was terminated stays open', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(address);
    const script = `
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      const source = \`
        import { watchConnections } from ${library.replaceAll('"', "'")};
        import { parentPort } from 'node:worker_threads';
        for await (const update of watchConnections('\${address}', { intervalMs: 10 })) {
          parentPort.postMessage(update.connections?.length);
          if (update.connections?.length === 3) break;
        }\`;
      const url = new URL('data:text/javascript,' + encodeURIComponent(source));
      const begin = async () => {
        const worker = new Worker(url);
        await once(worker, 'message');
        return worker;
      };
      await (await begin()).terminate();
      const before = fds();
      const workers = await Promise.all([begin(), begin(), begin(), begin()]);
      await workers[0].terminate();
      const ends = workers.slice(1).map((worker) => once(worker, 'exit'));
      say('ready');
      const codes = (await Promise.all(ends)).flat();
      say({ codes, more: fds() - before });`;
    const process = await start(sandbox, script);
    await process.line(0);
    await clients.connect(address, 3);
    expect(await parsed(process, 1)).toEqual({ codes: [0, 0, 0], more: 0 });
  });
});
