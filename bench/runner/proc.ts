import { readdirSync, readFileSync } from 'node:fs';

// Facts from /proc about processes and about the host.

// sysconf(_SC_CLK_TCK): the kernel reports times in hundredths of a second.
const tickMs = 10;

/** User and system time that a process has used in all its threads, in milliseconds. */
export function processCpuMs(pid: number): number {
  try {
    return threadsCpuMs(pid);
  } catch {
    // Without CONFIG_SCHED_INFO the kernel has only ticks.
    const [userTicks = 0, systemTicks = 0] = statTicks(String(pid), 11);
    return (userTicks + systemTicks) * tickMs;
  }
}

/** From the scheduler's nanoseconds, without the threads that have ended. */
function threadsCpuMs(pid: number): number {
  const directory = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(directory).map((thread) => {
    const [ran = ''] = readFileSync(`${directory}/${thread}/schedstat`, 'latin1').split(' ', 1);
    return Number(ran);
  });
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}

/** The same for all child processes of this one that have ended. */
export function endedChildrenCpuMs(): number {
  const [userTicks = 0, systemTicks = 0] = statTicks('self', 13);
  return (userTicks + systemTicks) * tickMs;
}

/** Two fields of proc_pid_stat(5), counted from the one after the name. */
function statTicks(pid: string, from: number): number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(from, from + 2).map(Number);
}

/** The largest resident set that a process has had. */
export function peakResidentKib(pid: number): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
}

/** The resident set of a process now, with an equal part of each page that it shares. */
export function proportionalKib(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]);
}

/** How many files this process, and each one that it starts, may have open. */
export function openFilesLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === 'unlimited' ? Infinity : Number(soft);
}

/** TCP sockets in use in this network namespace, of both families; null if not available. */
export function tcpSocketsInUse(): number | null {
  try {
    const inUse = (file: string, name: string): number => {
      const text = readFileSync(`/proc/net/${file}`, 'latin1');
      return Number(new RegExp(`^${name}: inuse (\\d+)`, 'm').exec(text)?.[1] ?? 0);
    };
    return inUse('sockstat', 'TCP') + inUse('sockstat6', 'TCP6');
  } catch {
    return null;
  }
}

/** Since Linux 6.1; negative in a namespace that shares the host's table. */
export function tcpHashBuckets(): number | null {
  try {
    const text = readFileSync('/proc/sys/net/ipv4/tcp_ehash_entries', 'latin1');
    return Math.abs(Number(text)) || null;
  } catch {
    return null;
  }
}
