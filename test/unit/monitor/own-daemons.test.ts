import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOwnScans } from '../../../src/monitor/own-daemons.ts';
import { makeProcTree, type ProcTree, type TreeProcess } from '../support/proc-tree.ts';

let tree: ProcTree;

beforeEach(() => {
  tree = makeProcTree();
  tree.network({}, 'theirs');
});

afterEach(() => tree.remove());

const id = (digit: string): string => digit.repeat(64);
const pod = '/kubepods.slice/kubepods-burstable.slice';
const inContainer = (digit: string): string => `0::${pod}/cri-containerd-${id(digit)}.scope\n`;
const named = { comm: 'buildkitd', network: 'theirs' };

/** Process 1, this program as process 2, and daemons from pid 7 on. */
function endpointKey(first: TreeProcess, self: TreeProcess, ...daemons: TreeProcess[]): void {
  tree.add(1, first);
  tree.add(2, { ...self, comm: 'buildkit-drain' });
  tree.be(2);
  for (const [index, daemon] of daemons.entries()) {
    tree.add(7 + index, { ...named, ...daemon });
  }
}

function sorted(scan = createOwnScans(tree.procRoot)()) {
  const pidsOf = (processes: readonly { pid: number }[]) => processes.map(({ pid }) => pid);
  return { own: pidsOf(scan.daemons()), others: pidsOf(scan.others()) };
}

describe('own daemons', () => {
  it('are those in our network, whatever the container: a pod’s sidecar', () => {
    const cgroup = inContainer('a');
    endpointKey(
      { cgroup: inContainer('c') },
      { cgroup },
      { network: 'ours', cgroup: inContainer('b') },
    );
    expect(sorted()).toEqual({ own: [7], others: [] });
  });

  it('are those in our network alone, where there are such', () => {
    endpointKey({}, {}, { network: 'ours' }, {}, { pids: [9, 1] });
    const scan = createOwnScans(tree.procRoot);
    expect(sorted(scan())).toEqual({ own: [7], others: [8, 9] });
    tree.end(7);
    expect(sorted(scan())).toEqual({ own: [], others: [8, 9] });
    expect(sorted()).toEqual({ own: [8], others: [9] });
  });

  it('are those of our process namespace: below rootlesskit, in a network of its own', () => {
    const cgroup = inContainer('a');
    endpointKey({ cgroup }, { cgroup }, { cgroup });
    expect(sorted()).toEqual({ own: [7], others: [] });
  });

  it('are those of a pod’s shared process namespace, be they in another container', () => {
    endpointKey(
      { cgroup: inContainer('c') },
      { cgroup: inContainer('a') },
      { cgroup: inContainer('b') },
    );
    expect(sorted()).toEqual({ own: [7], others: [] });
  });

  it('are on a host those of the host, and not those in containers beside', () => {
    const cgroup = '0::/user.slice/session-1.scope\n';
    const contained = { cgroup: inContainer('b'), pids: [8, 1] };
    endpointKey(
      { cgroup: '0::/init.scope\n' },
      { cgroup },
      { cgroup: '0::/system.slice\n' },
      contained,
    );
    expect(sorted()).toEqual({ own: [7], others: [8] });
  });

  it('are on a host those in containers, where no other was ever found', () => {
    const cgroup = '0::/user.slice\n';
    const contained = { cgroup: inContainer('b'), pids: [8, 1] };
    endpointKey({ cgroup: '0::/init.scope\n' }, { cgroup }, { cgroup }, contained);
    const scan = createOwnScans(tree.procRoot);
    expect(sorted(scan())).toEqual({ own: [7], others: [8] });
    tree.end(7);
    expect(sorted(scan())).toEqual({ own: [], others: [8] });
    expect(sorted()).toEqual({ own: [8], others: [] });
  });

  it.each([
    ['its container’s id', inContainer('a'), inContainer('b'), '0::/init.scope\n'],
    [
      'its container’s id, by the first version’s groups',
      `11:misc:/\n9:memory:/kubepods/pod1/${id('a')}\n0::/\n`,
      `11:misc:/\n9:memory:/kubepods/pod2/${id('b')}\n0::/\n`,
      '9:memory:/\n',
    ],
    [
      'a control group that is not below ours',
      '0::/\n',
      `0::/../../pod2/cri-containerd-${id('b')}.scope\n`,
      '0::/../../../init.scope\n',
    ],
  ])(
    'are not another pod’s where the processes are those of the host, by %s',
    (_, ours, theirs, first) => {
      const other = { cgroup: theirs, pids: [7, 1] };
      endpointKey({ cgroup: first, network: 'host' }, { cgroup: ours }, other, { cgroup: theirs });
      tree.network({}, 'host');
      expect(sorted()).toEqual({ own: [], others: [7, 8] });
      // With the host's network as well.
      tree.add(1, { cgroup: first });
      expect(sorted()).toEqual({ own: [], others: [7, 8] });
      tree.add(7, { ...named, cgroup: ours });
      expect(sorted()).toEqual({ own: [7], others: [8] });
    },
  );

  it('are not the host’s own where the processes are those of the host', () => {
    const host = { cgroup: '0::/../../system.slice/buildkit.service\n', network: 'host' };
    tree.network({}, 'host');
    endpointKey({ cgroup: '0::/../../init.scope\n', network: 'host' }, { cgroup: '0::/\n' }, host);
    expect(sorted()).toEqual({ own: [], others: [7] });
  });

  it('include those with an unknown namespace', () => {
    endpointKey({}, {}, { network: 'gone' });
    expect(sorted()).toEqual({ own: [7], others: [] });
  });
});
