import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { basename } from 'node:path';

/** A process, told apart by its start time from a later one with the same pid. */
export interface Process {
  readonly pid: number;
  /** In clock ticks since boot (proc_pid_stat(5)). */
  readonly startTime: string;
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
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields[18];
  return startTime === undefined || state === 'Z' || state === 'X' ? null : { pid, startTime };
}

/** Whether a process is called buildkitd: by its name or by the first word of its command line. */
export function isBuildkitd(procRoot: string, pid: number): boolean {
  const read = (file: string): string =>
    unless(hasEnded, '', () => readStart(`${procRoot}/${pid}/${file}`));
  const [program = ''] = read('cmdline').split('\0', 1);
  return read('comm').trimEnd() === 'buildkitd' || basename(program) === 'buildkitd';
}

/** Inodes of the sockets that a process holds; none where its descriptors are not ours to read. */
export function socketInodes(procRoot: string, pid: number): Set<number> {
  const directory = `${procRoot}/${pid}/fd`;
  const inodes = new Set<number>();
  for (const descriptor of unless([...hasEnded, ...isForbidden], [], () =>
    readdirSync(directory),
  )) {
    const target = unless([...hasEnded, ...isForbidden], '', () =>
      readlinkSync(`${directory}/${descriptor}`),
    );
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) {
      inodes.add(Number(inode));
    }
  }
  return inodes;
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
