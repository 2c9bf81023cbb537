import { describe, expect, it } from 'vitest';
import type { Sample } from '../../../src/backends/types.ts';
import { drain } from '../../../src/drain/drain.ts';
import type { DrainConfig, DrainEvent, DrainOutcome } from '../../../src/drain/types.ts';
import { drainDefaults } from '../../../src/options/drain-config.ts';
import { createRecord } from '../support/record.ts';
import { client, counted, failed, gone, samplerOf } from '../support/samples.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const config = drainDefaults();

const builder = client('10.0.0.5:4000');
const other = client('10.0.0.6:4000');

interface Run {
  readonly outcome: DrainOutcome;
  readonly events: readonly DrainEvent[];
}

/** Waits in virtual time over the samples that `sampleAt` gives for the milliseconds since the start. */
async function run(
  sampleAt: (ms: number) => Sample,
  changes: Partial<DrainConfig> = {},
): Promise<Run> {
  const clock = new VirtualClock();
  const startMs = clock.now();
  const events: DrainEvent[] = [];
  const rule = { ...config, ...changes };
  const results = createRecord(rule);
  const outcome = await drain({
    sampler: samplerOf(() => results.add(clock.now(), () => sampleAt(clock.now() - startMs))),
    builds: null,
    config: rule,
    clock,
    signal: new AbortController().signal,
    onEvent: (event) => events.push(event),
  });
  results.check(outcome, clock.now());
  return { outcome, events };
}

const kindsOf = (events: readonly DrainEvent[]): string[] => events.map(({ kind }) => kind);

describe('drain', () => {
  it('ends a quiet period after the last client has left', async () => {
    const { outcome } = await run((ms) => (ms < 5000 ? counted(builder, other) : counted()));
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 15_000, mostConnections: 2 });
  });

  it('ends at most one interval later than quiet allows, whatever the interval', async () => {
    const leavesAtMs = 1;
    const { outcome } = await run((ms) => (ms < leavesAtMs ? counted(builder) : counted()), {
      intervalMs: 3000,
    });
    expect(outcome.waitedMs).toBe(13_000);
  });

  it('treats what the sample throws as unknown, and reports that it is a bug', async () => {
    const { outcome, events } = await run(
      (ms) => {
        if (ms < 500) {
          throw new TypeError('x is not a function');
        }
        return counted();
      },
      { quietPeriodMs: 1000 },
    );
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 1500 });
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: 'count-failed',
        error: expect.objectContaining({
          code: 'ERR_BUG',
          message: expect.stringContaining('x is not'),
        }),
      }),
    );
  });

  it('ends at once, after a second poll, when the daemon is gone', async () => {
    const { outcome } = await run((ms) => (ms < 1000 ? counted(builder) : gone), {
      intervalMs: 500,
    });
    expect(outcome).toMatchObject({ kind: 'gone', waitedMs: 1100 });
  });

  it('polls a daemon that seems gone for the second time even at the deadline', async () => {
    const { outcome } = await run((ms) => (ms < 1000 ? counted(builder) : gone), {
      timeoutMs: 1000,
    });
    expect(outcome).toMatchObject({ kind: 'gone', waitedMs: 1100 });
  });

  it('times out at its deadline with clients connected, also between two polls', async () => {
    const { outcome } = await run(() => counted(builder), { timeoutMs: 1050 });
    expect(outcome).toMatchObject({ kind: 'timed-out', waitedMs: 1050, quietForMs: null });
  });

  it.each([
    ['earlier', 600_000, 5000],
    ['later', 5000, 50_000],
    ['none before', null, 5000],
  ])('times out at a deadline that changes during the wait: %s', async (_, before, timeoutMs) => {
    let deadlineMs: number | null = before;
    let isAsked = false;
    let onChange = (): void => {};
    const clock = new VirtualClock();
    const outcome = await drain({
      sampler: samplerOf(() => {
        if (!isAsked) {
          isAsked = true;
          queueMicrotask(() => {
            deadlineMs = timeoutMs;
            onChange();
          });
        }
        return counted(builder);
      }),
      ...{ builds: null, clock, config: { ...config, intervalMs: 60_000 } },
      deadline: {
        timeoutMs: () => deadlineMs,
        onChange(callback) {
          onChange = callback;
        },
      },
      signal: new AbortController().signal,
      onEvent() {},
    });
    expect(outcome).toMatchObject({ kind: 'timed-out', waitedMs: timeoutMs });
  });

  it('times out in a quiet period that is not over, and reports how far it was', async () => {
    const { outcome } = await run(() => counted(), { timeoutMs: 4000 });
    expect(outcome).toMatchObject({ kind: 'timed-out', quietForMs: 4000 });
  });

  it('times out, not unknown, if a failed sample still shows a client', async () => {
    const { outcome } = await run(() => failed('EPERM', builder), { timeoutMs: 1000 });
    expect(outcome.kind).toBe('timed-out');
  });

  it('holds to the deadline when clients cannot be counted', async () => {
    const { outcome } = await run(() => failed(), { timeoutMs: 60_000 });
    expect(outcome).toMatchObject({ kind: 'unknown', waitedMs: 60_000, error: { code: 'EPERM' } });
    expect(outcome.mostConnections).toBeNull();
  });

  it('exits after a quiet period without a count if an option allows it', async () => {
    const { outcome } = await run((ms) => (ms < 5000 ? counted(builder) : failed()), {
      onUnknown: 'exit',
    });
    expect(outcome).toMatchObject({ kind: 'unknown', waitedMs: 15_000 });
  });

  it('is interrupted by its signal, before and while it waits', async () => {
    const clock = new VirtualClock();
    const stop = new AbortController();
    const sample = (): Sample => {
      stop.abort('SIGTERM');
      return counted(builder);
    };
    const sampler = samplerOf(sample);
    const input = { sampler, builds: null, config, clock, signal: stop.signal, onEvent: () => {} };
    expect(await drain(input)).toMatchObject({ kind: 'interrupted', reason: 'SIGTERM', polls: 1 });
    expect(await drain(input)).toMatchObject({ kind: 'interrupted', polls: 0, sample: null });
  });

  it('passes on what onEvent throws, since only its caller knows what it means', async () => {
    const input = {
      sampler: samplerOf(() => counted()),
      builds: null,
      config,
      clock: new VirtualClock(),
      signal: new AbortController().signal,
      onEvent: () => {
        throw new Error('full');
      },
    };
    await expect(drain(input)).rejects.toThrow('full');
  });
});

describe('a sampling gap', () => {
  /** Waits with a client-free daemon, and is stopped once for so long after 400 ms. */
  async function waitedWithPause(pauseMs: number, quietPeriodMs: number): Promise<number> {
    const startMs = new VirtualClock().now();
    const clock = new (class extends VirtualClock {
      isPaused = false;

      override async sleep(durationMs: number): Promise<void> {
        await super.sleep(durationMs);
        if (!this.isPaused && this.now() - startMs >= 400) {
          this.isPaused = true;
          this.ms += pauseMs;
        }
      }
    })();
    const { waitedMs } = await drain({
      sampler: samplerOf(() => counted()),
      builds: null,
      config: { ...config, quietPeriodMs },
      clock,
      signal: new AbortController().signal,
      onEvent: () => {},
    });
    return waitedMs;
  }

  it('of half a short quiet period starts it over', async () => {
    expect(await waitedWithPause(390, 1000)).toBe(1000);
    expect(await waitedWithPause(450, 1000)).toBe(400 + 450 + 1000);
  });

  it('of a second starts a long one over', async () => {
    expect(await waitedWithPause(890, 10_000)).toBe(10_000);
    expect(await waitedWithPause(950, 10_000)).toBe(400 + 950 + 10_000);
  });
});

describe('the events of a wait', () => {
  it('name the clients that came and left', async () => {
    const { events } = await run(
      (ms) => (ms < 1000 ? counted(builder) : ms < 2000 ? counted(builder, other) : counted()),
      { quietPeriodMs: 1000, probeGraceMs: 0 },
    );
    expect(kindsOf(events)).toEqual(['started', 'changed', 'changed']);
    expect(events[1]).toMatchObject({ before: 1, arrived: [{ connection: other }], left: [] });
    expect(events[2]).toMatchObject({ before: 2, arrived: [], quietForMs: 0 });
    expect(events[2]).toHaveProperty('left.length', 2);
  });

  it('report progress as often as configured', async () => {
    const { events } = await run((ms) => (ms < 100_000 ? counted(builder) : counted()));
    expect(kindsOf(events).filter((kind) => kind === 'progress')).toHaveLength(3);
  });

  it('report progress that came due while a line was written, and pass no deadline so', async () => {
    const clock = new VirtualClock();
    const same = counted();
    const sampler = { ...samplerOf(() => same), isUnchanged: () => true };
    const events: DrainEvent[] = [];
    const input = { sampler, builds: null, clock, signal: new AbortController().signal };
    const onEvent = (event: DrainEvent): void => {
      events.push(event);
      clock.ms += event.kind === 'started' ? 120 : 0;
    };
    const once = { ...config, progressEveryMs: 100, timeoutMs: 5000 };
    await drain({ ...input, config: once, onEvent });
    expect(kindsOf(events).filter((kind) => kind === 'progress').length).toBeGreaterThan(30);

    const begunMs = clock.now();
    const late = { ...config, timeoutMs: 110 };
    expect(await drain({ ...input, config: late, onEvent })).toMatchObject({ kind: 'timed-out' });
    expect(clock.now() - begunMs).toBeLessThanOrEqual(320);
  });

  it('list the clients oldest first, so that the first ten that are named are the oldest', async () => {
    const old = client('10.0.0.7:4000', { inode: 8 });
    const all = [builder, other, old];
    const at = (ms: number): Sample => counted(...all.slice(ms < 1000 ? 2 : ms < 2000 ? 1 : 0));
    const { events, outcome } = await run(at, { progressEveryMs: 3000, timeoutMs: 4000 });
    const oldestFirst = [old, other, builder].map((connection) => ({ connection }));
    expect(events.at(-1)).toMatchObject({ kind: 'progress', clients: oldestFirst });
    expect(outcome).toMatchObject({ kind: 'timed-out', clients: oldestFirst });
  });

  it('report once that counting failed and once that it recovered', async () => {
    const { events } = await run((ms) => (ms > 500 && ms < 2000 ? failed() : counted(builder)), {
      timeoutMs: 3000,
    });
    expect(kindsOf(events)).toEqual(['started', 'count-failed', 'count-recovered']);
    expect(events[2]).toMatchObject({ lostForMs: 1400, clients: [{ connection: builder }] });
  });

  it('report a sampling gap in the quiet period', async () => {
    const clock = new VirtualClock();
    const startMs = clock.now();
    const events: DrainEvent[] = [];
    let isStopped = false;
    const outcome = await drain({
      sampler: samplerOf(() => {
        if (!isStopped && clock.now() - startMs >= 5000) {
          isStopped = true;
          clock.ms += 60_000;
        }
        return counted();
      }),
      builds: null,
      config,
      clock,
      signal: new AbortController().signal,
      onEvent: (event) => events.push(event),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 75_100 });
    const samplingGaps = events.filter(({ kind }) => kind === 'sampling-gap');
    expect(samplingGaps).toEqual([{ kind: 'sampling-gap', gapMs: 60_100 }]);
  });
});
