import type { BackendName, Endpoint, PollMode, Sample } from '../backends/types.ts';
import type { BuildsAnswer } from '../builds/types.ts';

/** Everything that was found out about the environment. */
export interface Diagnosis {
  readonly environment: Attempt<EnvironmentFacts>;
  readonly self: Attempt<SelfFacts>;
  readonly addon: Attempt<AddonFacts>;
  readonly trials: Attempt<readonly Trial[]>;
  readonly processes: Attempt<ProcessFacts>;
  readonly daemons: Attempt<readonly DaemonFacts[]>;
  readonly sample: Sample;
  readonly endpoints: readonly EndpointFacts[];
  /** Null where the daemon must not be asked. */
  readonly builds: Attempt<readonly BuildsFacts[]> | null;
  readonly needsBuilds: boolean;
  readonly log: LogFacts;
  readonly wait: Attempt<WaitFacts>;
}

export interface EnvironmentFacts {
  readonly version: string;
  readonly nodeVersion: string;
  readonly kernel: string;
  readonly machine: string;
  /** The C library of this process; null where that is unknown. */
  readonly libc: 'glibc' | 'musl' | null;
  /** Signs of a Kubernetes pod, and of another kind of container. */
  readonly podSigns: readonly string[];
  readonly containerSigns: readonly string[];
}

/** This process, as proc_pid_status(5) has it. */
export interface SelfFacts {
  readonly uid: number;
  /** Its capabilities that allow reading other users' processes. */
  readonly capabilities: readonly string[];
}

export interface AddonFacts {
  readonly path: string;
  readonly sourceHash: string;
}

export const families = ['IPv4', 'IPv6', 'unix'] as const;
export type Family = (typeof families)[number];

/** What the backends see of a listener that was opened to test them. */
export interface Trial {
  readonly family: Family;
  /** Whether the listener could be opened. */
  readonly listener: Attempt<unknown>;
  readonly backends: readonly BackendTrial[];
}

export interface BackendTrial {
  readonly backend: BackendName;
  /** Whether it sees the listener. */
  readonly sees: Attempt<boolean>;
  /** How its polls get their answer, after some; null where it tracks nothing. */
  readonly mode: PollMode | null;
  readonly degraded: string | null;
  /** Whether the kernel reports ended connections to it; null where it does not ask for that. */
  readonly reportsEnds: boolean | null;
}

export interface ProcessFacts {
  readonly count: number;
  readonly showsFirst: boolean;
  /** The name of process 1; null where it cannot be read. */
  readonly firstName: string | null;
  /** As /proc is mounted (proc(5)); null where that is not set. */
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
  readonly backends: readonly BackendView[];
}

export interface BackendView {
  readonly backend: BackendName;
  readonly seen: Attempt<{ readonly isListening: boolean; readonly connections: number }>;
}

export interface BuildsFacts {
  readonly addresses: readonly string[];
  readonly answer: BuildsAnswer;
}

export interface LogFacts {
  readonly inPod: boolean;
  /** Also true in a pod. */
  readonly inContainer: boolean;
  /** Whether the container's log can be written. */
  readonly podLog: Attempt<unknown>;
}

/** An invalid setting in the environment. */
export interface SettingFault {
  readonly message: string;
  readonly instead: string;
  readonly level: 'warn' | 'error';
}

/** What `wait` would do with the environment's settings alone. All times are in milliseconds. */
export interface WaitFacts {
  readonly faults: readonly SettingFault[];
  readonly intervalMs: number;
  readonly quietPeriodMs: number;
  readonly timeoutMs: number | null;
}

/** The result of a check: one that fails does not stop the others. */
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
