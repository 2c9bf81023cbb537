import { readdirSync, readFileSync } from 'node:fs';

/** What this process uses. Null is what can't be read. */
export interface ProcessUsage {
  readonly cpuSeconds: number | null;
  readonly residentBytes: number | null;
  readonly virtualBytes: number | null;
  readonly threads: number | null;
  readonly openFds: number | null;
  /** The soft limit; null as well if there is none. */
  readonly maxFds: number | null;
}

// USER_HZ: the kernel converts to it whatever its own tick is.
const ticksPerSecond = 100;

/** Reads what this process uses (proc_pid_stat(5), proc_pid_status(5), proc_pid_limits(5)). */
export function readProcessUsage(procRoot: string): ProcessUsage {
  const stat = readOrEmpty(`${procRoot}/self/stat`);
  const status = readOrEmpty(`${procRoot}/self/status`);
  const limits = readOrEmpty(`${procRoot}/self/limits`);
  // The second field is the program's name in parentheses, which may contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [numberOf(fields[11]), numberOf(fields[12])];
  return {
    cpuSeconds: user === null || system === null ? null : (user + system) / ticksPerSecond,
    residentBytes: bytesOf(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]),
    virtualBytes: bytesOf(/^VmSize:\s+(\d+) kB$/m.exec(status)?.[1]),
    threads: numberOf(/^Threads:\s+(\d+)$/m.exec(status)?.[1]),
    openFds: countFds(`${procRoot}/self/fd`),
    maxFds: numberOf(/^Max open files\s+(\d+)/m.exec(limits)?.[1]),
  };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function countFds(directory: string): number | null {
  try {
    // Without the one that reads the directory.
    return readdirSync(directory).length - 1;
  } catch {
    return null;
  }
}

function numberOf(digits: string | undefined): number | null {
  return digits === undefined ? null : Number(digits);
}

function bytesOf(kibibytes: string | undefined): number | null {
  return kibibytes === undefined ? null : Number(kibibytes) * 1024;
}
