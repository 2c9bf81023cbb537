import { fileURLToPath } from 'node:url';
import { type Call, commanded } from './commanded.ts';
import { nodeCalled } from './peer-process.ts';
import type { Sandbox, SandboxProcess } from './sandbox.ts';

const daemonProgram = fileURLToPath(new URL('buildkitd.mjs', import.meta.url));
const clientProgram = fileURLToPath(new URL('client.mjs', import.meta.url));

/** Paths of PEM files. For a daemon with `ca`, clients must show a certificate of that authority. */
interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

interface Behaviour {
  readonly package: string;
  /** Empty for none. */
  readonly version: string;
  readonly answer: 'right' | 'false-zero' | 'late-build' | 'unimplemented' | 'error' | 'garbage';
  /** How many builds it has finished before, and keeps a record of. */
  readonly history: number;
  /** The digest of these builds' logs. */
  readonly logs: string | null;
  /** False for a history that is switched off: then it names no running build either. */
  readonly recordsBuilds: boolean;
  readonly knowsLimit: boolean;
  /** How long it waits before it answers `ListenBuildHistory` and `Info`; -1 for ever. */
  readonly delayMs: number;
  /** Between two health checks of a session. */
  readonly beatMs: number;
  /** How long a session may leave its health checks unanswered. */
  readonly patienceMs: number;
  /** How long a build takes that no command ends before; null for ever. */
  readonly buildMs: number | null;
  /** Die at once, as up to v0.13, or wait for the running builds, as since v0.14. */
  readonly onSigterm: 'die' | 'wait';
}

/** A process of buildkitd.mjs, called buildkitd; buildkitd.mjs describes each command. */
export interface Buildkitd {
  readonly process: SandboxProcess;
  /** Returns the address with its port, port 0 being any that is free. */
  readonly listen: (address: string, tls?: TlsFiles) => Promise<string>;
  /** Answers in one of the ways of broken-server.mjs. */
  readonly listenBroken: (address: string, how: string) => Promise<string>;
  readonly unlisten: (address: string) => Promise<void>;
  readonly behave: (changes: Partial<Behaviour>) => Promise<void>;
  /** Begins builds that belong to no client. */
  readonly begin: (...refs: string[]) => Promise<void>;
  /** Ends builds, also those of clients. */
  readonly end: (...refs: string[]) => Promise<void>;
  /** Forgets the builds that it has finished. */
  readonly prune: () => Promise<void>;
  readonly builds: () => Promise<readonly string[]>;
  /** All builds that it ran, with when, by the monotonic clock that all processes share. */
  readonly record: () => Promise<readonly BuildRecord[]>;
  /** Sends a command of content.mjs. */
  readonly content: Call;
}

interface BuildRecord {
  readonly ref: string;
  readonly begunMs: number;
  /** Null for one that runs. */
  readonly endedMs: number | null;
}

export interface ProcessOptions {
  /** A command that starts it. */
  readonly through?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly namespaces?: NonNullable<Parameters<Sandbox['start']>[1]>['namespaces'];
}

export async function startBuildkitd(
  sandbox: Sandbox,
  { through = [], env = {}, namespaces }: ProcessOptions = {},
): Promise<Buildkitd> {
  const command = [...through, nodeCalled(sandbox, 'buildkitd'), daemonProgram];
  const started = await sandbox.start(command, { env, ...(namespaces && { namespaces }) });
  const call = await commanded(started);
  const address = (answer: Promise<{ address: string }>): Promise<string> =>
    answer.then((result) => result.address);
  return {
    process: started,
    listen: (to, tls) => address(call({ do: 'listen', address: to, tls })),
    listenBroken: (to, how) => address(call({ do: 'listenBroken', address: to, how })),
    unlisten: (from) => call({ do: 'unlisten', address: from }),
    behave: (changes) => call({ do: 'behave', ...changes }),
    begin: (...refs) => call({ do: 'begin', refs }),
    end: (...refs) => call({ do: 'end', refs }),
    prune: () => call({ do: 'prune' }),
    builds: () => call({ do: 'builds' }),
    record: () => call({ do: 'record' }),
    content: call,
  };
}

export interface ClientOptions {
  /** What `build` calls its build. */
  readonly ref?: string;
  /** False for a build without a session, and so without a beat. */
  readonly session?: boolean;
  /** True for one that keeps its channel open after its build. */
  readonly keepsChannel?: boolean;
  readonly tls?: TlsFiles;
  /** Of `probe-every` and `tcp-probe-every`. */
  readonly intervalMs?: number;
  /** Of `build-chain`: how many, the time between two, and what each sends besides. */
  readonly builds?: number;
  readonly pauseMs?: number;
  readonly contextBytes?: number;
  /** Of `build-by-relay`: a path for the socket between the client and its relay. */
  readonly via?: string;
}

export type ClientKind =
  | 'build'
  | 'build-by-relay'
  | 'build-chain'
  | 'probe'
  | 'probe-every'
  | 'tcp-probe-every'
  | 'idle'
  | 'monitor'
  | 'silent'
  | 'dial-stdio';

interface ClientProcessOptions {
  readonly through?: readonly string[] | undefined;
  readonly namespaces?: ProcessOptions['namespaces'];
}

/** One client, as a process called buildctl: see client.mjs. */
export async function startClient(
  sandbox: Sandbox,
  kind: ClientKind,
  address: string,
  options: ClientOptions = {},
  { through = [], namespaces }: ClientProcessOptions = {},
): Promise<SandboxProcess> {
  const command = [...through, nodeCalled(sandbox, 'buildctl'), clientProgram];
  return sandbox.start([...command, kind, address, JSON.stringify(options)], {
    ...(namespaces && { namespaces }),
  });
}
