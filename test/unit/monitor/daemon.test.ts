import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Steps, takeAll } from '../../../src/backends/procfs/steps.ts';
import { watchDaemon } from '../../../src/monitor/daemon.ts';
import { type DaemonWatch, watchProcesses } from '../../../src/monitor/watch-processes.ts';

// Small /proc trees, written here since processes have to come and go in them.
let procRoot: string;

beforeEach(() => {
  procRoot = mkdtempSync(join(tmpdir(), 'buildkit-drain-proc-'));
  addProcess(1, { comm: 'tini' });
});

afterEach(() => {
  rmSync(procRoot, { recursive: true });
});

interface ProcessTree {
  comm?: string;
  cmdline?: string[];
  state?: string;
  startTime?: number;
  sockets?: number[];
}

function addProcess(pid: number, tree: ProcessTree): void {
  const { comm = 'sh', cmdline = [comm], state = 'S', startTime = pid, sockets = [] } = tree;
  const directory = join(procRoot, String(pid));
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, 'fd'), { recursive: true });
  const zeros = '0 '.repeat(18);
  writeFileSync(join(directory, 'stat'), `${pid} (${comm}) ${state} ${zeros}${startTime} 0 0\n`);
  writeFileSync(join(directory, 'comm'), `${comm}\n`);
  writeFileSync(join(directory, 'cmdline'), cmdline.map((word) => `${word}\0`).join(''));
  for (const [descriptor, inode] of sockets.entries()) {
    symlinkSync(`socket:[${inode}]`, join(directory, 'fd', String(descriptor)));
  }
}

function removeProcess(pid: number): void {
  rmSync(join(procRoot, String(pid)), { recursive: true });
}

function watching(inodes: number[], inPod = false): DaemonWatch {
  const daemon = watchDaemon(procRoot, inPod);
  daemon.remember(inodes);
  return daemon;
}

describe('a daemon with a listener that was found', () => {
  it('is the process that holds the listener, whatever its name', () => {
    addProcess(7, { comm: 'node', sockets: [4, 5] });
    const daemon = watching([5]);
    expect(daemon.state()).toMatchObject({ kind: 'alive', pid: 7 });
    removeProcess(7);
    expect(daemon.state()).toEqual({ kind: 'dead', wasThere: true });
  });

  it('is dead when it is only unreaped', () => {
    addProcess(7, { comm: 'buildkitd', sockets: [5] });
    const daemon = watching([5]);
    addProcess(7, { comm: 'buildkitd', startTime: 7, state: 'Z' });
    expect(daemon.state()).toEqual({ kind: 'dead', wasThere: true });
  });

  it('is dead when its pid belongs to a later process', () => {
    addProcess(7, { comm: 'node', sockets: [5] });
    const daemon = watching([5]);
    addProcess(7, { comm: 'node', startTime: 99 });
    expect(daemon.state()).toEqual({ kind: 'dead', wasThere: true });
  });

  it('is alive while one of the processes that hold its listeners is', () => {
    addProcess(7, { comm: 'systemd', sockets: [5] });
    addProcess(8, { comm: 'node', sockets: [6] });
    const daemon = watching([5, 6]);
    removeProcess(8);
    expect(daemon.state()).toMatchObject({ kind: 'alive', pid: 7 });
    removeProcess(7);
    expect(daemon.state()).toEqual({ kind: 'dead', wasThere: true });
  });

  it('is first searched for among the processes called buildkitd', () => {
    addProcess(7, { comm: 'systemd', sockets: [5] });
    addProcess(8, { comm: 'buildkitd', sockets: [5] });
    const daemon = watching([5]);
    removeProcess(8);
    expect(daemon.state()).toEqual({ kind: 'dead', wasThere: true });
  });

  it('is followed to the process that listens after a restart', () => {
    addProcess(7, { comm: 'node', sockets: [5] });
    const daemon = watching([5]);
    removeProcess(7);
    addProcess(8, { comm: 'node', sockets: [6] });
    daemon.remember([6]);
    expect(daemon.state()).toMatchObject({ kind: 'alive', pid: 8 });
  });

  it('is known by its name where its descriptors are not readable', () => {
    addProcess(7, { comm: 'buildkitd' });
    const daemon = watching([5]);
    removeProcess(7);
    expect(daemon.state()).toEqual({ kind: 'dead', wasThere: true });
  });

  it('is unknown where its process was never found, as from a sidecar', () => {
    expect(watching([5]).state()).toMatchObject({
      kind: 'unknown',
      reason: "the daemon's process can't be seen from this container",
    });
  });

  it('is unknown when /proc is masked or unreadable: an empty list is no evidence', () => {
    addProcess(7, { comm: 'node', sockets: [5] });
    const daemon = watching([5]);
    rmSync(procRoot, { recursive: true });
    expect(daemon.state().kind).toBe('unknown');
    mkdirSync(procRoot);
    expect(daemon.state().kind).toBe('unknown');
  });
});

describe('a daemon with a listener that was never found', () => {
  it('is dead where all processes can be read and none is buildkitd', () => {
    expect(watchDaemon(procRoot, false).state()).toEqual({ kind: 'dead', wasThere: false });
  });

  it('is unknown in a pod, where this may be another container', () => {
    expect(watchDaemon(procRoot, true).state().kind).toBe('unknown');
  });

  it('is unknown where the processes of other users are not listed', () => {
    addProcess(7, { comm: 'sh' });
    removeProcess(1);
    expect(watchDaemon(procRoot, false).state()).toMatchObject({
      reason: `${procRoot} hides other users' processes`,
    });
  });

  it.each<[string, ProcessTree]>([
    ['comm', { comm: 'buildkitd', cmdline: ['/proc/self/exe'] }],
    ['command line', { comm: 'exe', cmdline: ['/usr/bin/buildkitd', '--debug'] }],
  ])('lives where a process is called buildkitd by its %s', (_, tree) => {
    addProcess(7, tree);
    expect(watchDaemon(procRoot, false).state()).toMatchObject({ kind: 'alive', pid: 7 });
  });

  it.each<[string, ProcessTree]>([
    ['buildkitd-exporter', { comm: 'buildkitd-expor', cmdline: ['buildkitd-exporter'] }],
    ['a shell that names buildkitd', { comm: 'sh', cmdline: ['sh', '-c', 'buildkitd'] }],
    ['a zombie', { comm: 'buildkitd', cmdline: [], state: 'Z' }],
  ])('does not live for %s', (_, tree) => {
    addProcess(7, tree);
    expect(watchDaemon(procRoot, false).state()).toEqual({ kind: 'dead', wasThere: false });
  });

  it('is searched for at each poll if it seemed dead, and otherwise now and then', () => {
    const daemon = watchDaemon(procRoot, false);
    expect(daemon.state()).toEqual({ kind: 'dead', wasThere: false });
    addProcess(7, { comm: 'buildkitd' });
    expect(daemon.state()).toMatchObject({ kind: 'alive', pid: 7 });
    removeProcess(7);
    const states = Array.from({ length: 10 }, () => daemon.state().kind);
    expect(states.filter((kind) => kind === 'alive').length).toBeGreaterThan(0);
    expect(states.at(-1)).toBe('dead');
  });
});

describe('a process name with spaces and parentheses', () => {
  it('leaves it known whether the process lives', () => {
    addProcess(7, { comm: 'a) Z 1 (b', sockets: [5] });
    expect(watching([5]).state()).toMatchObject({ kind: 'alive', pid: 7 });
  });
});

describe('the search for the owner of a listener', () => {
  const putOff = () => {
    const tasks: Steps<void>[] = [];
    const daemon = watchDaemon(procRoot, false, { defer: (task) => tasks.push(task) });
    daemon.remember([5]);
    const [steps] = tasks as [Steps<void>];
    return { daemon, steps };
  };

  it('is put off, and done when the time has come', () => {
    const { daemon, steps } = putOff();
    addProcess(7, { comm: 'node', sockets: [5] });
    takeAll(steps);
    removeProcess(7);
    expect(daemon.state()).toEqual({ kind: 'dead', wasThere: true });
  });

  it('is done before the daemon’s state is read', () => {
    addProcess(7, { comm: 'node', sockets: [5] });
    expect(putOff().daemon.state()).toMatchObject({ kind: 'alive', pid: 7 });
  });

  it('that came too late leaves the daemon unknown, not dead', () => {
    addProcess(7, { comm: 'node', sockets: [5] });
    const { daemon, steps } = putOff();
    removeProcess(7);
    takeAll(steps);
    expect(daemon.state().kind).toBe('unknown');
  });
});

// Between any two steps there may be polls, and processes may come and go.
describe('the search for the owner of a listener, between two steps', () => {
  const mostSteps = 1000;

  const started = (steps: number) => {
    const tasks: Steps<void>[] = [];
    const daemon = watchDaemon(procRoot, false, { defer: (task) => tasks.push(task) });
    daemon.remember([5]);
    const [search] = tasks as [Steps<void>];
    let isDone = false;
    for (let step = 0; step < steps && !isDone; step += 1) {
      isDone = search.next().done === true;
    }
    return { daemon, search, isDone };
  };

  /** Tries it after each number of steps, up to the last one. */
  const afterEachStep = (act: (begun: ReturnType<typeof started>) => void): number => {
    for (let steps = 0; steps < mostSteps; steps += 1) {
      addProcess(7, { comm: 'node', sockets: [4, 5, 6] });
      const begun = started(steps);
      act(begun);
      removeProcess(7);
      if (begun.isDone) {
        return steps;
      }
    }
    throw new Error('the search has no end');
  };

  beforeEach(() => {
    for (let pid = 10; pid < 80; pid += 1) {
      addProcess(pid, { sockets: [pid * 100] });
    }
  });

  it('is answered at once and in full, and goes on to the same result', () => {
    const steps = afterEachStep(({ daemon, search }) => {
      expect(daemon.state()).toMatchObject({ kind: 'alive', pid: 7 });
      expect(daemon.ownersOf([5]).map(({ pid }) => pid)).toEqual([7]);
      takeAll(search);
      expect(daemon.ownersOf([5]).map(({ pid }) => pid)).toEqual([7]);
    });
    expect(steps).toBeGreaterThan(20);
  });

  it('leaves polls that see the same listener to go on', () => {
    afterEachStep(({ daemon, search, isDone }) => {
      daemon.remember([5]);
      // Had that poll searched, the daemon would be known.
      removeProcess(7);
      expect(daemon.ownersOf([5]).length).toBe(isDone ? 1 : 0);
      takeAll(search);
      addProcess(7, {});
    });
  });

  it('finds the daemon that has replaced the one with the listener', () => {
    afterEachStep(({ daemon, search }) => {
      removeProcess(7);
      addProcess(8, { comm: 'node', sockets: [9] });
      daemon.remember([9]);
      takeAll(search);
      expect(daemon.state()).toMatchObject({ kind: 'alive', pid: 8 });
      expect(daemon.ownersOf([9]).map(({ pid }) => pid)).toEqual([8]);
      removeProcess(8);
      expect(daemon.state()).toEqual({ kind: 'dead', wasThere: true });
      addProcess(7, {});
    });
  });

  it('may fail, and is then done at the next poll', () => {
    addProcess(7, { comm: 'node', sockets: [5] });
    const { daemon, search } = started(3);
    const name = join(procRoot, '79', 'comm');
    rmSync(name);
    mkdirSync(name);
    takeAll(search);
    expect(daemon.ownersOf([5])).toEqual([]);
    addProcess(79, {});
    daemon.remember([5]);
    expect(daemon.ownersOf([5]).map(({ pid }) => pid)).toEqual([7]);
  });
});

describe('a daemon that was found by its name', () => {
  it('lives on in another of its name when the one that listened is dead', () => {
    addProcess(7, { comm: 'buildkitd', sockets: [5] });
    const daemon = watchDaemon(procRoot, false, { anyDaemon: true });
    daemon.remember([5]);
    addProcess(8, { comm: 'buildkitd' });
    removeProcess(7);
    expect(daemon.state()).toMatchObject({ kind: 'alive', pid: 8 });
    removeProcess(8);
    const states = Array.from({ length: 10 }, () => daemon.state().kind);
    expect(states.at(-1)).toBe('dead');
  });
});

describe('a daemon that is given by its process', () => {
  const process = { pid: 7, startTime: '7', parentPid: 1 };

  it('is that process alone, and no later one with its pid', () => {
    addProcess(7, { comm: 'node' });
    addProcess(8, { comm: 'buildkitd' });
    const daemon = watchProcesses(procRoot, [process]);
    expect(daemon.state()).toMatchObject({ kind: 'alive', pid: 7 });
    addProcess(7, { comm: 'node', startTime: 99 });
    expect(daemon.state()).toEqual({ kind: 'dead', wasThere: true });
  });

  it('is unknown where /proc is masked', () => {
    rmSync(procRoot, { recursive: true });
    mkdirSync(procRoot);
    expect(watchProcesses(procRoot, [process]).state().kind).toBe('unknown');
  });

  it.each(['7 (node) S 1', '7 (no', '7'])('is unknown where its stat is cut: %s', (stat) => {
    addProcess(7, { comm: 'node' });
    writeFileSync(join(procRoot, '7', 'stat'), stat);
    expect(watchProcesses(procRoot, [process]).state().kind).toBe('unknown');
  });
});
