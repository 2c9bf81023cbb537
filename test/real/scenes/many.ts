import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { tcp, unix } from '../support/actors.ts';
import type { Scenes } from '../support/scenes.ts';
import type { Stage } from '../support/stage.ts';

/** Many builds at once. */
export const atOnce: Scenes = {
  // With more than 32 of them v0.12.3 must not be asked.
  '40 builds at once': async (stage) => {
    const daemon = await stage.startDaemon();
    // The last one ends alone, or its end would be seen late.
    const seconds = (n: number): number => (n === 0 ? 8 : 6);
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        stage.build(daemon, n % 2 ? tcp : unix, { seconds: seconds(n) }),
      ),
    );
    await stage.judge(await stage.wait());
  },
};

/** Many builds, one after the other. */
export const chains: Scenes = {
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
