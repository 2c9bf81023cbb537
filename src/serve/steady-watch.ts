import { setTimeout as delay } from 'node:timers/promises';
import type { BuildsSource } from '../builds/types.ts';
import { createMonotonicClock } from '../drain/clock.ts';
import { type WatchInput, watch } from '../drain/watch.ts';

export interface SteadyWatchInput extends Omit<WatchInput, 'clock' | 'signal'> {
  readonly onError: (error: unknown) => void;
}

/** A watch that goes on whatever happens, and stands still during a wait, which polls for itself. */
export interface SteadyWatch {
  readonly start: () => void;
  /** Resolves when no sample can show a connection of its questions. */
  readonly stop: () => Promise<void>;
  /** Polls soon: what it waits for has happened. */
  readonly wake: () => void;
  /** Resolves at the next poll, or when there is none: it has failed, or the watch is stopped. */
  readonly next: () => Promise<void>;
}

// The daemon closes the connection of a question right after its answer.
const settleMs = 50;
const mostSettleMs = 2000;

// A permanent error must not keep the process busy.
const restartMs = 1000;

export function createSteadyWatch(input: SteadyWatchInput): SteadyWatch {
  const builds = input.builds && countingQuestions(input.builds);
  const { sampler, seenBetweenPolls, tcpConnections, onPoll, onError } = input;
  const clock = createMonotonicClock();
  const pause = createMonotonicClock();
  let isWanted = false;
  let attempt = new AbortController();
  let over = Promise.resolve();
  let listeners: (() => void)[] = [];

  const callListeners = (): void => {
    const called = listeners;
    listeners = [];
    for (const listener of called) {
      listener();
    }
  };

  const watchOnce = async (): Promise<void> => {
    attempt = new AbortController();
    // What came and went while nothing polled did so between no two polls.
    sampler.sample();
    const [seen, asked] = [seenBetweenPolls(), tcpConnections()];
    await watch({
      ...input,
      ...{ builds, clock, signal: attempt.signal },
      seenBetweenPolls: () => seenBetweenPolls() - seen,
      tcpConnections: () => tcpConnections() - asked,
      onPoll(status, events) {
        onPoll(status, events);
        callListeners();
      },
    });
  };

  const run = async (): Promise<void> => {
    while (isWanted) {
      try {
        await watchOnce();
      } catch (error) {
        onError(error);
        callListeners();
        if (isWanted) {
          await pause.sleep(restartMs);
        }
      }
    }
  };

  return {
    start() {
      isWanted = true;
      over = run();
    },
    async stop() {
      isWanted = false;
      attempt.abort();
      pause.wake();
      await over;
      callListeners();
      for (let ms = 0; builds?.isSettled() === false && ms < mostSettleMs; ms += settleMs) {
        await delay(settleMs);
      }
    },
    wake: () => clock.wake(),
    next: () => (isWanted ? new Promise((resolve) => listeners.push(resolve)) : Promise.resolve()),
  };
}

/** The same source, which is settled only when no question is under way, whether it has a connection yet or not. */
function countingQuestions(source: BuildsSource): BuildsSource {
  let questions = 0;
  return {
    ...source,
    async ask(sample) {
      questions += 1;
      try {
        return await source.ask(sample);
      } finally {
        questions -= 1;
      }
    },
    isSettled: () => questions === 0 && source.isSettled(),
  };
}
