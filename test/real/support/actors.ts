import { cliPath } from '../../support/cli.ts';
import type { Sandbox, SandboxProcess } from '../../support/sandbox.ts';
import { waitFor } from '../../support/wait-for.ts';

/** Of each wait. */
export const quietPeriodMs = 1500;

/** Where a daemon of the scenes listens unless a scene says otherwise: where buildkitd does by default. */
export const unix = 'unix:///run/buildkit/buildkitd.sock';
export const tcp = 'tcp://127.0.0.1:1234';

/** Paths of PEM files: of a daemon that wants certificates of its clients, and of such a client. */
export interface SceneTls {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

export interface DaemonOptions {
  readonly addresses?: readonly string[];
  /** On its TCP addresses. */
  readonly tls?: SceneTls;
  /** As the child of `buildkit-drain run`. */
  readonly isBelowRun?: boolean;
  /** A folder below which it keeps its state, where there are several. */
  readonly root?: string;
}

export interface BuildOptions {
  /** How long its only step takes. */
  readonly seconds?: number;
  readonly tls?: SceneTls;
  /** The sandbox of the client, where that is another. */
  readonly from?: Sandbox;
  /** By a process in the daemon's pod that passes on its standard input and output. */
  readonly throughDialStdio?: boolean;
}

export interface ActorDaemon {
  readonly process: SandboxProcess;
  readonly addresses: readonly string[];
}

/** Who plays a scene: buildkitd and buildctl themselves, or the stand-ins for both. */
export interface Actors {
  /** Resolves when the daemon listens on all of its addresses. */
  readonly startDaemon: (sandbox: Sandbox, options?: DaemonOptions) => Promise<ActorDaemon>;
  /** Resolves when the daemon runs the build. */
  readonly startBuild: (
    sandbox: Sandbox,
    daemon: ActorDaemon,
    address: string,
    options: BuildOptions,
  ) => Promise<SandboxProcess>;
  /** Runs one build that takes no time, and resolves with its exit code. */
  readonly buildQuickly: (
    sandbox: Sandbox,
    daemon: ActorDaemon,
    address: string,
  ) => Promise<SandboxProcess>;
  /** A client that listens to the daemon's events, and stays. Resolves when it is connected. */
  readonly startMonitor: (sandbox: Sandbox, address: string) => Promise<SandboxProcess>;
  /** A probe of the kubelet's kind: one question, one connection. */
  readonly probe: (sandbox: Sandbox, address: string) => Promise<SandboxProcess>;
}

/** A command that starts a daemon as the child of `buildkit-drain run`. */
export const belowRun = [
  ...[process.execPath, cliPath, 'run', '--log-to=stderr'],
  ...[`--quiet-period=${quietPeriodMs}ms`, '--timeout=60s', '--'],
];

/** Resolves when a process has printed this. */
export async function printed(process: SandboxProcess, text: string, times = 1): Promise<void> {
  await waitFor(`"${text}" of a process`, () => {
    const output = process.stdout() + process.stderr();
    const count = output.split(text).length - 1;
    if (count < times && process.hasEnded()) {
      throw new Error(`It has ended without "${text}":\n${output}`);
    }
    return count >= times;
  });
}
