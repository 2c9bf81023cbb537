import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { parseLog, startWait } from '../support/cli.ts';
import { maskProc, withOwnMounts } from '../support/refusals.ts';
import { run } from '../support/running.ts';
import { it } from '../support/test.ts';

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkit.sock';
const quietPeriodMs = 500;

async function limitFiles(pid: number, count: number): Promise<void> {
  const limited = await run(['prlimit', `--pid=${pid}`, `--nofile=${count}:`]).ended;
  expect(limited).toMatchObject({ code: 0 });
}

describe.concurrent('a wait with a client', () => {
  it.for([tcp, unix])(
    'at %s continues through procfs while no descriptor can be opened, and after',
    async (address, { sandbox, daemon, clients }) => {
      await daemon.listen(address);
      const some = await clients.connect(address);
      const wait = await startWait(sandbox, ['--addr', address, '--backend', 'procfs']);
      await wait.counted(1);
      await limitFiles(wait.process.pid, 3);
      expect(await wait.event('count-failed')).toMatchObject({ error: { code: 'EMFILE' } });
      await delay(quietPeriodMs + 200);
      expect(wait.process.hasEnded()).toBe(false);
      await limitFiles(wait.process.pid, 1024);
      await wait.event('count-recovered');
      const leftMs = performance.now();
      await clients.leave(some);
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
      expect(performance.now() - leftMs).toBeGreaterThanOrEqual(quietPeriodMs);
    },
  );

  it.for([tcp, unix])(
    'at %s cannot count when /proc disappears and procfs is the only backend',
    async (address, { sandbox, daemon, clients }) => {
      await daemon.listen(address);
      await clients.connect(address);
      const args = ['--addr', address, '--backend', 'procfs', '--timeout', '3s'];
      const wait = await startWait(sandbox, args, { through: withOwnMounts });
      await wait.counted(1);
      await maskProc(wait.process);
      expect(await wait.event('count-failed')).toMatchObject({ error: { code: 'ENOENT' } });
      expect(await wait.ended).toMatchObject({ code: 4, outcome: 'unknown' });
    },
  );

  it.for([tcp, unix])(
    'at %s continues while the daemon is stopped, and ends when the client has left',
    async (address, { sandbox, daemon, clients }) => {
      await daemon.listen(address);
      const some = await clients.connect(address);
      const wait = await startWait(sandbox, ['--addr', address]);
      await wait.counted(1);
      await daemon.process.signal('SIGSTOP');
      await delay(quietPeriodMs + 200);
      expect(wait.process.hasEnded()).toBe(false);
      const leftMs = performance.now();
      await clients.leave(some);
      await delay(200);
      await daemon.process.signal('SIGCONT');
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
      expect(performance.now() - leftMs).toBeGreaterThanOrEqual(quietPeriodMs);
    },
  );

  it('continues when the disk with its log fills up', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    const some = await clients.connect(tcp, 30);
    const disk = join('/run', 'disk');
    const mount = `mkdir ${disk} && mount -t tmpfs -o size=16k none ${disk}`;
    expect(await (await sandbox.start(['sh', '-c', mount])).ended).toMatchObject({ code: 0 });
    const log = ['--progress-every', '100ms', '--log-to', `${disk}/wait.log`];
    const wait = await startWait(sandbox, ['--addr', tcp, ...log]);
    // What standard error has is what found no room on the disk.
    await wait.event('progress');
    expect(wait.process.hasEnded()).toBe(false);
    const written = parseLog(readFileSync(`/proc/${sandbox.pid}/root${disk}/wait.log`, 'utf8'));
    expect(written[0]).toMatchObject({ event: 'started', connections: 30 });
    await clients.leave(some);
    const { code, outcome, logs } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(logs.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      expect.stringContaining(`The log cannot be written to ${disk}/wait.log: ENOSPC`),
    ]);
  });
});
