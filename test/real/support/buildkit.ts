import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { socket } from '../../support/containerd.ts';
import type { Sandbox } from '../../support/sandbox.ts';
import { type Actors, belowRun, printed, type SceneTls, tcp, unix } from './actors.ts';
import { pathOf } from './binaries.ts';

const isTcp = (address: string): boolean => address.startsWith('tcp://');

// A sandbox has no bridge, and its folders may be on an overlay already, on which there can be no other.
const ociWorker = [
  ...['--containerd-worker=false', '--oci-worker-snapshotter=native', '--oci-worker-net=host'],
];

/** The same by a containerd. */
export const containerdWorker = [
  ...['--oci-worker=false', '--containerd-worker=true', `--containerd-worker-addr=${socket}`],
  ...['--containerd-worker-snapshotter=native', '--containerd-worker-net=host'],
];

let builds = 0;

/** buildkitd and buildctl, as the environment names them. */
export function realActors(
  program = pathOf('buildkitd'),
  worker: readonly string[] = ociWorker,
): Actors {
  return {
    async startDaemon(
      sandbox,
      { addresses = [unix, tcp], tls, isBelowRun, root = '/run/root' } = {},
    ) {
      const listening = addresses.map((address) => `--addr=${address}`);
      const secrecy = tls ? tlsOptions(tls.ca, tls.server) : [];
      const args = [`--root=${root}`, ...worker, ...listening, ...secrecy];
      const process = await sandbox.start([...(isBelowRun ? belowRun : []), program, ...args]);
      await printed(process, 'running server on', addresses.length);
      return { process, addresses };
    },

    async startBuild(sandbox, _, address, { seconds = 3, tls, from = sandbox, throughDialStdio }) {
      const folder = writeContext(sandbox, sleepFor(seconds));
      const command = throughDialStdio
        ? buildctl('docker-container://pod')
        : buildctl(address, tls);
      const process = await from.start(
        [...command, ...buildOf(folder)],
        throughDialStdio ? { env: fakeDocker(sandbox) } : {},
      );
      await printed(process, ' running\n');
      return process;
    },

    buildQuickly: (sandbox, _, address) =>
      sandbox.start([...buildctl(address), ...buildOf(writeContext(sandbox, 'COPY name /'))]),

    async startMonitor(sandbox, address) {
      return sandbox.start([...buildctl(address), 'debug', 'monitor']);
    },

    probe: (sandbox, address) => sandbox.start([...buildctl(address), 'debug', 'workers']),
  };
}

function buildctl(address: string, tls?: SceneTls): string[] {
  const secrecy = tls && isTcp(address) ? tlsOptions(tls.ca, tls.client) : [];
  return [pathOf('buildctl'), `--addr=${address}`, ...secrecy];
}

/** The command that builds an image of this name from a folder. */
export function imageBuild(address: string, folder: string, name: string): string[] {
  return [...buildctl(address), ...buildOf(folder), `--output=type=image,name=${name}`];
}

function tlsOptions(ca: string, { cert, key }: { cert: string; key: string }): string[] {
  return [`--tlscacert=${ca}`, `--tlscert=${cert}`, `--tlskey=${key}`];
}

/** The instructions of a build that says "running", and takes so long from then. */
export function sleepFor(seconds: number): string {
  const step = `RUN ["/busybox", "sh", "-c", "echo running; /busybox sleep ${seconds}"]`;
  return `COPY busybox /busybox\n${step}`;
}

/** Writes a Dockerfile of its own, so that nothing of the build is in the daemon's cache. */
export function writeContext(sandbox: Sandbox, instructions: string): string {
  builds += 1;
  const folder = join(sandbox.directory, `context-${builds}`);
  mkdirSync(folder);
  copyFileSync('/bin/busybox', join(folder, 'busybox'));
  writeFileSync(join(folder, 'name'), basename(folder));
  writeFileSync(join(folder, 'Dockerfile'), `FROM scratch\nENV NAME=${folder}\n${instructions}\n`);
  return folder;
}

function buildOf(folder: string): string[] {
  const locals = ['context', 'dockerfile'].map((name) => `--local=${name}=${folder}`);
  return ['build', '--progress=plain', '--frontend=dockerfile.v0', ...locals];
}

/** An environment in which `docker exec -i <container> <command>` runs the command. */
function fakeDocker(sandbox: Sandbox): NodeJS.ProcessEnv {
  const folder = join(sandbox.directory, 'docker');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'docker'), '#!/bin/sh\nshift 3\nexec "$@"\n', { mode: 0o755 });
  copyFileSync(pathOf('buildctl'), join(folder, 'buildctl'));
  return { PATH: `${folder}:${process.env['PATH']}` };
}
