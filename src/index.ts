/**
 * Everything that the package exports. docs/library.md shows how to use it.
 *
 * Names that end in `Ms` are milliseconds. Null is unknown, never zero. A bad argument is a TypeError or a RangeError
 * that names it, with the code `ERR_BAD_VALUE`.
 *
 * @packageDocumentation
 */

export type { Process } from './backends/procfs/processes.ts';
export {
  BackendError,
  type BackendName,
  backendNames,
  type Connection,
  type CountedSample,
  type EndedConnection,
  type Endpoint,
  type EndpointResult,
  type EndpointSnapshot,
  type FailedSample,
  type GoneSample,
  type OpenEndpoint,
  type PollMode,
  type Sample,
  type SampleSource,
  type TcpEndpoint,
  type TcpFacts,
  type TrackedEndpoint,
  type Traffic,
  type TrafficOf,
  type UnixEndpoint,
} from './backends/types.ts';
export type { BackendNotice, SkippedBackend } from './backends/with-fallback.ts';
export type { BuildsClient, BuildsClientOptions } from './builds/client.ts';
export type {
  Build,
  BuildsAnswer,
  BuildsKnown,
  ListeningDaemon,
} from './builds/types.ts';
export type {
  ConnectionKind,
  TrackedConnection,
  TrackedConnections,
  TrafficNote,
} from './drain/tracked.ts';
export type {
  CommonEvent,
  DrainConfig,
  DrainEvent,
  DrainOutcome,
  DrainStats,
  DrainStatus,
  ExpiryReason,
  NamedBuilds,
} from './drain/types.ts';
export type { TlsConfig } from './grpc/types.ts';
export type {
  ConnectionsUpdate,
  CountedUpdate,
  UnknownUpdate,
} from './library/connection-changes.ts';
export type { ConnectionsCount, KnownCount, UnknownCount } from './library/count-connections.ts';
export {
  countConnections,
  createBuildsClient,
  type DiscoverOptions,
  discoverEndpoints,
  type MonitorOptions,
  openMonitor,
  parseEndpoint,
  type WaitForDrainOptions,
  type WatchConnectionsOptions,
  waitForDrain,
  watchConnections,
} from './library/functions.ts';
export {
  openBackend,
  type ProcfsBackend,
  type ProcfsOptions,
  type SockDiagBackend,
} from './library/open-backend.ts';
export type { ConnectionsWatch } from './library/watch-connections.ts';
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
export type { TlsFiles } from './options/tls-files.ts';
export { BadValueError } from './options/values.ts';
