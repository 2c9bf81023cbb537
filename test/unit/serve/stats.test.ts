import { expect, it } from 'vitest';
import type { DrainStatus } from '../../../src/drain/types.ts';
import { createStats } from '../../../src/serve/stats.ts';
import { counted, samplerOf } from '../support/samples.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { virtualLoop } from '../support/virtual-loop.ts';

const nothingYet = { clients: [], notCounted: [], pending: [], all: [], namedBuilds: [] };

it('polls of the loop are counted while it runs, and what was seen is as young as the last one', async () => {
  const clock = new VirtualClock();
  const stats = createStats(() => clock.now());
  let polls = 0;
  const isUnchanged = (): boolean => {
    note();
    polls += 1;
    return polls < 3;
  };
  const loop = virtualLoop(clock, { isUnchanged, hasTrafficMoved: () => false });
  const sampler = stats.counting({ ...samplerOf(() => counted()), loop: () => loop });
  const sample = sampler.sample();
  const status: DrainStatus = {
    ...{ nowMs: clock.now(), waitedMs: 0, quietForMs: 0, builds: null, buildsAskedMs: null },
    ...{ ...nothingYet, sample },
  };
  stats.begin();
  stats.note(status);
  const seen: unknown[] = [];
  const note = (): void => {
    seen.push([stats.read().samples, stats.reading()?.ageMs, stats.read().quietMs]);
  };

  const running = sampler.loop();
  const plan = { intervalMs: 100, dueInMs: Infinity, longestGapMs: Infinity, sinceLastMs: 0 };
  running?.start({ ...plan, seesTraffic: false, seesBetweenPolls: false }, () => {});
  clock.ms += 50;
  note();
  await clock.untilWoken();
  note();
  running?.stop();
  note();
  // Before each of three polls, the last of which finds a change, and after them.
  expect(seen).toEqual([
    [1, 50, 0],
    [1, 150, 0],
    [2, 100, 150],
    [3, 100, 250],
    [3, 100, 250],
    [3, 100, 250],
  ]);
});
