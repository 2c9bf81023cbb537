import { loadAddon } from '../../src/backends/native.ts';
import { createProcfsBackend } from '../../src/backends/procfs/procfs.ts';
import { createSockDiagBackend } from '../../src/backends/sock-diag.ts';
import type { Backend } from '../../src/backends/types.ts';

/** A way to learn how many connections are established on a port of this network namespace. */
export type Method = InProcessMethod | ShellMethod;

/** One that this program has itself. */
export interface InProcessMethod {
  readonly kind: 'inside';
  readonly name: string;
  readonly open: (localPort: number) => Poller;
}

export interface Poller {
  /** Looks once, and returns how many connections there are. */
  readonly poll: () => number;
  readonly close: () => void;
}

/** One that starts processes for every poll. */
export interface ShellMethod {
  readonly kind: 'outside';
  readonly name: string;
  readonly program: string;
  /** For the shell. */
  readonly command: (localPort: number) => string;
  readonly count: (output: string) => number;
}

/** All methods, that of `buildkit-drain wait` first: the others are compared with it. */
export const allMethods: readonly Method[] = [
  {
    kind: 'inside',
    name: 'tracked set',
    open: (localPort) => pollWith(createSockDiagBackend(), localPort),
  },
  { kind: 'inside', name: 'sock_diag dump', open: dumping },
  {
    kind: 'inside',
    name: 'procfs',
    open: (localPort) => pollWith(createProcfsBackend('/proc/net'), localPort),
  },
  {
    kind: 'outside',
    name: 'ss',
    program: 'ss',
    command: (localPort) => `ss -tnH state established sport = :${localPort}`,
    count: (output) => output.split('\n').length - 1,
  },
  {
    kind: 'outside',
    name: 'netstat pipeline',
    program: 'netstat',
    command: (localPort) =>
      `netstat -tnp | grep buildkitd | grep :${localPort} | grep -c ESTABLISHED`,
    count: Number,
  },
];

/** What the set is kept in place of: the walk over the kernel's table, in one dump per family. */
function dumping(localPort: number): Poller {
  const kernel = new (loadAddon().SockDiag)();
  return {
    poll: () => kernel.tcp(localPort).filter(({ state }) => state === 'established').length,
    close: () => kernel.close(),
  };
}

function pollWith(backend: Backend, localPort: number): Poller {
  const address = `tcp://127.0.0.1:${localPort}`;
  const open = backend.open({ kind: 'tcp', address, localPort });
  return {
    poll: () => open.poll().connections.length,
    close: () => open.close(),
  };
}
