import { describe, expect, it } from 'vitest';
import type { Connection, Sample } from '../../../src/backends/types.ts';
import { drain } from '../../../src/drain/drain.ts';
import type { DrainConfig, DrainEvent, DrainOutcome } from '../../../src/drain/types.ts';
import { drainDefaults } from '../../../src/options/drain-config.ts';
import { client, counted, failed, samplerOf, unixEndpoint } from '../support/samples.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const config = drainDefaults();

const builder = client('10.0.0.5:4000');
const other = client('10.0.0.6:4000');
const unix = client('socket:[4711]', { peerAddress: null, endpoint: unixEndpoint.address });

/** A clock that is woken at one time, as by the kernel when a connection has ended. */
class WokenClock extends VirtualClock {
  readonly #wakeMs: number;

  constructor(wakeMs: number) {
    super();
    this.#wakeMs = this.ms + wakeMs;
  }

  override async sleep(durationMs: number): Promise<void> {
    const isWoken = this.ms < this.#wakeMs && this.#wakeMs < this.ms + durationMs;
    this.ms = isWoken ? this.#wakeMs : this.ms + durationMs;
  }
}

interface Run {
  readonly outcome: DrainOutcome;
  readonly events: readonly DrainEvent[];
  /** When full polls were made, in milliseconds since the start. */
  readonly pollsMs: readonly number[];
}

/** Waits in virtual time; the ends of TCP connections are announced, and of no others. */
async function run(
  sampleAt: (ms: number) => Sample,
  changes: Partial<DrainConfig> = {},
  wakeMs = Infinity,
): Promise<Run> {
  const clock = new WokenClock(wakeMs);
  const startMs = clock.now();
  const pollsMs: number[] = [];
  const events: DrainEvent[] = [];
  const sample = (): Sample => {
    pollsMs.push(clock.now() - startMs);
    return sampleAt(clock.now() - startMs);
  };
  const announcesEnd = ({ peerAddress }: Connection): boolean => peerAddress !== null;
  const outcome = await drain({
    sampler: { ...samplerOf(sample), announcesEnd },
    builds: null,
    config: { ...config, quietPeriodMs: 2000, ...changes },
    clock,
    signal: new AbortController().signal,
    onEvent: (event) => events.push(event),
  });
  return { outcome, events, pollsMs };
}

const between = ({ pollsMs }: Run, fromMs: number, toMs: number): readonly number[] =>
  pollsMs.filter((ms) => ms >= fromMs && ms < toMs);

describe('while the end of a client will be announced', () => {
  it('polls once a second, and at the interval without a client', async () => {
    const result = await run((ms) => (ms < 4500 ? counted(builder) : counted()), {}, 4500);
    expect(between(result, 0, 4500)).toEqual([0, 1000, 2000, 3000, 4000]);
    expect(between(result, 4500, 5000)).toEqual([4500, 4600, 4700, 4800, 4900]);
  });

  it('begins quiet when it is announced, and not at the next poll', async () => {
    const { outcome } = await run((ms) => (ms < 4321 ? counted(builder) : counted()), {}, 4321);
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 6321 });
  });

  it('notices within a second if it is not announced', async () => {
    const { outcome } = await run((ms) => (ms < 4321 ? counted(builder) : counted()));
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 7000 });
  });

  it('keeps to an interval that is longer', async () => {
    const leftMs = 9000;
    const result = await run((ms) => (ms < leftMs ? counted(builder) : counted()), {
      intervalMs: 3000,
    });
    expect(between(result, 0, leftMs)).toEqual([0, 3000, 6000]);
  });

  it('keeps its deadline', async () => {
    const { outcome } = await run(() => counted(builder), { timeoutMs: 1234 });
    expect(outcome).toMatchObject({ kind: 'timed-out', waitedMs: 1234 });
  });

  it('does not treat what came since a poll long ago as pending', async () => {
    // The builder's end is announced; the other came in between, at an unknown time.
    const sampleAt = (ms: number): Sample =>
      ms < 2700 ? counted(builder) : ms < 3600 ? counted(other) : counted();
    const { outcome, events } = await run(sampleAt, {}, 2700);
    expect(outcome).toMatchObject({ kind: 'drained', probes: 0 });
    const changes = events.filter(({ kind }) => kind === 'changed');
    expect(changes[0]).toMatchObject({ arrived: [{ isArrivalSeen: false, kind: 'client' }] });
  });
});

describe('polls are at the interval', () => {
  const everyPoll = [1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700, 1800, 1900];

  it('when the last client whose end is announced has left others behind', async () => {
    const sampleAt = (ms: number): Sample =>
      ms < 700 ? counted(builder, unix) : ms < 3000 ? counted(unix) : counted();
    const result = await run(sampleAt, {}, 700);
    expect(between(result, 0, 1000)).toEqual([0, 700, 800, 900]);
    expect(between(result, 1000, 2000)).toEqual(everyPoll);
  });

  it('when no more such clients are there than may be', async () => {
    const sampleAt = (ms: number): Sample => (ms < 3000 ? counted(builder, unix) : counted());
    const result = await run(sampleAt, { maxConnections: 1 });
    expect(between(result, 1000, 2000)).toEqual(everyPoll);
  });

  it('when the sample is no count', async () => {
    const sampleAt = (ms: number): Sample =>
      ms < 500 ? counted(builder) : ms < 3000 ? failed('EPERM', builder) : counted();
    const result = await run(sampleAt);
    expect(between(result, 1000, 2000)).toEqual(everyPoll);
  });
});
