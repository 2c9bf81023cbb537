export {
  type BuildsClient,
  type BuildsClientOptions,
  createBuildsClient,
} from './builds/client.ts';
export { type DaemonBuilds, openBuilds } from './builds/daemons.ts';
export type {
  Build,
  BuildsAnswer,
  BuildsKnown,
  BuildsSource,
  DaemonAnswer,
  ListeningDaemon,
  TlsConfig,
  TlsSource,
} from './builds/types.ts';
export { type Clock, createMonotonicClock } from './drain/clock.ts';
export { drainDefaults } from './drain/defaults.ts';
export { type DrainInput, drain } from './drain/drain.ts';
export type { Roster, RosterEntry } from './drain/roster.ts';
export type {
  DrainConfig,
  DrainEvent,
  DrainOutcome,
  DrainStatus,
  DrainTally,
  LastWord,
  WordEnd,
} from './drain/types.ts';
export { type FindOptions, findEndpoints } from './endpoints/find.ts';
export type { Elsewhere, FindingNotice, FoundDaemon } from './endpoints/types.ts';
export { type ChoiceNotice, type Looker, lookByBest, type PassedOver } from './inspect/choose.ts';
export { type DaemonState, type DaemonWatch, watchDaemon } from './inspect/daemon.ts';
export { createProcfsInspector } from './inspect/procfs/procfs.ts';
export { createSampler, type WatchedEndpoint } from './inspect/sampler.ts';
export { createSockDiagInspector } from './inspect/sock-diag.ts';
export * from './inspect/types.ts';
export { BadValueError } from './options/bad-value.ts';
export { parseEndpoint } from './options/endpoint.ts';
