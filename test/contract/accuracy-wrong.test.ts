import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trueConnections } from '../../bench/accuracy/ground-truth.ts';
import { type FinishedPhase, scorePhases } from '../../bench/accuracy/score.ts';
import { type Source, watchMethods } from '../../bench/accuracy/sources.ts';
import type { LifetimeScore, VerdictScore } from '../../bench/accuracy/types.ts';
import { scoreVerdicts } from '../../bench/accuracy/verdicts.ts';
import { startWatch } from '../../bench/accuracy/watcher.ts';
import { phasesOf } from '../../bench/accuracy/workload.ts';
import { startWorkload, type WorkloadProcesses } from '../../bench/accuracy/workload-processes.ts';

// Detectors that are wrong on purpose watch real connections, beside one that is right.

const helper = fileURLToPath(new URL('../../dist/bin/bench-helper.cjs', import.meta.url));
const signal = new AbortController().signal;
const env = { PATH: process.env['PATH'] ?? '' };
const intervalMs = 10;
const quietPeriodsMs = [0, 300];

interface Scored {
  readonly score: LifetimeScore;
  readonly verdicts: readonly VerdictScore[];
}

let workload: WorkloadProcesses;
let scored: { readonly [Name in 'right' | 'dropping' | 'confused']: Scored };

beforeAll(async () => {
  workload = await startWorkload({ node: process.execPath, helper, env, signal });
  const { port, path } = workload.target;
  const dump = (localPort: number): Source => {
    const method = watchMethods.find(({ name }) => name === 'dump');
    return method?.open('tcp', { target: { port: localPort, path }, env, signal }) as Source;
  };
  const sources = {
    right: dump(port),
    dropping: droppingEveryTenth(dump(port)),
    confused: together(dump(port), dump(port * 10 + 5)),
  };
  scored = await watchAll(sources);
}, 30_000);
afterAll(() => workload.close());

/** Never sees every tenth connection. */
function droppingEveryTenth(source: Source): Source {
  const order = new Map<number, number>();
  return {
    ...source,
    async poll() {
      const keys = await source.poll();
      for (const key of keys) {
        order.set(key, order.get(key) ?? order.size);
      }
      return keys.filter((key) => (order.get(key) ?? 0) % 10 !== 9);
    },
  };
}

/** Counts port 12345 as 1234, too. */
function together(one: Source, other: Source): Source {
  return {
    ...one,
    poll: async () => [...(await one.poll()), ...(await other.poll())],
  };
}

async function watchAll<Name extends string>(
  sources: Readonly<Record<Name, Source>>,
): Promise<Record<Name, Scored>> {
  const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
  const watchers = Object.entries<Source>(sources).map(
    ([name, source]) =>
      [
        name,
        startWatch(source, { intervalMs, quietPeriodsMs: null, nowMs, cpuMs: () => 0 }),
      ] as const,
  );
  const [phase] = phasesOf({
    ...{ seed: 7, lifetimes: [100], methods: [], intervalsMs: [intervalMs], phaseMs: 4000 },
    ...{ ratePerSecond: 60, backgroundPerSecond: 0, quietPeriodsMs },
  });
  await workload.setBackground(20, 7);
  const fromMs = nowMs() + 20;
  const clients = await workload.connect({ arrivals: phase?.arrivals ?? [], fromMs });
  const toMs = nowMs();
  await delay(2000);
  const truth = trueConnections(clients, await workload.accepted()).filter(
    ({ transport }) => transport === 'tcp',
  );
  const untilMs = nowMs();
  const played: FinishedPhase = { name: '100ms', fromMs, toMs, untilMs, truth };
  const detector = { method: 'dump', transport: 'tcp', intervalMs } as const;
  const entries = watchers.map(async ([name, watcher]) => {
    const recording = await watcher.finish();
    const [score] = scorePhases(detector, false, recording, [played]);
    const verdicts = scoreVerdicts(detector, truth, recording, quietPeriodsMs, untilMs);
    return [name, { score: score as LifetimeScore, verdicts }] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as unknown as Record<Name, Scored>;
}

function deviationOf({ score: { recall, expectedRecall, standardError } }: Scored): number {
  return ((recall ?? 0) - (expectedRecall ?? 0)) / (standardError ?? 1);
}

describe('the scores', () => {
  it('find no fault with a correct detector', () => {
    const { score, verdicts } = scored.right;
    expect(score.connections).toBeGreaterThan(100);
    expect(Math.abs(deviationOf(scored.right))).toBeLessThan(4);
    expect(score.falseDetections).toBe(0);
    expect(score.countError).toBeLessThan(2 * (score.expectedCountError ?? 0));
    expect(verdicts.map(({ early, unended }) => [early, unended])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('expose a detector that drops every tenth connection', () => {
    const { score } = scored.dropping;
    expect(score.recall).toBeCloseTo(0.9 * (scored.right.score.recall ?? 0), 1);
    expect(deviationOf(scored.dropping)).toBeLessThan(-5);
    expect(score.countError).toBeGreaterThan(scored.right.score.countError);
    expect(score.falseDetections).toBe(0);
  });

  it('expose a detector that counts 12345 as 1234', () => {
    const { score, verdicts } = scored.confused;
    expect(score.recall).toBeCloseTo(scored.right.score.recall ?? 0, 1);
    expect(score.falseDetections).toBeGreaterThan(10);
    expect(score.countError).toBeGreaterThan(scored.right.score.countError);
    // No client is connected any more, but the other port is never quiet for long.
    const held = (each: Scored['verdicts']): number =>
      each.reduce(
        (sum, { unended, lateMs }) => sum + unended + Number((lateMs?.most ?? 0) > 150),
        0,
      );
    expect(held(verdicts)).toBeGreaterThan(held(scored.right.verdicts));
  });
});
