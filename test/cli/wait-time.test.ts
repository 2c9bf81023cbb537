import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startWait } from '../support/cli.ts';
import { compiled } from '../support/native.ts';
import { it } from '../support/test.ts';

const tcp = 'tcp://127.0.0.1:1234';

describe.concurrent('wait that was stopped and continued', () => {
  it('does not count a time without samples as quiet', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--quiet-period', '2s']);
    await wait.counted(0);
    await delay(500);
    await wait.process.signal('SIGSTOP');
    await clients.leave(await clients.connect(tcp));
    await delay(1700);
    const continuedMs = performance.now();
    await wait.process.signal('SIGCONT');

    const { level, message, gapMs } = await wait.event('sampling-gap');
    expect({ level, message }).toEqual({
      level: 'warn',
      message: expect.stringMatching(/^No samples for 1\.\ds .*; restarting the quiet period\.$/),
    });
    expect(gapMs).toBeGreaterThanOrEqual(1700);
    const { code, outcome } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(performance.now() - continuedMs).toBeGreaterThanOrEqual(2000);
  });

  it('past its deadline, exits 3 when a client is still there', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--timeout', '3s']);
    await wait.counted(1);
    await wait.process.signal('SIGSTOP');
    await delay(3300);
    await wait.process.signal('SIGCONT');
    expect(await wait.ended).toMatchObject({ code: 3, outcome: 'timed-out' });
  });
});

describe.concurrent('wait when the wall clock jumps', () => {
  const hour = 3600;

  it.for([
    ['forward', hour],
    ['backward', -hour],
  ] as const)(
    '%s still ends after the quiet period',
    async ([, seconds], { sandbox, daemon, clients }) => {
      await daemon.listen(tcp);
      const some = await clients.connect(tcp);
      const jump = join(sandbox.directory, 'jump');
      const library = compiled('clock_jump', '-shared', '-fPIC');
      const env = { LD_PRELOAD: library, CLOCK_JUMP: jump };
      const args = ['--addr', tcp, '--quiet-period', '1500ms', '--timeout', '10m'];
      const wait = await startWait(sandbox, args, { env });
      await wait.counted(1);
      const leftMs = performance.now();
      await clients.leave(some);
      const before = Date.parse((await wait.counted(0)).timestamp);
      writeFileSync(jump, String(seconds));

      const { code, outcome, logs } = await wait.ended;
      const tookMs = performance.now() - leftMs;
      expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
      expect(tookMs).toBeGreaterThanOrEqual(1500);
      // The jump was real for the process: the log has it.
      const jumpedMs = Date.parse(logs.at(-1)?.timestamp ?? '') - before;
      expect(Math.abs(jumpedMs - seconds * 1000)).toBeLessThan(60_000);
      expect(logs.at(-1)?.['waitedMs']).toBeLessThan(60_000);
    },
  );
});

describe.concurrent('wait', () => {
  it('is not drained before --min-wait, even when quiet', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const args = ['--addr', tcp, '--quiet-period', '0s', '--min-wait', '1200ms'];
    const wait = await startWait(sandbox, args);
    const { code, outcome, logs } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(logs.at(-1)?.['waitedMs']).toBeGreaterThanOrEqual(1200);
  });

  it('with a quiet period of zero is drained at the first poll that shows no client', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--quiet-period', '0s']);
    const { code, logs } = await wait.ended;
    expect(code).toBe(0);
    expect(logs.at(-1)).toMatchObject({ outcome: 'drained', polls: 1 });
  });

  it('keeps the deadline though the interval is longer', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const args = ['--addr', tcp, '--interval', '1h', '--timeout', '700ms'];
    const wait = await startWait(sandbox, args);
    expect(await wait.ended).toMatchObject({ code: 3, outcome: 'timed-out' });
  });

  it('reports at times which clients are still connected', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    const [client] = await clients.connect(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--progress-every', '200ms']);
    const progress = await wait.event('progress', 2);
    expect(progress.message).toMatch(/^Still waiting after \d\.\ds: 1 client is connected: /);
    expect(progress.message).toContain(client?.name);
    expect(progress['waitedMs']).toBeGreaterThanOrEqual(600);
    await wait.process.signal('SIGTERM');
    await wait.ended;
  });
});
