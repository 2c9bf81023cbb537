export * from './backends/types.ts';
export type { BackendNotice, SkippedBackend } from './backends/with-fallback.ts';
export type { BuildsClient, BuildsClientOptions } from './builds/client.ts';
export type {
  Build,
  BuildsAnswer,
  BuildsKnown,
  ListeningDaemon,
} from './builds/types.ts';
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
export type { TlsConfig, TlsSource } from './grpc/types.ts';
export {
  createBuildsClient,
  createProcfsBackend,
  createSockDiagBackend,
  type DiscoverOptions,
  discoverEndpoints,
  type MonitorOptions,
  openMonitor,
  parseEndpoint,
  type WaitForDrainOptions,
  waitForDrain,
} from './library/functions.ts';
export type { Monitor } from './monitor/monitor.ts';
export type {
  EndpointNotice,
  FindingNotice,
  FoundDaemon,
  MonitorNotice,
  OtherNetns,
  WaitNotice,
} from './monitor/types.ts';
export type { WaitOutcome } from './monitor/wait-for-drain.ts';
export { BadValueError } from './options/values.ts';
