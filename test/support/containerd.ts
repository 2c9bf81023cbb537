import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { archiveOf, type Image } from './oci-images.ts';
import type { Sandbox, SandboxProcess } from './sandbox.ts';
import { waitFor } from './wait-for.ts';

/** A containerd in a sandbox, which keeps all it has below the sandbox's own /run. */
export interface Containerd {
  readonly process: SandboxProcess;
  readonly sandbox: Sandbox;
  /** The path of its socket in the sandbox. */
  readonly socket: string;
  /** Runs `ctr`, in the namespace `buildkit` unless another is given, and returns what it prints. */
  readonly ctr: (...words: readonly string[]) => Promise<string>;
  /** Imports images by their names, with these options of `ctr images import`. */
  readonly load: (images: Readonly<Record<string, Image>>, ...options: string[]) => Promise<void>;
  /** Waits until it has removed what is needed by nothing. */
  readonly collectGarbage: () => Promise<void>;
}

const folder = '/run/containerd';
export const socket = `${folder}/containerd.sock`;

// The plugin `opt` would make a folder /opt/containerd.
const config = `
version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "${socket}"
`;

/** Starts a containerd, with what an earlier one has left in the sandbox. */
export async function startContainerd(
  sandbox: Sandbox,
  program = 'containerd',
): Promise<Containerd> {
  const configFile = join(sandbox.directory, 'containerd.toml');
  writeFileSync(configFile, config);
  const started = await sandbox.start([program, '--config', configFile]);
  await waitFor('containerd', () => {
    if (started.hasEnded()) {
      throw new Error(`containerd has ended: ${started.stderr()}`);
    }
    return started.stderr().includes('containerd successfully booted');
  });
  const ctr = (...words: readonly string[]): Promise<string> =>
    runCtr(sandbox, ['--namespace', 'buildkit', ...words]);
  const collectGarbage = async (): Promise<void> => {
    await ctr('leases', 'create', '--id', 'garbage');
    await ctr('leases', 'rm', '--sync', 'garbage');
  };
  return {
    ...{ process: started, sandbox, socket, ctr, collectGarbage },
    async load(images, ...options) {
      await ctr('images', 'import', ...options, writeArchive(sandbox, images));
      await collectGarbage();
    },
  };
}

/** Writes an archive for `ctr images import`, and returns its path. */
export function writeArchive(sandbox: Sandbox, images: Readonly<Record<string, Image>>): string {
  const path = join(sandbox.directory, 'images.tar');
  writeFileSync(path, archiveOf(images));
  return path;
}

async function runCtr(sandbox: Sandbox, words: readonly string[]): Promise<string> {
  // `ctr images pull` is to reach a registry of the test itself, outside of the sandbox.
  const options = { namespaces: ['mount'] } as const;
  const command = ['ctr', '--address', socket, ...words];
  const { code, stdout, stderr } = await (await sandbox.start(command, options)).ended;
  if (code !== 0) {
    throw new Error(`${command.join(' ')}: ${stderr}`);
  }
  return stdout;
}

/** The path of a file in a sandbox, as the tests see it. */
export function outside({ pid }: Sandbox, path: string): string {
  return `/proc/${pid}/root${path}`;
}

export const contentFolder = `${folder}/root/io.containerd.content.v1.content`;

/** The file of a blob, in the sandbox. */
export function blobFile(digest: string): string {
  return `${contentFolder}/blobs/${digest.replace(':', '/')}`;
}

/** The folder of a snapshotter's n-th snapshot, in the sandbox. */
export function snapshotFolder(snapshotter: string, n: number): string {
  return `${folder}/root/io.containerd.snapshotter.v1.${snapshotter}/snapshots/${n}`;
}
