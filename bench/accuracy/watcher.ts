import { createMonotonicClock } from '../../src/drain/clock.ts';
import type { LoadTarget } from './load.ts';
import type { Change, Recording, ReportedEnd } from './recording.ts';
import { type Source, type SourceContext, watchMethods } from './sources.ts';
import type { Detector } from './types.ts';

export interface WatchOptions {
  readonly intervalMs: number;
  /**
   * If set, it polls as `wait` does: also when a connection ends, and at the end of each of these quiet
   * periods. Null if it polls only at the interval.
   */
  readonly quietPeriodsMs: readonly number[] | null;
  /** The clock that all processes share. */
  readonly nowMs: () => number;
  /** User and system time that the polls have used. */
  readonly cpuMs: () => number;
}

export interface Watcher {
  /** Stops polling. The recording stays in memory until then, so as not to disturb the measurement. */
  readonly finish: () => Promise<Recording>;
}

const cpuEveryMs = 100;

/** Polls from now on, as `wait` does: the interval is the pause between two polls. */
export function startWatch(source: Source, options: WatchOptions): Watcher {
  const clock = createMonotonicClock();
  const recorder = createRecorder(options);
  let isOver = false;
  const loop = async (): Promise<void> => {
    if (options.quietPeriodsMs !== null) {
      source.onEnd(clock.wake);
    }
    while (!isOver) {
      await recorder.poll(source);
      const nowMs = options.nowMs();
      await clock.sleep(Math.max(0, nextPollMs(recorder, options, nowMs) - nowMs));
    }
    source.close();
  };
  const ended = loop();
  // Awaited at the end; an error until then is reported there.
  ended.catch(() => {});
  return {
    async finish() {
      isOver = true;
      clock.wake();
      await ended;
      return recorder.recording();
    },
  };
}

function nextPollMs(
  { quietSinceMs }: Recorder,
  { intervalMs, quietPeriodsMs }: WatchOptions,
  nowMs: number,
): number {
  const since = quietSinceMs();
  const ends = (since === null ? [] : (quietPeriodsMs ?? []))
    .map((periodMs) => (since ?? 0) + periodMs)
    .filter((endMs) => endMs > nowMs);
  return Math.min(nowMs + intervalMs, ...ends);
}

interface Recorder {
  readonly poll: (source: Source) => Promise<void>;
  readonly quietSinceMs: () => number | null;
  readonly recording: () => Recording;
}

function createRecorder({ nowMs, cpuMs }: WatchOptions): Recorder {
  const fromMs: number[] = [];
  const toMs: number[] = [];
  const changes: Change[] = [];
  const reportedEnds: ReportedEnd[] = [];
  const cpu: { atMs: number; cpuMs: number }[] = [];
  let seen: readonly number[] | null | undefined;
  let keys: readonly number[] | null | undefined;
  let quietSince: number | null = null;
  let nextCpuMs = 0;

  return {
    async poll(source) {
      const poll = fromMs.length;
      fromMs.push(nowMs());
      const found = await pollOrNull(source);
      const atMs = nowMs();
      toMs.push(atMs);
      if (found !== seen) {
        seen = found;
        const sorted = found?.toSorted((one, other) => one - other) ?? null;
        if (!isSame(sorted, keys)) {
          keys = sorted;
          changes.push({ poll, keys: sorted });
        }
      }
      quietSince = keys?.length === 0 ? (quietSince ?? atMs) : null;
      reportedEnds.push(...source.reportedEnds().map((peerPort) => ({ atMs, peerPort })));
      if (atMs >= nextCpuMs) {
        cpu.push({ atMs, cpuMs: cpuMs() });
        nextCpuMs = atMs + cpuEveryMs;
      }
    },
    quietSinceMs: () => quietSince,
    recording: () => ({
      fromMs: Float64Array.from(fromMs),
      toMs: Float64Array.from(toMs),
      changes,
      reportedEnds,
      cpu,
    }),
  };
}

async function pollOrNull(source: Source): Promise<readonly number[] | null> {
  try {
    // A synchronous answer must not wait for the event loop.
    const found = source.poll();
    return found instanceof Promise ? await found : found;
  } catch {
    return null;
  }
}

type Keys = readonly number[] | null | undefined;

function isSame(one: Keys, other: Keys): boolean {
  return one === other || (Boolean(one && other) && String(one) === String(other));
}

export type WatchCommand =
  | {
      readonly do: 'watch';
      readonly detector: Detector;
      readonly quietPeriodsMs: readonly number[];
      readonly target: LoadTarget;
      readonly searchPath: string;
    }
  | { readonly do: 'finish' };

export interface WatchClocks {
  readonly nowMs: () => number;
  /** User and system time of this process, in microseconds. */
  readonly cpuUs: () => number;
  /** The same of its ended child processes, in milliseconds. */
  readonly childrenCpuMs: () => number;
}

/** The process of one detector. */
export function createWatcher({
  nowMs,
  cpuUs,
  childrenCpuMs,
}: WatchClocks): (command: WatchCommand) => Promise<Recording | null> {
  let watcher: Watcher | undefined;
  return async (command) => {
    if (command.do === 'finish') {
      return (await watcher?.finish()) ?? null;
    }
    const { detector, quietPeriodsMs, target, searchPath } = command;
    const method = methodOf(detector.method);
    const context: SourceContext = {
      target,
      env: { PATH: searchPath },
      signal: new AbortController().signal,
    };
    const source = method.open(detector.transport, context);
    await source.poll();
    watcher = startWatch(source, {
      intervalMs: detector.intervalMs,
      quietPeriodsMs: method.hasEvents ? quietPeriodsMs : null,
      nowMs,
      // A script that runs the command has no Node.js process.
      cpuMs: method.program === null ? () => cpuUs() / 1000 : childrenCpuMs,
    });
    return null;
  };
}

/** @throws RangeError if no method has this name. */
export function methodOf(name: string): (typeof watchMethods)[number] {
  const method = watchMethods.find((each) => each.name === name);
  if (method === undefined) {
    throw new RangeError(`Expected the name of a method but received ${name}`);
  }
  return method;
}
