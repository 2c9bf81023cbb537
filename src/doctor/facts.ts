import { readFileSync, statSync } from 'node:fs';
import { arch, release } from 'node:os';
import { addonPath } from '../backends/addon-path.ts';
import { loadAddon } from '../backends/native.ts';
import { type Process, processName } from '../backends/procfs/processes.ts';
import { scanProcesses } from '../backends/procfs/scan.ts';
import {
  type AddonFacts,
  attempt,
  type DaemonFacts,
  type EnvironmentFacts,
  type ProcessFacts,
  type SelfFacts,
} from './types.ts';

export interface EnvironmentInput
  extends Pick<EnvironmentFacts, 'version' | 'nodeVersion' | 'podSigns' | 'containerSigns'> {
  readonly procRoot: string;
}

export function findEnvironment({ procRoot, ...known }: EnvironmentInput): EnvironmentFacts {
  return {
    ...known,
    kernel: release(),
    machine: arch(),
    libc: libcOf(readOr('', `${procRoot}/self/maps`)),
  };
}

function libcOf(maps: string): EnvironmentFacts['libc'] {
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

// include/uapi/linux/capability.h: these allow reading /proc/<pid>/fd of other users' processes.
const capabilityBits = { CAP_DAC_OVERRIDE: 1n, CAP_DAC_READ_SEARCH: 2n, CAP_SYS_PTRACE: 19n };

/** @throws the error of the file system, or an error where the file is malformed. */
export function findSelf(procRoot: string): SelfFacts {
  const path = `${procRoot}/self/status`;
  const status = readFileSync(path, 'utf8');
  // The effective uid is the second.
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

/** @throws BackendError that says what to do. */
export function findAddon(): AddonFacts {
  const { sourceHash } = loadAddon();
  return { path: addonPath(), sourceHash };
}

const firstPid = 1;

/** @throws the error of the file system where processes cannot be read. */
export function findProcesses(procRoot: string): ProcessFacts {
  const pids = scanProcesses(procRoot).pids();
  const showsFirst = pids.includes(firstPid);
  const first = attempt(() => processName(procRoot, firstPid));
  const mount = attempt(() => hidepidOf(readFileSync(`${procRoot}/self/mounts`, 'utf8'), procRoot));
  return {
    count: pids.length,
    showsFirst,
    firstName: showsFirst && first.kind === 'done' ? first.value : null,
    hidepid: mount.kind === 'done' ? mount.value : null,
  };
}

/** @throws the error of the file system where processes cannot be read. */
export function findDaemons(procRoot: string, given: Process | null): DaemonFacts[] {
  const scan = scanProcesses(procRoot);
  const processes = given === null ? scan.daemons() : [given];
  return processes.map(({ pid }) => ({
    pid,
    name: processName(procRoot, pid),
    uid: attempt(() => statSync(`${procRoot}/${pid}`).uid),
    showsDescriptors: scan.sockets(pid) !== null,
  }));
}

/** proc_pid_mounts(5): the last mount on a path is the visible one. */
function hidepidOf(mounts: string, procRoot: string): string | null {
  const options = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .findLast(([, environment]) => environment === procRoot)?.[3];
  return /(?:^|,)hidepid=(\w+)/.exec(options ?? '')?.[1] ?? null;
}
