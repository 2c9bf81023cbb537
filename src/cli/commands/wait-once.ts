import type { Endpoint, Sample, Sampler } from '../../backends/types.ts';
import { openBuilds } from '../../builds/daemons.ts';
import { createMonotonicClock } from '../../drain/clock.ts';
import { type DrainInput, drain } from '../../drain/drain.ts';
import type { DrainEvent, DrainOutcome } from '../../drain/types.ts';
import { createDrainMarker } from '../../drain-marker.ts';
import { eventEntry } from '../../messages/events.ts';
import type { LogEntry } from '../../messages/log/log.ts';
import { unmarkedEntry } from '../../messages/mark-entry.ts';
import { monitorEntry } from '../../messages/monitor-entry.ts';
import { outcomeEntry } from '../../messages/outcome.ts';
import { openMonitor } from '../../monitor/monitor.ts';
import type { WaitPlan } from './plan-wait.ts';

/** What is to be heard of one wait, and what ends it. */
export interface WaitHooks extends Pick<DrainInput, 'signal' | 'onPoll'> {
  /** Stands between the wait and what takes its samples. */
  readonly through?: (sampler: Sampler) => Sampler;
}

export interface EndedWait {
  readonly outcome: DrainOutcome;
  /** What the log said last. */
  readonly said: LogEntry;
}

export interface Attempt {
  /** What earlier attempts have taken. */
  readonly waitedMs: number;
  /** Rejects when an error comes up that nobody has caught. */
  readonly broken: Promise<never>;
}

/** @throws UsageError before anything is looked at, and unexpected errors. */
export async function waitOnce(
  { options, env, tls, config, log }: WaitPlan,
  { through = (sampler) => sampler, signal, onPoll }: WaitHooks,
  { waitedMs, broken }: Attempt,
): Promise<EndedWait> {
  const monitor = openMonitor(options, env, (notice) => log(monitorEntry(notice)));
  const builds = options.builds === 'off' ? null : openBuilds(monitor.daemonsOf, tls);
  const clock = createMonotonicClock();
  monitor.onEnd(() => clock.wake());
  const marker = createDrainMarker();
  const showDrain = (event: DrainEvent): void => {
    const reason = 'sample' in event ? marker.publish(endpointsOf(event.sample)) : null;
    if (reason !== null) {
      log(unmarkedEntry(reason));
    }
  };
  // Where an attempt is broken off, its loop may live on, and is told to end.
  const over = new AbortController();
  const interrupt = (): void => over.abort(signal.reason);
  signal.addEventListener('abort', interrupt);
  if (signal.aborted) {
    interrupt();
  }
  try {
    const waiting = drain({
      signal: over.signal,
      ...(onPoll !== undefined && { onPoll }),
      sampler: through(monitor.sampler),
      builds,
      config,
      clock,
      onEvent(event) {
        log(eventEntry(event, config));
        showDrain(event);
      },
    });
    const ended = await Promise.race([waiting, broken]);
    const outcome = { ...ended, waitedMs: ended.waitedMs + waitedMs };
    // Some of them were our own questions, and those that were seen are subtracted for nothing: "at
    // least" is what the log says.
    const others = monitor.seenBetweenPolls() - (builds?.tcpConnections() ?? 0);
    const said = outcomeEntry(outcome, config, Math.max(0, others));
    log(said);
    return { outcome, said };
  } finally {
    signal.removeEventListener('abort', interrupt);
    over.abort();
    marker.close();
    builds?.close();
    monitor.close();
  }
}

function endpointsOf({ results }: Sample): Endpoint[] {
  return results.map(({ endpoint }) => endpoint);
}
