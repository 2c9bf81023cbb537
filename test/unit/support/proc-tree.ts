import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A process of a small /proc tree. */
export interface TreeProcess {
  readonly comm?: string;
  readonly cmdline?: readonly string[];
  readonly state?: string;
  readonly parentPid?: number;
  readonly startTime?: number;
  readonly sockets?: readonly number[];
  readonly exe?: string;
  readonly uidMap?: string;
  readonly environ?: readonly string[];
  /** The root of its file system; by default the tree's own `files`. */
  readonly root?: string;
  /** The name of its network namespace. */
  readonly network?: string;
  /** Its pids, in our process namespace and in those below. */
  readonly pids?: readonly number[];
  /** The lines that say its control groups. */
  readonly cgroup?: string;
}

/** Listeners of a network namespace: local ports, and names of unix sockets, by inode. */
interface TreeNetwork {
  readonly tcp?: Readonly<Record<number, number>>;
  readonly unix?: Readonly<Record<number, string>>;
}

/** A /proc that a test makes as it goes, since processes come and go in it. */
export interface ProcTree {
  readonly procRoot: string;
  /** The directory that processes have for their root. */
  readonly files: string;
  readonly add: (pid: number, process?: TreeProcess) => void;
  /** Says which of its processes this one is. */
  readonly be: (pid: number) => void;
  readonly end: (pid: number) => void;
  readonly network: (listeners: TreeNetwork, name?: string) => void;
  readonly remove: () => void;
}

export function makeProcTree(): ProcTree {
  const top = mkdtempSync(join(tmpdir(), 'buildkit-drain-tree-'));
  const procRoot = join(top, 'proc');
  const files = join(top, 'files');
  const networks = join(top, 'networks');
  mkdirSync(files);
  mkdirSync(join(networks, 'ours'), { recursive: true });
  mkdirSync(procRoot);
  symlinkSync(join(networks, 'ours'), join(procRoot, 'net'));
  const tree: ProcTree = {
    procRoot,
    files,
    add: (pid, process = {}) => addProcess({ procRoot, files, networks }, pid, process),
    be: (pid) => symlinkSync(String(pid), join(procRoot, 'self')),
    end: (pid) => rmSync(join(procRoot, String(pid)), { recursive: true }),
    network(listeners, name = 'ours') {
      const directory = join(networks, name);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'tcp'), tcpTable(listeners.tcp ?? {}));
      writeFileSync(join(directory, 'unix'), unixTable(listeners.unix ?? {}));
    },
    remove: () => rmSync(top, { recursive: true }),
  };
  tree.network({});
  return tree;
}

function addProcess(
  { procRoot, files, networks }: { procRoot: string; files: string; networks: string },
  pid: number,
  process: TreeProcess,
): void {
  const { comm = 'sh', cmdline = [comm], state = 'S', startTime = pid, sockets = [] } = process;
  const { parentPid = 1, exe = `/bin/${comm}`, root = files, network = 'ours' } = process;
  const { pids = [pid], cgroup = '0::/\n' } = process;
  const { uidMap = '         0          0 4294967295\n', environ = [] } = process;
  const directory = join(procRoot, String(pid));
  const words = (texts: readonly string[]): string => texts.map((text) => `${text}\0`).join('');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, 'fd'), { recursive: true });
  const zeros = '0 '.repeat(17);
  const stat = `${pid} (${comm}) ${state} ${parentPid} ${zeros}${startTime} 0 0\n`;
  writeFileSync(join(directory, 'stat'), stat);
  writeFileSync(join(directory, 'comm'), `${comm}\n`);
  writeFileSync(join(directory, 'cmdline'), words(cmdline));
  writeFileSync(join(directory, 'environ'), words(environ));
  writeFileSync(join(directory, 'uid_map'), uidMap);
  writeFileSync(join(directory, 'status'), `Name:\t${comm}\nNSpid:\t${pids.join('\t')}\n`);
  writeFileSync(join(directory, 'cgroup'), cgroup);
  symlinkSync(exe, join(directory, 'exe'));
  symlinkSync(root, join(directory, 'root'));
  symlinkSync('/work', join(directory, 'cwd'));
  symlinkSync(join(networks, network), join(directory, 'net'));
  for (const [descriptor, inode] of sockets.entries()) {
    symlinkSync(`socket:[${inode}]`, join(directory, 'fd', String(descriptor)));
  }
}

function tcpTable(listeners: Readonly<Record<number, number>>): string {
  const rows = Object.entries(listeners).map(([inode, port], index) => {
    const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
    return `   ${index}: 00000000:${hexPort} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0`;
  });
  return ['  sl  local_address rem_address   st', ...rows, ''].join('\n');
}

function unixTable(listeners: Readonly<Record<number, string>>): string {
  const rows = Object.entries(listeners).map(
    ([inode, name]) => `0000000000000000: 00000002 00000000 00010000 0001 01 ${inode} ${name}`,
  );
  const header = 'Num       RefCount Protocol Flags    Type St Inode Path';
  return Buffer.from([header, ...rows, ''].join('\n'), 'latin1').toString('utf8');
}
