import type { Sample } from '../backends/types.ts';
import type { BuildsAnswer } from '../builds/types.ts';
import type { ConnectionRow } from './connection-table.ts';
import type { LogEntry } from './log/log.ts';

/** One look, and all that is said of it. */
export interface StatusReport {
  readonly sample: Sample;
  /** The connections of the sample, in its order. */
  readonly rows: readonly ConnectionRow[];
  /** The moment of the look, on the clock that the rows' times are of. */
  readonly nowMs: number;
  /** How many of them are clients. */
  readonly clients: number;
  /** What the daemon says of its builds; null where it was not asked. */
  readonly builds: BuildsAnswer | null;
  /** Whether it is worth a line that the builds are not known. */
  readonly needsBuilds: boolean;
  /** What is to be known of how was looked, and where. */
  readonly notices: readonly LogEntry[];
}
