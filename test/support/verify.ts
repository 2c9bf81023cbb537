import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { startCli } from './cli.ts';
import { blobFile, type Containerd, outside, socket, startContainerd } from './containerd.ts';
import { type ImageBlob, imageOf, layerOf } from './oci-images.ts';
import type { Ended } from './running.ts';
import type { Sandbox, SandboxProcess } from './sandbox.ts';
import { it as itInSandbox } from './test.ts';

/** A test with a containerd in its sandbox. */
export const it = itInSandbox.extend<{ containerd: Containerd }>({
  containerd: async ({ sandbox }, use) => {
    await use(await startContainerd(sandbox));
  },
});

// Two images with a layer that both have.
export const base = layerOf('base', Buffer.alloc(100_000, 'base'), { isZipped: false });
const [ownLayer, otherLayer] = [layerOf('one'), layerOf('two')];
export const one = { ...imageOf([base, ownLayer]), name: 'docker.io/library/one:1', ownLayer };
export const two = { ...imageOf([base, otherLayer]), name: 'docker.io/library/two:1' };
export const images = { [one.name]: one, [two.name]: two };

/** How answers name an image that needs something. */
export const imageUser = (name: string) => ({ kind: 'image', name });

export type Harm = (file: string) => void;

export const remove: Harm = (file) => rmSync(file, { recursive: true });
/** To ten bytes. */
export const cut: Harm = (file) => truncateSync(file, 10);
export const empty: Harm = (file) => truncateSync(file, 0);
export const lengthen: Harm = (file) => appendFileSync(file, 'more');
/** Changes a byte that is not the last. */
export const change: Harm = (file) => {
  const bytes = readFileSync(file);
  bytes[5] = ~(bytes[5] ?? 0);
  writeFileSync(file, bytes);
};

/** Does something to the file of a blob. */
export function harm(sandbox: Sandbox, { digest }: ImageBlob, how: Harm): void {
  how(outside(sandbox, blobFile(digest)));
}

/** What `verify --json` prints: docs/json.md. */
interface VerifyAnswer {
  readonly state: string;
  readonly blobs: {
    readonly checked: number;
    readonly bytes: number;
    readonly missing: readonly object[];
    readonly short: readonly object[];
    readonly corrupt: readonly object[];
    readonly unchecked: readonly object[];
  };
  readonly images: readonly {
    readonly name: string;
    readonly state: string;
    readonly incomplete: boolean;
  }[];
  readonly snapshots: {
    readonly checked: number;
    readonly checkedFolders: number | null;
    readonly broken: readonly object[];
    readonly unchecked: readonly object[];
  } | null;
  readonly removed: readonly string[];
  readonly error: { readonly code: string; readonly message: string } | null;
}

interface Verified {
  readonly code: number | null;
  readonly text: string;
  readonly answer: VerifyAnswer;
}

/** Runs `verify --containerd` for people and, again, for programs. */
export async function verify(sandbox: Sandbox, ...options: readonly string[]): Promise<Verified> {
  const { code, stdout: text } = await (await startVerify(sandbox, ...options)).ended;
  const json = await (await startVerify(sandbox, ...options, '--json')).ended;
  if (json.code !== code) {
    throw new Error(`exit code ${code}, with --json ${json.code}: ${text}${json.stdout}`);
  }
  return { code, text, answer: answerOf(json) };
}

/** A later option wins: `--containerd` for another socket. */
export async function startVerify(
  sandbox: Sandbox,
  ...options: readonly string[]
): Promise<SandboxProcess> {
  return (await startCli(sandbox, ['verify', '--containerd', socket, ...options])).process;
}

export function answerOf({ stdout, stderr }: Ended): VerifyAnswer {
  if (stdout === '') {
    throw new Error(`verify has no answer: ${stderr}`);
  }
  return JSON.parse(stdout);
}

/** The log lines of an event. */
export function logged({ stderr }: Ended, event: string): Readonly<Record<string, unknown>>[] {
  const lines = stderr.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line)).filter((line) => line.event === event);
}
