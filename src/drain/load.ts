import type { DrainConfig, DrainStatus } from './types.ts';

/**
 * Whether a drain that began now would have to wait. `unknown` if clients can't be counted, or if the
 * wait needs an answer about builds that is missing; `absent` if there is no daemon.
 */
export type Load = 'idle' | 'busy' | 'unknown' | 'absent';

/** What the state after a poll says, by the rule of a wait. */
export function loadOf(
  { sample, clients, namedBuilds, builds }: DrainStatus,
  config: Pick<DrainConfig, 'maxConnections' | 'builds'>,
): Load {
  if (sample.kind !== 'counted') {
    return sample.kind === 'gone' ? 'absent' : 'unknown';
  }
  if (clients.length > config.maxConnections || namedBuilds.length > 0) {
    return 'busy';
  }
  return config.builds === 'require' && builds?.kind !== 'known' ? 'unknown' : 'idle';
}
