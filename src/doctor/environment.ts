import { readFileSync } from 'node:fs';
import { arch, release } from 'node:os';
import type { PlaceFacts, SelfFacts } from './types.ts';

export interface PlaceInput
  extends Pick<PlaceFacts, 'version' | 'nodeVersion' | 'podSigns' | 'containerSigns'> {
  readonly procRoot: string;
}

export function findPlace({ procRoot, ...known }: PlaceInput): PlaceFacts {
  return {
    ...known,
    kernel: release(),
    machine: arch(),
    libc: libcOf(readOr('', `${procRoot}/self/maps`)),
  };
}

function libcOf(maps: string): PlaceFacts['libc'] {
  return /\/(ld-musl-|libc\.musl-)/.test(maps)
    ? 'musl'
    : /\/libc(\.so\.6|-2\.\d+\.so)/.test(maps)
      ? 'glibc'
      : null;
}

function readOr(otherwise: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

// include/uapi/linux/capability.h: by these one may read /proc/<pid>/fd of other users' processes.
const capabilityBits = { CAP_DAC_OVERRIDE: 1n, CAP_DAC_READ_SEARCH: 2n, CAP_SYS_PTRACE: 19n };

/** @throws the error of the file system, or where the file has another form. */
export function findSelf(procRoot: string): SelfFacts {
  const path = `${procRoot}/self/status`;
  const status = readFileSync(path, 'utf8');
  // The effective one is the second.
  const uid = /^Uid:\t\d+\t(\d+)/m.exec(status)?.[1];
  const effective = /^CapEff:\t([\da-f]+)$/m.exec(status)?.[1];
  if (uid === undefined || effective === undefined) {
    throw new Error(`${path} has no Uid or no CapEff`);
  }
  const set = BigInt(`0x${effective}`);
  return {
    uid: Number(uid),
    capabilities: Object.entries(capabilityBits)
      .filter(([, bit]) => (set & (1n << bit)) !== 0n)
      .map(([name]) => name),
  };
}
