import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

/** A process, told apart by its start time from a later one with the same pid. */
export interface Process {
  readonly pid: number;
  /** In clock ticks since boot (proc_pid_stat(5)). */
  readonly startTime: string;
  readonly parentPid: number;
}

// Every function here throws what the file system throws, but for what each names. A process that
// ends while one reads about it is no error.
const hasEnded = ['ENOENT', 'ESRCH'];
const isForbidden = ['EACCES', 'EPERM'];

/** The pids that a /proc shows. */
export function listPids(procRoot: string): number[] {
  const pids = readdirSync(procRoot).filter((name) => /^[1-9]\d*$/.test(name));
  if (pids.length === 0) {
    throw new Error(`${procRoot} shows no process at all`);
  }
  return pids.map(Number);
}

/** The process with this pid; null when there is none, or only an unreaped one. */
export function findProcess(procRoot: string, pid: number): Process | null {
  const stat = unless(hasEnded, '', () => readStart(`${procRoot}/${pid}/stat`));
  // The name, in parentheses, may itself hold spaces and parentheses.
  const [state, parentPid, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields[17];
  if (stat !== '' && startTime === undefined) {
    throw new Error(`${procRoot}/${pid}/stat is cut short`);
  }
  return startTime === undefined || state === 'Z' || state === 'X'
    ? null
    : { pid, startTime, parentPid: Number(parentPid) };
}

/** Whether a process goes on, and is not a later one with its pid. */
export function isRunning(procRoot: string, { pid, startTime }: Process): boolean {
  return findProcess(procRoot, pid)?.startTime === startTime;
}

/** The name of a process (proc_pid_comm(5)), which itself or its program has set. */
export function nameOf(procRoot: string, pid: number): string {
  return unless(hasEnded, '', () => readStart(`${procRoot}/${pid}/comm`)).trimEnd();
}

/** What a process was started as: the first word of its command line. */
export function startedAs(procRoot: string, pid: number): string {
  return (
    unless(hasEnded, '', () => readStart(`${procRoot}/${pid}/cmdline`)).split('\0', 1)[0] ?? ''
  );
}

/** The path of a process's program; empty where that is not ours to read. */
export function programOf(procRoot: string, pid: number): string {
  const path = unless([...hasEnded, ...isForbidden], '', () =>
    readlinkSync(`${procRoot}/${pid}/exe`),
  );
  // What has been replaced on disk since the start.
  return path.endsWith(deleted) ? path.slice(0, -deleted.length) : path;
}

const deleted = ' (deleted)';

/** Inodes of the sockets that a process holds; null where its descriptors are not ours to read. */
export function socketInodes(procRoot: string, pid: number): ReadonlySet<number> | null {
  const directory = `${procRoot}/${pid}/fd`;
  // That they may be listed does not say that they may be read.
  return unless(isForbidden, null, () => {
    const inodes = new Set<number>();
    for (const descriptor of unless(hasEnded, [], () => readdirSync(directory))) {
      const target = unless(hasEnded, '', () => readlinkSync(`${directory}/${descriptor}`));
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) {
        inodes.add(Number(inode));
      }
    }
    return inodes;
  });
}

// Node would set aside 64 KiB for each of these files, and there may be thousands of processes.
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
