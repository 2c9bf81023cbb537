import { closeSync, opendirSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { type Steps, takeAll } from './steps.ts';

/** A process; its start time distinguishes it from a later one with the same pid. */
export interface Process {
  /** As this process's `/proc` numbers it. */
  readonly pid: number;
  /** In clock ticks since boot (`starttime` in proc_pid_stat(5)). */
  readonly startTime: string;
  /** The process that started it, or that took it over (`ppid` in proc_pid_stat(5)). */
  readonly parentPid: number;
}

// Unless stated otherwise, these functions throw the errors of the file system. A process that ends
// while it is being read is not an error.
const hasEnded = ['ENOENT', 'ESRCH'];
const isForbidden = ['EACCES', 'EPERM'];

/** The pids in a /proc, ascending. */
export function listPids(procRoot: string): number[] {
  return pidsAmong(readdirSync(procRoot), procRoot);
}

// Reading one takes 1 to 4 µs.
const entriesPerStep = 64;

/** The same in steps: with 10,000 processes the listing alone takes 12 to 35 ms. */
export function* listPidsInSteps(procRoot: string): Steps<number[]> {
  const names: string[] = [];
  const directory = opendirSync(procRoot);
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      if (names.push(entry.name) % entriesPerStep === 0) {
        yield;
      }
    }
  } finally {
    directory.closeSync();
  }
  return pidsAmong(names, procRoot);
}

function pidsAmong(names: readonly string[], procRoot: string): number[] {
  const pids = names.filter((name) => /^[1-9]\d*$/.test(name));
  if (pids.length === 0) {
    throw new Error(`${procRoot} shows no process at all`);
  }
  return pids.map(Number).sort((one, other) => one - other);
}

/** The process with this pid; null if there is none, or only a zombie. */
export function findProcess(procRoot: string, pid: number): Process | null {
  const stat = unless(hasEnded, '', () => readStart(`${procRoot}/${pid}/stat`));
  // The name is in parentheses, and may itself contain spaces and parentheses.
  const [state, parentPid, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields[17];
  if (stat !== '' && startTime === undefined) {
    throw new Error(`${procRoot}/${pid}/stat is cut short`);
  }
  return startTime === undefined || state === 'Z' || state === 'X'
    ? null
    : { pid, startTime, parentPid: Number(parentPid) };
}

/** Whether the process still runs, rather than a later one with its pid. */
export function isRunning(procRoot: string, { pid, startTime }: Process): boolean {
  return findProcess(procRoot, pid)?.startTime === startTime;
}

/** The name of a process (proc_pid_comm(5)). */
export function processName(procRoot: string, pid: number): string {
  return unless(hasEnded, '', () => readStart(`${procRoot}/${pid}/comm`)).trimEnd();
}

/** The first word of a process's command line. */
export function startedAs(procRoot: string, pid: number): string {
  return (
    unless(hasEnded, '', () => readStart(`${procRoot}/${pid}/cmdline`)).split('\0', 1)[0] ?? ''
  );
}

/** The path of a process's program; empty if we may not read it. */
export function programOf(procRoot: string, pid: number): string {
  const path = unless([...hasEnded, ...isForbidden], '', () =>
    readlinkSync(`${procRoot}/${pid}/exe`),
  );
  // The file has been replaced since the process started.
  return path.endsWith(deleted) ? path.slice(0, -deleted.length) : path;
}

const deleted = ' (deleted)';

/** Inodes of the sockets that a process holds; null if we may not read its descriptors. */
export function socketInodes(procRoot: string, pid: number): ReadonlySet<number> | null {
  return takeAll(socketInodesInSteps(procRoot, pid));
}

/** The same in steps: a process may hold tens of thousands of descriptors. */
export function* socketInodesInSteps(
  procRoot: string,
  pid: number,
): Steps<ReadonlySet<number> | null> {
  const directory = `${procRoot}/${pid}/fd`;
  const descriptors = unless(isForbidden, null, () =>
    unless(hasEnded, [], () => readdirSync(directory)),
  );
  const inodes = new Set<number>();
  for (const [index, descriptor] of (descriptors ?? []).entries()) {
    if (index % entriesPerStep === entriesPerStep - 1) {
      yield;
    }
    // Listing them may be allowed where reading them is not.
    const target = unless(isForbidden, null, () =>
      unless(hasEnded, '', () => readlinkSync(`${directory}/${descriptor}`)),
    );
    if (target === null) {
      return null;
    }
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) {
      inodes.add(Number(inode));
    }
  }
  return descriptors && inodes;
}

// Node would allocate 64 KiB for each of these files, and there may be thousands of processes.
const start = Buffer.allocUnsafe(4096);

function readStart(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    return start.toString('latin1', 0, readSync(descriptor, start, 0, start.length, 0));
  } finally {
    closeSync(descriptor);
  }
}

function unless<Value>(codes: readonly string[], otherwise: Value, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? '')) {
      return otherwise;
    }
    throw error;
  }
}

const transientCodes = ['EAGAIN', 'EINTR', 'EIO', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];

/**
 * Whether a failed call says nothing about what it asked for, and may succeed the next time; unlike
 * a refusal, or an answer that there is no such thing.
 */
export function isTransient(error: unknown): boolean {
  return transientCodes.includes((error as NodeJS.ErrnoException).code ?? '');
}
