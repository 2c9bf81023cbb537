import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Buildkitd, type ProcessOptions, startBuildkitd } from './buildkitd.ts';
import type { Sandbox } from './sandbox.ts';

interface Announced {
  readonly digest: string;
  /** A text, since it may be any number. */
  readonly size: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A stand-in for buildkitd, and the folder of its blobs. content.mjs describes each command. */
export interface Store {
  readonly buildkitd: Buildkitd;
  /** Adds blobs, each with its file, and returns their digests. */
  readonly add: (...blobs: readonly (string | Uint8Array)[]) => Promise<string[]>;
  /** Adds blobs to the metadata alone. */
  readonly announce: (...blobs: readonly Announced[]) => Promise<void>;
  readonly pathOf: (digest: string) => string;
  readonly lieInList: (how: string | null) => Promise<void>;
  readonly doom: (digest: string, how: string) => Promise<void>;
}

export async function startStore(
  sandbox: Sandbox,
  name = 'content',
  options?: ProcessOptions,
): Promise<Store> {
  const root = join(sandbox.directory, name);
  const pathOf = (digest: string): string => join(root, digest.replace(':', '/'));
  mkdirSync(join(root, 'sha256'), { recursive: true });
  const buildkitd = await startBuildkitd(sandbox, options);
  const { content } = buildkitd;
  await content({ do: 'keep', root });
  const announce = (...blobs: readonly Announced[]): Promise<void> =>
    content({ do: 'announce', blobs });
  return {
    buildkitd,
    async add(...blobs) {
      const added = blobs.map((each) => {
        const bytes = Buffer.from(each);
        const digest = digestOf(bytes);
        writeFileSync(pathOf(digest), bytes);
        return { digest, size: String(bytes.length) };
      });
      await announce(...added);
      return added.map(({ digest }) => digest);
    },
    announce,
    pathOf,
    lieInList: (how) => content({ do: 'lieInList', how }),
    doom: (digest, how) => content({ do: 'doom', digest, how }),
  };
}

export function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
