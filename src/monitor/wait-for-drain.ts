import type { Endpoint, Sample, Sampler } from '../backends/types.ts';
import { openBuilds } from '../builds/daemons.ts';
import { createMonotonicClock } from '../drain/clock.ts';
import { type DrainInput, drain } from '../drain/drain.ts';
import type { DrainConfig, DrainEvent, DrainOutcome } from '../drain/types.ts';
import { createDrainMarker } from '../drain-marker.ts';
import type { TlsSource } from '../grpc/types.ts';
import { type MonitorOptions, openMonitor } from './monitor.ts';
import type { WaitNotice } from './types.ts';

export interface WaitInput
  extends Omit<MonitorOptions, 'notify'>,
    Pick<DrainInput, 'signal' | 'onEvent' | 'onPoll' | 'deadline'> {
  readonly config: DrainConfig;
  readonly tls: TlsSource;
  readonly notify: (notice: WaitNotice) => void;
  /** Wraps what takes the samples of this wait. */
  readonly through?: (sampler: Sampler) => Sampler;
}

/** How a wait ended, with the numbers of its last line in the log. */
export type WaitOutcome = DrainOutcome & {
  /** A lower bound of the connections that came and went without any poll having seen them. */
  readonly seenBetweenPolls: number;
};

/**
 * Waits until the last client has gone, as `buildkit-drain wait` does: discovers the daemons, follows
 * them, asks which builds run, and publishes a drain marker.
 *
 * @throws ProcessNotFoundError, and what `onEvent` and `onPoll` throw.
 */
export async function waitForDrain(input: WaitInput): Promise<WaitOutcome> {
  const { config, tls, signal, notify, onEvent, onPoll, deadline } = input;
  const { through = (sampler) => sampler } = input;
  const monitor = openMonitor(input);
  const builds = config.builds === 'off' ? null : openBuilds(monitor.daemonsOf, tls);
  const clock = createMonotonicClock();
  monitor.onEnd(() => clock.wake());
  const marker = createDrainMarker();
  const publish = (event: DrainEvent): void => {
    const reason = 'sample' in event ? marker.publish(endpointsOf(event.sample)) : null;
    if (reason !== null) {
      notify({ kind: 'drain-marker-failed', reason });
    }
  };
  try {
    const outcome = await drain({
      ...{ builds, config, clock, signal },
      ...(onPoll !== undefined && { onPoll }),
      ...(deadline !== undefined && { deadline }),
      sampler: through(monitor),
      onEvent(event) {
        onEvent(event);
        publish(event);
      },
    });
    // Those of our own questions are subtracted whether a poll saw them or not, which keeps the number
    // a lower bound.
    const others = monitor.seenBetweenPolls() - (builds?.tcpConnections() ?? 0);
    return { ...outcome, seenBetweenPolls: Math.max(0, others) };
  } finally {
    marker.close();
    builds?.close();
    monitor.close();
  }
}

function endpointsOf({ results }: Sample): Endpoint[] {
  return results.map(({ endpoint }) => endpoint);
}
