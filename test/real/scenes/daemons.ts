import { expect } from 'vitest';
import { quietPeriodMs, tcp, unix } from '../support/actors.ts';
import { judgeRun } from '../support/run-log.ts';
import type { Scenes } from '../support/scenes.ts';

const gone = { outcome: 'gone', heldAtLeastMs: 0, heldAtMostMs: 1500 };

/** What happens to a daemon while, or before, a build runs. */
export const daemons: Scenes = {
  'a daemon that is killed, and started again': async (stage) => {
    const daemon = await stage.startDaemon();
    await stage.build(daemon, tcp, { seconds: 30 });
    const wait = await stage.wait();
    await wait.counted(1);
    const sinceMs = Date.now();
    await daemon.process.signal('SIGKILL');
    await stage.judge(wait, { ...gone, sinceMs });
    stage.forget();
    const next = await stage.startDaemon();
    await stage.build(next, tcp);
    await stage.judge(await stage.wait());
  },

  'a daemon that is stopped, and a probe that gave up': async (stage) => {
    const daemon = await stage.startDaemon();
    await daemon.process.signal('SIGSTOP');
    const probe = await stage.enter(() => stage.actors.probe(stage.sandbox, tcp));
    await probe.process.signal('SIGKILL');
    const sinceMs = Date.now();
    const wait = await stage.wait();
    await wait.ended;
    await daemon.process.signal('SIGCONT');
    await stage.judge(wait, {
      sinceMs,
      // It is asked twice, and a second each time.
      heldAtMostMs: quietPeriodMs + 3500,
      rules: { builds: ({ message }) => /unknown: .* did not answer within 1000ms/.test(message) },
    });
  },

  'a daemon that is told to end': async (stage) => {
    const daemon = await stage.startDaemon();
    const build = await stage.build(daemon, tcp, { seconds: 4 });
    const wait = await stage.wait();
    await wait.counted(1);
    await daemon.process.signal('SIGTERM');
    const { code } = await daemon.process.ended;
    const sinceMs = Date.now();
    await stage.judge(wait, {
      ...{ ...gone, sinceMs },
      rules: {
        'listener-gone': ({ message }) => message.includes('but the daemon runs'),
        'count-failed': ({ message }) => message.includes('at least 1 client is connected'),
        'count-recovered': ({ message }) => message.includes(': 1 client is connected'),
        'named-builds-expired': () => true,
      },
    });
    // Since v0.14 the daemon waits for its builds, and says that it was interrupted.
    expect([code, await build.ended]).toEqual(stage.isBelieved() ? [1, 0] : [1, 1]);
  },

  'two daemons': async (stage) => {
    const one = await stage.startDaemon();
    const addresses = ['unix:///run/other/buildkitd.sock', 'tcp://127.0.0.1:1235'];
    const other = await stage.startDaemon({ addresses, root: '/run/other/root' });
    await stage.build(one, tcp, { seconds: 2 });
    await stage.build(other, 'tcp://127.0.0.1:1235', { seconds: 4 });
    await stage.judge(await stage.wait());
  },

  'a daemon below run': async (stage) => {
    const daemon = await stage.startDaemon({ addresses: [unix, tcp], isBelowRun: true });
    const build = await stage.build(daemon, tcp, { seconds: 4 });
    await daemon.process.signal('SIGTERM');
    expect(await build.ended).toBe(0);
    await judgeRun(daemon.process, build.span.endedMs ?? Number.NaN);
  },
};

/** With a daemon that was built without a version. */
export const unstamped: Scenes = {
  'a build of a daemon without a version': async (stage) => {
    const daemon = await stage.startDaemon();
    await stage.build(daemon, tcp);
    await stage.judge(await stage.wait());
  },

  'an idle daemon without a version': async (stage) => {
    await stage.startDaemon();
    const sinceMs = Date.now();
    await stage.judge(await stage.wait(), {
      sinceMs,
      heldAtMostMs: quietPeriodMs + 2500,
      rules: { builds: ({ message }) => message.includes('names no build, which is not accepted') },
    });
  },
};
