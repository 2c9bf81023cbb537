import type { Target } from './load.ts';
import type { Recording } from './recording.ts';
import { type SourceContext, watchMeans } from './sources.ts';
import type { Detector } from './types.ts';
import { startWatch, type Watcher } from './watcher.ts';

export type WatchCommand =
  | {
      readonly do: 'watch';
      readonly detector: Detector;
      readonly quietPeriodsMs: readonly number[];
      readonly target: Target;
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
export function createWatching({
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
    const means = meansOf(detector.means);
    const context: SourceContext = {
      target,
      env: { PATH: searchPath },
      signal: new AbortController().signal,
    };
    const source = means.open(detector.transport, context);
    await source.poll();
    watcher = startWatch(source, {
      intervalMs: detector.intervalMs,
      quietPeriodsMs: means.hasEvents ? quietPeriodsMs : null,
      nowMs,
      // Node.js is no part of a command that a script would call.
      cpuMs: means.program === null ? () => cpuUs() / 1000 : childrenCpuMs,
    });
    return null;
  };
}

/** @throws RangeError for a name that none has. */
export function meansOf(name: string): (typeof watchMeans)[number] {
  const means = watchMeans.find((each) => each.name === name);
  if (means === undefined) {
    throw new RangeError(`Expected the name of a means of looking but received ${name}`);
  }
  return means;
}
