import { loadAddon } from '../../src/backends/native.ts';
import { createProcfsBackend } from '../../src/backends/procfs/procfs.ts';
import { createSockDiagBackend } from '../../src/backends/sock-diag.ts';
import type { Backend } from '../../src/backends/types.ts';

/** A method of counting the established connections of a port in this network namespace. */
export type CostMethod = InProcessMethod | ShellMethod;

/** A method of this program. */
export interface InProcessMethod {
  readonly kind: 'in-process';
  readonly name: string;
  readonly open: (localPort: number) => Poller;
}

export interface Poller {
  /** Polls once, and returns the number of connections. */
  readonly poll: () => number;
  readonly close: () => void;
}

/** A method that starts processes for every poll. */
export interface ShellMethod {
  readonly kind: 'shell';
  readonly name: string;
  readonly program: string;
  /** For the shell. */
  readonly command: (localPort: number) => string;
  readonly count: (output: string) => number;
}

/** All methods, that of `buildkit-drain wait` first: the others are compared with it. */
export const allMethods: readonly CostMethod[] = [
  {
    kind: 'in-process',
    name: 'tracked set',
    open: (localPort) => openBackend(createSockDiagBackend(), localPort),
  },
  { kind: 'in-process', name: 'sock_diag dump', open: openDump },
  {
    kind: 'in-process',
    name: 'procfs',
    open: (localPort) => openBackend(createProcfsBackend('/proc/net'), localPort),
  },
  {
    kind: 'shell',
    name: 'ss',
    program: 'ss',
    command: (localPort) => `ss -tnH state established sport = :${localPort}`,
    count: (output) => output.split('\n').length - 1,
  },
  {
    kind: 'shell',
    name: 'netstat pipeline',
    program: 'netstat',
    command: (localPort) =>
      `netstat -tnp | grep buildkitd | grep :${localPort} | grep -c ESTABLISHED`,
    count: Number,
  },
];

/** What the tracked set replaces: a dump of the kernel's table for each address family. */
function openDump(localPort: number): Poller {
  const kernel = new (loadAddon().SockDiag)();
  return {
    poll: () => kernel.tcp(localPort).filter(({ state }) => state === 'established').length,
    close: () => kernel.close(),
  };
}

function openBackend(backend: Backend, localPort: number): Poller {
  const address = `tcp://127.0.0.1:${localPort}`;
  const open = backend.open({ kind: 'tcp', address, localPort });
  return {
    poll: () => open.poll().connections.length,
    close: () => open.close(),
  };
}
