import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { tcp, unix } from '../support/actors.ts';
import type { Scenes } from '../support/scenes.ts';
import type { Stage } from '../support/stage.ts';

/** Many builds at once, and one after the other. */
export const many: Scenes = {
  '30 builds at once': async (stage) => {
    const daemon = await stage.startDaemon();
    await stage.build(daemon, tcp, { seconds: 6 });
    const wait = await stage.wait();
    await Promise.all(
      Array.from({ length: 29 }, (_, n) => stage.build(daemon, n % 2 ? tcp : unix, { seconds: 3 })),
    );
    await stage.judge(wait);
  },

  '20 builds in a chain over TCP': (stage) => chain(stage, tcp),
  '20 builds in a chain over a unix socket': (stage) => chain(stage, unix),
};

async function chain(stage: Stage, address: string): Promise<void> {
  const daemon = await stage.startDaemon();
  if (address === unix && !stage.isBelieved()) {
    stage.skip('short builds over a unix socket cannot be told from probes in this version');
  }
  const buildNext = async (): Promise<void> => {
    const start = () => stage.actors.buildQuickly(stage.sandbox, daemon, address);
    const build = await stage.enter(start, { mayNotCount: !stage.isBelieved() });
    expect(await build.ended).toBe(0);
  };
  await buildNext();
  // Longer than it takes to start a client on a busy machine.
  const wait = await stage.wait('--quiet-period=4s');
  for (let n = 1; n < 20; n += 1) {
    await delay(300);
    await buildNext();
  }
  await stage.judge(wait, {
    // Where the daemon names no build, one that ended in a reset leaves no trace.
    heldAtLeastMs: stage.isBelieved() ? 4000 : 0,
    heldAtMostMs: 4000 + 1300,
    rules: {
      'short-lived-clients': ({ message }) => /Connected and left .* \(sent \d/.test(message),
      'build-recorded': ({ message }) => message.includes('a record of a build that ended'),
    },
  });
}
