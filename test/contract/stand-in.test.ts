import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Buildkitd, startBuildkitd, startClient } from '../support/buildkitd.ts';
import { type Observe, startObserver } from '../support/observer.ts';
import { it as itInSandbox } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

// What the other tests take for granted of the stand-in, because buildkitd is so.

const it = itInSandbox.extend<{ buildkitd: Buildkitd; observe: Observe }>({
  buildkitd: async ({ sandbox }, use) => {
    await use(await startBuildkitd(sandbox));
  },
  observe: async ({ sandbox }, use) => {
    await use(await startObserver(sandbox));
  },
});

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkitd.sock';

describe.concurrent('the stand-in for buildkitd', () => {
  it("sends keepalives on a session's connection, and on no other", async ({
    sandbox,
    buildkitd,
    observe,
  }) => {
    await buildkitd.listen(tcp);
    await buildkitd.behave({ beatMs: 100 });
    const received = async (): Promise<number[]> => {
      const { traffic } = await observe('sock-diag', tcp);
      return traffic.map((known) => known?.bytesReceived ?? Number.NaN);
    };
    const silent = await startClient(sandbox, 'build', tcp, { ref: 'silent', session: false });
    await waitFor('a build', async () => (await buildkitd.builds()).length === 1);
    await delay(500);
    const [quiet] = await received();
    await delay(500);
    expect(await received()).toEqual([quiet]);
    await silent.signal('SIGKILL');
    await waitFor('no client', async () => (await received()).length === 0);

    await startClient(sandbox, 'build', tcp, { ref: 'heard' });
    await waitFor('a build', async () => (await buildkitd.builds()).length === 1);
    const sums = new Set<number>();
    const beats = await waitFor('ten beats', async () => {
      for (const sum of await received()) {
        sums.add(sum);
      }
      return sums.size >= 12 && [...sums].slice(1);
    });
    const steps = beats.slice(1).map((sum, index) => sum - (beats[index] ?? 0));
    expect(Math.min(...steps.filter((step) => step >= 200))).toBeGreaterThanOrEqual(215);
  });

  it('ends the build of a client that is killed, and keeps that of one that is stopped', async ({
    sandbox,
    buildkitd,
  }) => {
    await buildkitd.listen(unix);
    const stopped = await startClient(sandbox, 'build', unix, { ref: 'stopped' });
    const killed = await startClient(sandbox, 'build', unix, { ref: 'killed' });
    await waitFor('two builds', async () => (await buildkitd.builds()).length === 2);
    await stopped.signal('SIGSTOP');
    await killed.signal('SIGKILL');
    await waitFor('one build', async () => (await buildkitd.builds()).length === 1);
    expect(await buildkitd.builds()).toEqual(['stopped']);
  });

  it('gives up the session of a stopped client, and keeps its build', async ({
    sandbox,
    buildkitd,
    observe,
  }) => {
    await buildkitd.listen(tcp);
    await buildkitd.behave({ beatMs: 100, patienceMs: 500 });
    const client = await startClient(sandbox, 'build', tcp, { ref: 'stopped' });
    await waitFor('a build', async () => (await buildkitd.builds()).length === 1);
    await client.signal('SIGSTOP');
    let before: number | null | undefined;
    await waitFor('silence', async () => {
      await delay(400);
      const [now] = (await observe('sock-diag', tcp)).traffic.map((known) => known?.bytesAcked);
      const isSilent = now === before;
      before = now;
      return isSilent;
    });
    expect(await buildkitd.record()).toEqual([
      { ref: 'stopped', begunMs: expect.any(Number), endedMs: null },
    ]);
  });

  it('has clients without builds', async ({ sandbox, buildkitd, observe }) => {
    await buildkitd.listen(tcp);
    const connections = async (): Promise<number> =>
      (await observe('procfs', tcp)).connections.length;
    const probe = await startClient(sandbox, 'probe-every', tcp, { intervalMs: 50 });
    await probe.line(2);
    await probe.signal('SIGKILL');
    await waitFor('no client', async () => (await connections()) === 0);
    await (await startClient(sandbox, 'idle', tcp)).line(0);
    const silent = await startClient(sandbox, 'silent', tcp);
    await silent.line(0);
    await waitFor('two clients', async () => (await connections()) === 2);
    expect(await buildkitd.builds()).toEqual([]);
  });

  it('stops at once or waits for the last build, as configured', async ({ openSandbox }) => {
    for (const onSigterm of ['die', 'wait'] as const) {
      const sandbox = await openSandbox();
      const buildkitd = await startBuildkitd(sandbox);
      await buildkitd.listen(unix);
      await buildkitd.behave({ onSigterm });
      const build = await startClient(sandbox, 'build', unix, { ref: 'one' });
      await waitFor('a build', async () => (await buildkitd.builds()).length === 1);
      await buildkitd.process.signal('SIGTERM');
      if (onSigterm === 'wait') {
        const late = await startClient(sandbox, 'silent', unix);
        expect((await late.ended).code).not.toBe(0);
        expect(await buildkitd.builds()).toEqual(['one']);
        await buildkitd.end('one');
      }
      expect((await buildkitd.process.ended).code).toBe(1);
      expect((await build.ended).stdout).toContain(onSigterm === 'wait' ? 'built' : 'failed');
    }
  });
});
