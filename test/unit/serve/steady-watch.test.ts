import { describe, expect, it } from 'vitest';
import type { Sample } from '../../../src/backends/types.ts';
import type { BuildsSource } from '../../../src/builds/types.ts';
import type { WatchStatus } from '../../../src/drain/types.ts';
import { createSteadyWatch, type SteadyWatchInput } from '../../../src/serve/steady-watch.ts';
import { waitFor } from '../../support/wait-for.ts';
import { client, counted, daemonSaying, runsNone, samplerOf } from '../support/samples.ts';

function steady(rest: Partial<SteadyWatchInput>) {
  const statuses: WatchStatus[] = [];
  const errors: unknown[] = [];
  const watch = createSteadyWatch({
    sampler: samplerOf(() => counted()),
    builds: null,
    seenBetweenPolls: () => 0,
    tcpConnections: () => 0,
    rule: {
      ...{ counts: () => true, probeGraceMs: 0, quietPeriodMs: 0 },
      ...{ ignoreSilentMs: null, ignoreUnreachableMs: null },
    },
    intervalMs: 5,
    onPoll: (status) => void statuses.push(status),
    onError: (error) => void errors.push(error),
    ...rest,
  });
  return { watch, statuses, errors };
}

describe('a steady watch', () => {
  it('polls until it is stopped, and again when it is started', async () => {
    const { watch, statuses } = steady({});
    watch.start();
    await waitFor('some polls', () => statuses.length > 3);
    await watch.stop();
    const stopped = statuses.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(statuses).toHaveLength(stopped);
    watch.start();
    await waitFor('more polls', () => statuses.length > stopped + 3);
    await watch.stop();
  });

  it('goes on after an error of any kind, and says so', async () => {
    let polls = 0;
    const { watch, errors } = steady({
      onPoll() {
        polls += 1;
        if (polls === 2) {
          throw new Error('a bug');
        }
      },
    });
    watch.start();
    await waitFor('the polls after the error', () => polls > 4);
    expect(errors).toEqual([new Error('a bug')]);
    await watch.stop();
  });

  it('goes on after errors of what it polls', async () => {
    let polls = 0;
    const sample = (): Sample => {
      polls += 1;
      if (polls === 3) {
        throw new Error('a lost descriptor');
      }
      return counted(client('10.0.0.5:1'));
    };
    const { watch, statuses } = steady({ sampler: samplerOf(sample) });
    watch.start();
    await waitFor(
      'a count after the failure',
      () => polls > 4 && statuses.at(-1)?.sample.kind === 'counted',
    );
    await watch.stop();
    expect(statuses.map(({ sample }) => sample.kind)).toContain('failed');
  });

  it('answers those that wait for the next poll, and never leaves them waiting', async () => {
    const { watch, statuses } = steady({ intervalMs: 3_600_000 });
    watch.start();
    const before = statuses.length;
    const polled = watch.next();
    watch.wake();
    await polled;
    expect(statuses).toHaveLength(before + 1);
    const never = watch.next();
    await watch.stop();
    await never;
    await watch.next();
    const broken = steady({
      onPoll() {
        throw new Error('a bug');
      },
    });
    broken.watch.start();
    await broken.watch.next();
    expect(broken.errors).toHaveLength(1);
    await broken.watch.stop();
  });

  it('stops when its questions are over, so that a wait sees none of them', async () => {
    let answer = (): void => {};
    const source = daemonSaying(() => runsNone());
    const builds: BuildsSource = {
      ...source,
      ask: (sample) =>
        new Promise((resolve) => {
          answer = () => resolve(source.ask(sample));
        }),
    };
    const { watch } = steady({ builds });
    watch.start();
    let isStopped = false;
    const stopped = watch.stop().then(() => {
      isStopped = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(isStopped).toBe(false);
    answer();
    await stopped;
  });

  it('does not count what came and went while it stood still', async () => {
    let between = 7;
    const { watch, statuses } = steady({ seenBetweenPolls: () => between });
    watch.start();
    await watch.stop();
    between += 5;
    watch.start();
    await waitFor('a poll', () => statuses.length > 2);
    expect(statuses.at(-1)?.seenBetweenPolls).toBe(0);
    between += 2;
    await waitFor('the count', () => statuses.at(-1)?.seenBetweenPolls === 2);
    await watch.stop();
  });
});
