export * from './backends/types.ts';
export type { BackendNotice, EndpointPoller, SkippedBackend } from './backends/with-fallback.ts';
export type { BuildsClient, BuildsClientOptions } from './builds/client.ts';
export type { DaemonBuilds } from './builds/daemons.ts';
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
export type { DrainInput } from './drain/drain.ts';
export type { TrackedConnection, TrackedConnections } from './drain/tracked.ts';
export type {
  DrainConfig,
  DrainEvent,
  DrainOutcome,
  DrainStats,
  DrainStatus,
  ExpiryReason,
  NamedBuilds,
} from './drain/types.ts';
export { drainDefaults } from './drain/types.ts';
export type { WatchedEndpoint } from './library/functions.ts';
export {
  createBuildsClient,
  createProcfsBackend,
  createSampler,
  createSockDiagBackend,
  drain,
  findEndpoints,
  openBuilds,
  parseEndpoint,
  watchDaemon,
  withFallback,
} from './library/functions.ts';
export type { FindOptions } from './monitor/discover.ts';
export type { FindingNotice, FoundDaemon, OtherNetns } from './monitor/types.ts';
export type { DaemonState, DaemonWatch } from './monitor/watch-processes.ts';
export { BadValueError } from './options/values.ts';
