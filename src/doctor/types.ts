import type { BackendName, Endpoint, PollMode, Sample } from '../backends/types.ts';
import type { BuildsAnswer } from '../builds/types.ts';

/** All that was found out about a place. */
export interface Diagnosis {
  readonly place: Attempt<PlaceFacts>;
  readonly self: Attempt<SelfFacts>;
  readonly addon: Attempt<AddonFacts>;
  readonly trials: Attempt<readonly Trial[]>;
  readonly processes: Attempt<ProcessFacts>;
  readonly daemons: Attempt<readonly DaemonFacts[]>;
  readonly sample: Sample;
  readonly endpoints: readonly EndpointFacts[];
  /** Null where the daemon is not to be asked. */
  readonly builds: Attempt<readonly BuildsFacts[]> | null;
  readonly needsBuilds: boolean;
  readonly log: LogFacts;
  readonly wait: Attempt<WaitFacts>;
}

export interface PlaceFacts {
  readonly version: string;
  readonly nodeVersion: string;
  readonly kernel: string;
  readonly machine: string;
  /** The C library of this process, where that can be told. */
  readonly libc: 'glibc' | 'musl' | null;
  /** What says that this is a Kubernetes pod, and what, that it is a container of another kind. */
  readonly podSigns: readonly string[];
  readonly containerSigns: readonly string[];
}

/** This process, as proc_pid_status(5) has it. */
export interface SelfFacts {
  readonly uid: number;
  /** Those of its capabilities that let it read of other users' processes. */
  readonly capabilities: readonly string[];
}

export interface AddonFacts {
  readonly path: string;
  readonly sourceHash: string;
}

export const families = ['IPv4', 'IPv6', 'unix'] as const;
export type Family = (typeof families)[number];

/** What the means of looking make of a listener that was opened to try them. */
export interface Trial {
  readonly family: Family;
  /** Whether there could be a listener at all. */
  readonly listener: Attempt<unknown>;
  readonly means: readonly MeansTrial[];
}

export interface MeansTrial {
  readonly backend: BackendName;
  /** Whether it sees the listener. */
  readonly sees: Attempt<boolean>;
  /** How its looks come to their answer, after some; null where it keeps nothing. */
  readonly mode: PollMode | null;
  readonly degraded: string | null;
  /** Whether the kernel tells it of ended connections; null where it does not ask for that. */
  readonly hearsEnds: boolean | null;
}

export interface ProcessFacts {
  readonly count: number;
  readonly showsFirst: boolean;
  /** The name of process 1; null where it can't be read. */
  readonly firstName: string | null;
  /** As /proc is mounted (proc(5)); null where it is not said. */
  readonly hidepid: string | null;
}

export interface DaemonFacts {
  readonly pid: number;
  readonly name: string;
  readonly uid: Attempt<number>;
  readonly showsDescriptors: boolean;
}

export interface EndpointFacts {
  readonly endpoint: Endpoint;
  readonly isAssumed: boolean;
  readonly means: readonly MeansSight[];
}

export interface MeansSight {
  readonly backend: BackendName;
  readonly seen: Attempt<{ readonly isListening: boolean; readonly connections: number }>;
}

export interface BuildsFacts {
  readonly addresses: readonly string[];
  readonly answer: BuildsAnswer;
}

export interface LogFacts {
  readonly inPod: boolean;
  /** A pod's container among them. */
  readonly inContainer: boolean;
  /** Whether the container's log can be written. */
  readonly podLog: Attempt<unknown>;
}

/** A setting of the environment that can't be taken as it is. */
export interface SettingFault {
  readonly message: string;
  readonly instead: string;
  readonly level: 'warn' | 'error';
}

/** What `wait` would do by its environment alone. All times are in milliseconds. */
export interface WaitFacts {
  readonly faults: readonly SettingFault[];
  readonly intervalMs: number;
  readonly quietPeriodMs: number;
  readonly timeoutMs: number | null;
}

/** What came of trying to find something out: no failure keeps the rest from being told. */
export type Attempt<Value> =
  | { readonly kind: 'done'; readonly value: Value }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string };

export function attempt<Value>(find: () => Value): Attempt<Value> {
  try {
    return { kind: 'done', value: find() };
  } catch (error) {
    return failed(error);
  }
}

export async function attemptLater<Value>(find: () => Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { kind: 'done', value: await find() };
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): Extract<Attempt<never>, { kind: 'failed' }> {
  const { code } = (error ?? {}) as { code?: unknown };
  return {
    kind: 'failed',
    code: typeof code === 'string' ? code : 'ERR_UNKNOWN',
    reason: error instanceof Error ? error.message : String(error),
  };
}
