import { afterEach, describe, expect, it } from 'vitest';
import type { Source } from '../../../bench/accuracy/sources.ts';
import { startWatch, type Watcher } from '../../../bench/accuracy/watcher.ts';

const anHourMs = 3_600_000;

let watcher: Watcher | undefined;
afterEach(async () => {
  await watcher?.finish();
});

interface Played extends Source {
  results: number;
  lastMs: number;
  isClosed: boolean;
  endOne: (() => void) | null;
}

/** Answers with each of these in turn, and then with the last of them. */
function played(...answers: readonly (readonly number[] | Error)[]): Played {
  return {
    ...{ results: 0, lastMs: 0, isClosed: false, endOne: null },
    poll() {
      const answer = answers[Math.min(this.results, answers.length - 1)] ?? [];
      this.results += 1;
      this.lastMs = performance.now();
      if (answer instanceof Error) {
        throw answer;
      }
      return answer;
    },
    reportedEnds() {
      return this.results === 2 ? [4711] : [];
    },
    onEnd(callback) {
      this.endOne = callback;
    },
    close() {
      this.isClosed = true;
    },
  };
}

function watch(
  source: Source,
  intervalMs: number,
  quietPeriodsMs: readonly number[] | null,
): Watcher {
  const nowMs = (): number => performance.now();
  watcher = startWatch(source, { intervalMs, quietPeriodsMs, nowMs, cpuMs: () => 7 });
  return watcher;
}

// Node's timers go by a clock of whole milliseconds, and may so be early by less than one.
const timerGrainMs = 1;

describe('a watch', () => {
  it('polls when a connection has ended, if it is to poll as wait does', async () => {
    const source = played([1]);
    watch(source, anHourMs, [1000]);
    await expect.poll(() => source.results).toBe(1);
    source.endOne?.();
    await expect.poll(() => source.results).toBe(2);
  });

  it('polls at the end of a quiet period', async () => {
    const source = played([]);
    const { finish } = watch(source, anHourMs, [0, 20, 60]);
    const firstMs = source.lastMs;
    // A timer that fires early causes one more poll, so their number does not say which was the last.
    await expect.poll(() => source.lastMs - firstMs).toBeGreaterThanOrEqual(60);
    const { fromMs, toMs } = await finish();
    const afterMs = fromMs.slice(1).map((ms) => ms - (toMs[0] ?? 0));
    expect(afterMs.length).toBeGreaterThanOrEqual(2);
    expect(afterMs[0]).toBeGreaterThanOrEqual(20 - timerGrainMs);
    expect(afterMs.at(-1)).toBeGreaterThanOrEqual(60 - timerGrainMs);
  });

  it('polls only at the interval, if it is not to poll as wait does', async () => {
    const source = played([]);
    watch(source, 10, null);
    await expect.poll(() => source.results).toBeGreaterThan(3);
    expect(source.endOne).toBeNull();
  });

  it('records changes, whatever the order of the keys, and a failed poll as unknown', async () => {
    const source = played([3, 20, 1], [20, 1, 3], new Error('cut'), [1], []);
    const { finish } = watch(source, 1, null);
    await expect.poll(() => source.results).toBeGreaterThan(5);
    const { changes, reportedEnds, fromMs, toMs, cpu } = await finish();
    expect(changes).toEqual([
      { poll: 0, keys: [1, 3, 20] },
      { poll: 2, keys: null },
      { poll: 3, keys: [1] },
      { poll: 4, keys: [] },
    ]);
    expect(reportedEnds).toEqual([{ atMs: toMs[1], peerPort: 4711 }]);
    expect(fromMs).toHaveLength(toMs.length);
    expect(cpu[0]).toEqual({ atMs: toMs[0], cpuMs: 7 });
    expect(source.isClosed).toBe(true);
  });
});
