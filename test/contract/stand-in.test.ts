import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Buildkitd, startBuildkitd, startClient } from '../support/buildkitd.ts';
import { type Observe, startObserver } from '../support/observer.ts';
import { it as itInPlace } from '../support/test.ts';
import { until } from '../support/until.ts';

// What the other tests take for granted of the stand-in, because buildkitd is so.

const it = itInPlace.extend<{ buildkitd: Buildkitd; observe: Observe }>({
  buildkitd: async ({ place }, use) => {
    await use(await startBuildkitd(place));
  },
  observe: async ({ place }, use) => {
    await use(await startObserver(place));
  },
});

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkitd.sock';

describe.concurrent('the stand-in for buildkitd', () => {
  it("has a beat on a session's connection, and none on others", async ({
    place,
    buildkitd,
    observe,
  }) => {
    await buildkitd.listen(tcp);
    await buildkitd.behave({ beatMs: 100 });
    const received = async (): Promise<number[]> => {
      const { traffic } = await observe('sock-diag', tcp);
      return traffic.map((known) => known?.bytesReceived ?? Number.NaN);
    };
    const silent = await startClient(place, 'build', tcp, { ref: 'silent', session: false });
    await until('a build', async () => (await buildkitd.builds()).length === 1);
    await delay(500);
    const [quiet] = await received();
    await delay(500);
    expect(await received()).toEqual([quiet]);
    await silent.signal('SIGKILL');
    await until('no client', async () => (await received()).length === 0);

    await startClient(place, 'build', tcp, { ref: 'heard' });
    await until('a build', async () => (await buildkitd.builds()).length === 1);
    const sums = new Set<number>();
    const beats = await until('ten beats', async () => {
      for (const sum of await received()) {
        sums.add(sum);
      }
      return sums.size >= 12 && [...sums].slice(1);
    });
    const steps = beats.slice(1).map((sum, index) => sum - (beats[index] ?? 0));
    expect(Math.min(...steps.filter((step) => step >= 200))).toBeGreaterThanOrEqual(215);
  });

  it('ends the build of a client that is killed, and keeps that of one that is stopped', async ({
    place,
    buildkitd,
  }) => {
    await buildkitd.listen(unix);
    const stopped = await startClient(place, 'build', unix, { ref: 'stopped' });
    const killed = await startClient(place, 'build', unix, { ref: 'killed' });
    await until('two builds', async () => (await buildkitd.builds()).length === 2);
    await stopped.signal('SIGSTOP');
    await killed.signal('SIGKILL');
    await until('one build', async () => (await buildkitd.builds()).length === 1);
    expect(await buildkitd.builds()).toEqual(['stopped']);
  });

  it('gives up the session of a stopped client, and keeps its build', async ({
    place,
    buildkitd,
    observe,
  }) => {
    await buildkitd.listen(tcp);
    await buildkitd.behave({ beatMs: 100, patienceMs: 500 });
    const client = await startClient(place, 'build', tcp, { ref: 'stopped' });
    await until('a build', async () => (await buildkitd.builds()).length === 1);
    await client.signal('SIGSTOP');
    let before: number | null | undefined;
    await until('silence', async () => {
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

  it('has clients that are no builds', async ({ place, buildkitd, observe }) => {
    await buildkitd.listen(tcp);
    const connections = async (): Promise<number> =>
      (await observe('procfs', tcp)).connections.length;
    const probe = await startClient(place, 'probe-every', tcp, { intervalMs: 50 });
    await probe.line(2);
    await probe.signal('SIGKILL');
    await until('no client', async () => (await connections()) === 0);
    await (await startClient(place, 'idle', tcp)).line(0);
    const silent = await startClient(place, 'silent', tcp);
    await silent.line(0);
    await until('two clients', async () => (await connections()) === 2);
    expect(await buildkitd.builds()).toEqual([]);
  });

  it('told to stop, dies at once or waits for the last build', async ({ openPlace }) => {
    for (const onSigterm of ['die', 'wait'] as const) {
      const place = await openPlace();
      const buildkitd = await startBuildkitd(place);
      await buildkitd.listen(unix);
      await buildkitd.behave({ onSigterm });
      const build = await startClient(place, 'build', unix, { ref: 'one' });
      await until('a build', async () => (await buildkitd.builds()).length === 1);
      await buildkitd.process.signal('SIGTERM');
      if (onSigterm === 'wait') {
        const late = await startClient(place, 'silent', unix);
        expect((await late.ended).code).not.toBe(0);
        expect(await buildkitd.builds()).toEqual(['one']);
        await buildkitd.end('one');
      }
      expect((await buildkitd.process.ended).code).toBe(1);
      expect((await build.ended).stdout).toContain(onSigterm === 'wait' ? 'built' : 'failed');
    }
  });
});
