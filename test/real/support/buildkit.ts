import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Sandbox } from '../../support/sandbox.ts';
import { type Actors, belowRun, printed, type SceneTls, tcp, unix } from './actors.ts';
import { pathOf } from './binaries.ts';

const isTcp = (address: string): boolean => address.startsWith('tcp://');

// Without an overlay of its own kernel, and without a bridge: namespaces in namespaces have neither.
const worker = [
  ...['--oci-worker-snapshotter=native', '--oci-worker-net=host', '--containerd-worker=false'],
];

let builds = 0;

/** buildkitd and buildctl, as the environment names them. */
export function realActors(program = pathOf('buildkitd')): Actors {
  const buildctl = (address: string, tls?: SceneTls): string[] => [
    pathOf('buildctl'),
    `--addr=${address}`,
    ...(tls && isTcp(address) ? tlsOptions(tls.ca, tls.client) : []),
  ];

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
      const step = `RUN ["/busybox", "sh", "-c", "echo running; /busybox sleep ${seconds}"]`;
      const folders = writeContext(sandbox, `COPY busybox /busybox\n${step}`);
      const command = throughDialStdio
        ? buildctl('docker-container://pod')
        : buildctl(address, tls);
      const process = await from.start(
        [...command, ...buildOf(folders)],
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

function tlsOptions(ca: string, { cert, key }: { cert: string; key: string }): string[] {
  return [`--tlscacert=${ca}`, `--tlscert=${cert}`, `--tlskey=${key}`];
}

/** Writes a Dockerfile of its own, so that nothing of the build is in the daemon's cache. */
function writeContext(sandbox: Sandbox, instructions: string): string {
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
