import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startWait } from '../support/cli.ts';
import {
  maskProc,
  refusingSockDiag,
  sockDiagRefusal,
  withOwnMounts,
  withoutProc,
} from '../support/refusals.ts';
import { it } from '../support/test.ts';

const { EPERM, EACCES, EPROTONOSUPPORT } = constants.errno;
const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkit.sock';

describe.concurrent('wait without permission for sock_diag', () => {
  it.for([
    ['EPERM', EPERM, tcp],
    ['EPERM', EPERM, unix],
    ['EPROTONOSUPPORT', EPROTONOSUPPORT, tcp],
  ] as const)(
    'from the start with %s, polls procfs and says why',
    async ([name, errno, address], { sandbox, daemon, clients }) => {
      await daemon.listen(address);
      const some = await clients.connect(address);
      const through = refusingSockDiag(errno);
      const wait = await startWait(sandbox, ['--addr', address], { through });
      await wait.counted(1);
      expect(await wait.event('backend-chosen')).toMatchObject({
        level: 'warn',
        backend: 'procfs',
        skipped: 'sock-diag',
        reason: `sock_diag: socket failed with ${name}`,
      });
      const leftMs = performance.now();
      await clients.leave(some);
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
      expect(performance.now() - leftMs).toBeGreaterThanOrEqual(500);
    },
  );

  it('midway, changes to procfs after some failures and restarts the quiet period', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const refusal = sockDiagRefusal(sandbox, EPERM);
    const args = ['--addr', tcp, '--quiet-period', '1500ms'];
    const wait = await startWait(sandbox, args, refusal);
    await wait.counted(0);
    await delay(800);
    const refusedMs = performance.now();
    refusal.begin();

    expect(await wait.event('count-failed')).toMatchObject({
      error: { code: 'EPERM', operation: 'socket' },
    });
    expect(await wait.event('backend-switched')).toMatchObject({
      level: 'warn',
      backend: 'procfs',
      skipped: 'sock-diag',
    });
    expect(await wait.event('count-recovered')).toMatchObject({ connections: 0 });
    const { code, outcome } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(performance.now() - refusedMs).toBeGreaterThanOrEqual(1500);
  });

  it.for([tcp, unix])(
    'midway, does not lose the client at %s',
    async (address, { sandbox, daemon, clients }) => {
      await daemon.listen(address);
      await clients.connect(address);
      const refusal = sockDiagRefusal(sandbox, EACCES);
      const args = ['--addr', address, '--timeout', '2s'];
      const wait = await startWait(sandbox, args, refusal);
      await wait.counted(1);
      refusal.begin();
      expect(await wait.event('count-recovered')).toMatchObject({ connections: 1 });
      expect(await wait.ended).toMatchObject({ code: 3, outcome: 'timed-out' });
    },
  );

  it('midway and permitted again, continues with it if there is no other backend', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const refusal = sockDiagRefusal(sandbox, EPERM);
    const args = ['--addr', tcp, '--backend', 'sock-diag', '--quiet-period', '1s'];
    const wait = await startWait(sandbox, args, refusal);
    await wait.counted(0);
    refusal.begin();
    await wait.event('count-failed');
    await delay(1200);
    const allowedMs = performance.now();
    refusal.end();
    await wait.event('count-recovered');
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    expect(performance.now() - allowedMs).toBeGreaterThanOrEqual(1000);
  });
});

describe.concurrent('wait without /proc', () => {
  it.for([tcp, unix])(
    'counts the clients at %s by sock_diag',
    async (address, { sandbox, daemon, clients }) => {
      await daemon.listen(address);
      const some = await clients.connect(address);
      const wait = await startWait(sandbox, ['--addr', address], { through: withoutProc });
      await wait.counted(1);
      const leftMs = performance.now();
      await clients.leave(some);
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
      expect(performance.now() - leftMs).toBeGreaterThanOrEqual(500);
    },
  );

  it('says that polling TCP costs more without the counter in /proc', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp], { through: withoutProc });
    expect(await wait.event('backend-degraded')).toMatchObject({
      level: 'warn',
      backend: 'sock-diag',
      reason: expect.stringContaining('/proc/net/snmp'),
    });
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('midway, continues with sock_diag', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    const some = await clients.connect(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp], { through: withOwnMounts });
    await wait.counted(1);
    await maskProc(wait.process);
    await clients.leave(some);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('does not call a daemon gone when its process can no longer be read', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const args = ['--addr', tcp, '--quiet-period', '1m', '--timeout', '1500ms'];
    const wait = await startWait(sandbox, args, { through: withOwnMounts });
    await wait.counted(0);
    await maskProc(wait.process);
    await daemon.unlisten(tcp);
    await wait.event('count-failed');
    expect(await wait.ended).toMatchObject({ code: 4, outcome: 'unknown' });
  });
});

describe.concurrent('wait that cannot count', () => {
  const blind = [...withoutProc, ...refusingSockDiag(EPERM)];

  it('holds until the deadline, exits 4 and says why', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const args = ['--addr', tcp, '--timeout', '2s'];
    const wait = await startWait(sandbox, args, { through: blind });
    const { code, outcome, logs } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 4, outcome: 'unknown' });
    const last = logs.at(-1);
    expect(last).toMatchObject({ level: 'error', connections: null });
    expect(last?.['waitedMs']).toBeGreaterThanOrEqual(2000);
    expect(last?.message).toContain('sock-diag: sock_diag: socket failed with EPERM');
    expect(last?.message).toContain("procfs: /proc/net/tcp can't be read (ENOENT)");
  });

  it('exits 4 long before the deadline with --on-unknown exit', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const args = ['--addr', tcp, '--timeout', '1h', '--on-unknown', 'exit'];
    const wait = await startWait(sandbox, args, { through: blind });
    expect(await wait.ended).toMatchObject({ code: 4, outcome: 'unknown' });
  });

  it.for([
    ['hold', '3s', 3],
    ['exit', '1h', 0],
  ] as const)(
    'since midway, with --on-unknown %s and a deadline of %s, exits 4',
    async ([onUnknown, timeout, leastSeconds], { sandbox, daemon, clients }) => {
      await daemon.listen(tcp);
      await clients.connect(tcp);
      const refusal = sockDiagRefusal(sandbox, EPERM);
      const args = ['--addr', tcp, '--timeout', timeout, '--on-unknown', onUnknown];
      const through = [...withOwnMounts, ...refusal.through];
      const wait = await startWait(sandbox, args, { through });
      await wait.counted(1);
      await maskProc(wait.process);
      refusal.begin();
      await wait.event('count-failed');
      const { code, outcome, logs } = await wait.ended;
      expect({ code, outcome }).toEqual({ code: 4, outcome: 'unknown' });
      expect(logs.at(-1)?.['waitedMs']).toBeGreaterThanOrEqual(leastSeconds * 1000);
      expect(logs.at(-1)).toMatchObject({ connections: null, mostConnections: 1 });
    },
  );

  it('for a while, is drained a quiet period after it can count again', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const refusal = sockDiagRefusal(sandbox, EPERM);
    const through = [...withOwnMounts, ...refusal.through];
    const args = ['--addr', tcp, '--quiet-period', '1s'];
    const wait = await startWait(sandbox, args, { through });
    await wait.counted(0);
    await maskProc(wait.process);
    refusal.begin();
    await wait.event('count-failed');
    await delay(1300);
    const allowedMs = performance.now();
    refusal.end();
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    expect(performance.now() - allowedMs).toBeGreaterThanOrEqual(1000);
  });
});
