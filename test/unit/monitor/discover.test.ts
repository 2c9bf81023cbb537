import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discoverEndpoints } from '../../../src/monitor/discover.ts';
import { makeProcTree, type ProcTree, type TreeProcess } from '../support/proc-tree.ts';

let tree: ProcTree;

beforeEach(() => {
  tree = makeProcTree();
  tree.add(1, { comm: 'tini' });
});

afterEach(() => tree.remove());

/** What was found, as far as most tests check it. */
function found(pid?: number) {
  return discoverEndpoints(tree.procRoot, { pid }).map(({ process, endpoints, isListening }) => [
    process.pid,
    isListening,
    ...endpoints.map(({ address }) => address),
  ]);
}

function noticesOf() {
  return discoverEndpoints(tree.procRoot).flatMap(({ notices }) => notices);
}

function writeFile(path: string, text: string): void {
  mkdirSync(join(tree.files, dirname(path)), { recursive: true });
  writeFileSync(join(tree.files, path), text);
}

const debugged = '[grpc]\naddress = ["tcp://0.0.0.0:8372"]\ndebugAddress = ":6060"\n';
const debugging = (): void => {
  tree.network({ tcp: { 5: 8372, 6: 6060 } });
};

describe('the daemon', () => {
  beforeEach(() => tree.network({ tcp: { 5: 8372 } }));

  it.each<[string, TreeProcess]>([
    ['name', { comm: 'buildkitd', cmdline: ['/proc/self/exe'] }],
    ['first word', { comm: 'exe', cmdline: ['/usr/bin/buildkitd', '--debug'] }],
    ['program', { comm: 'exe', cmdline: ['/proc/self/exe'], exe: '/usr/bin/buildkitd' }],
    ['program, since replaced', { comm: 'x', exe: '/usr/bin/buildkitd (deleted)' }],
  ])('is found by its %s', (_, process) => {
    tree.add(7, { ...process, sockets: [5] });
    expect(found()).toEqual([[7, true, 'tcp://0.0.0.0:8372']]);
  });

  it('is found below rootlesskit, which is none', () => {
    tree.add(7, { comm: 'rootlesskit', cmdline: ['rootlesskit', 'buildkitd'] });
    tree.add(8, { comm: 'exe', cmdline: ['/proc/self/exe', 'buildkitd'], parentPid: 7 });
    tree.add(9, { comm: 'buildkitd', sockets: [5], parentPid: 8 });
    expect(found()).toEqual([[9, true, 'tcp://0.0.0.0:8372']]);
  });

  it('is not a zombie, beside which another of its name is found', () => {
    tree.add(7, { comm: 'buildkitd', state: 'Z' });
    tree.add(8, { comm: 'exe', cmdline: ['buildkitd'], sockets: [5] });
    expect(found()).toEqual([[8, true, 'tcp://0.0.0.0:8372']]);
  });

  it('is not its child that has not become its program yet', () => {
    tree.add(7, { comm: 'buildkitd', sockets: [5] });
    tree.add(8, { comm: 'buildkitd', parentPid: 7, cmdline: ['buildkitd', '--addr', 'tcp://:9'] });
    expect(found()).toEqual([[7, true, 'tcp://0.0.0.0:8372']]);
  });

  it('is the configured process, and no other', () => {
    tree.add(7, { comm: 'buildkitd' });
    tree.add(8, { comm: 'node', sockets: [5] });
    expect(found(8)).toEqual([[8, true, 'tcp://0.0.0.0:8372']]);
    expect(found(99)).toEqual([]);
  });

  it('may be several', () => {
    tree.network({ tcp: { 5: 8372, 6: 12345 } });
    tree.add(7, { comm: 'buildkitd', sockets: [5] });
    tree.add(8, { comm: 'buildkitd', sockets: [6] });
    expect(found()).toEqual([
      [7, true, 'tcp://0.0.0.0:8372'],
      [8, true, 'tcp://0.0.0.0:12345'],
    ]);
  });

  it('is none where none is found', () => {
    expect(found()).toEqual([]);
  });
});

describe('its endpoints', () => {
  it('are what it listens on where systemd holds the listener, too (fd://)', () => {
    tree.network({ unix: { 5: '/run/buildkit/buildkitd.sock' } });
    tree.add(2, { comm: 'systemd', sockets: [5] });
    tree.add(7, { comm: 'buildkitd', cmdline: ['buildkitd', '--addr', 'fd://'], sockets: [5] });
    expect(found()).toEqual([[7, true, 'unix:///run/buildkit/buildkitd.sock']]);
    expect(noticesOf()).toEqual([]);
  });

  it('are its configured addresses, where it does not listen', () => {
    tree.add(7, { comm: 'buildkitd', cmdline: ['buildkitd', '--addr', 'tcp://:8372'] });
    expect(found()).toEqual([[7, false, 'tcp://:8372']]);
    expect(noticesOf()).toEqual([]);
  });

  it('are none of others in its network', () => {
    tree.network({ tcp: { 5: 8372, 6: 1234 } });
    tree.add(7, { comm: 'buildkitd', sockets: [5] });
    expect(found()).toEqual([[7, true, 'tcp://0.0.0.0:8372']]);
  });

  it('are searched for in its own network namespace', () => {
    tree.network({ tcp: { 5: 8372 } }, 'theirs');
    tree.network({ tcp: { 6: 1234 } });
    tree.add(7, { comm: 'buildkitd', sockets: [5, 6], network: 'theirs' });
    const [daemon] = discoverEndpoints(tree.procRoot);
    expect(daemon?.endpoints).toMatchObject([{ localPort: 8372 }]);
    expect(daemon?.otherNetns?.netDirectory).toBe(join(tree.procRoot, '7/net'));
  });

  it('are its configured addresses where the tables can not be read', () => {
    tree.add(7, { comm: 'buildkitd', cmdline: ['buildkitd', '--addr=tcp://:8372'], network: 'no' });
    expect(found()).toEqual([[7, false, 'tcp://:8372']]);
    expect(noticesOf()).toMatchObject([{ kind: 'tables-unreadable', pid: 7 }]);
  });
});

describe('its file', () => {
  beforeEach(debugging);

  it('is that of the system', () => {
    writeFile('etc/buildkit/buildkitd.toml', debugged);
    tree.add(7, { comm: 'buildkitd', sockets: [5, 6] });
    expect(found()).toEqual([[7, true, 'tcp://0.0.0.0:8372']]);
  });

  it.each([
    ['XDG_CONFIG_HOME', ['HOME=/home/user', 'XDG_CONFIG_HOME=/config'], 'config/buildkit'],
    ['HOME', ['HOME=/home/user'], 'home/user/.config/buildkit'],
    ['neither', [], 'etc/buildkit'],
  ])('is that of the user in a user namespace, by %s', (_, environ, directory) => {
    writeFile(`${directory}/buildkitd.toml`, debugged);
    tree.add(7, { comm: 'buildkitd', sockets: [5, 6], uidMap: '0 1000 1\n', environ });
    expect(found()).toEqual([[7, true, 'tcp://0.0.0.0:8372']]);
  });

  it('is the configured path, below its working directory if that is relative', () => {
    writeFile('work/own.toml', debugged);
    const cmdline = ['buildkitd', '--config', 'own.toml'];
    tree.add(7, { comm: 'buildkitd', cmdline, sockets: [5, 6] });
    expect(found()).toEqual([[7, true, 'tcp://0.0.0.0:8372']]);
  });

  it('is read in the root of the daemon: absolute links do not lead out of its root', () => {
    writeFile('mounted/..data/buildkitd.toml', debugged);
    mkdirSync(join(tree.files, 'etc/buildkit'), { recursive: true });
    symlinkSync('/mounted/current', join(tree.files, 'etc/buildkit/buildkitd.toml'));
    symlinkSync('./..data/../..data/buildkitd.toml', join(tree.files, 'mounted/current'));
    tree.add(7, { comm: 'buildkitd', sockets: [5, 6] });
    expect(found()).toEqual([[7, true, 'tcp://0.0.0.0:8372']]);
  });

  it('gives way to the command line', () => {
    writeFile('etc/buildkit/buildkitd.toml', debugged);
    const cmdline = ['buildkitd', '--addr', 'tcp://:6060', '--debugaddr', ':8372'];
    tree.add(7, { comm: 'buildkitd', cmdline, sockets: [5, 6] });
    expect(found()).toEqual([[7, true, 'tcp://:6060']]);
  });

  it.each([
    ['[grpc', 'it is not TOML (line 1, column 2)'],
    [`#${'x'.repeat(300_000)}`, 'it is longer than 262144 bytes'],
  ])('is reported where it can not be parsed', (text, reason) => {
    writeFile('etc/buildkit/buildkitd.toml', text);
    tree.add(7, { comm: 'buildkitd', sockets: [5] });
    expect(found()).toEqual([[7, true, 'tcp://0.0.0.0:8372']]);
    expect(noticesOf()).toEqual([
      { kind: 'config-unreadable', pid: 7, path: '/etc/buildkit/buildkitd.toml', reason },
    ]);
  });

  it('are read in a better way where there is one, in our own network namespace alone', () => {
    tree.network({ tcp: { 5: 1111 } });
    tree.network({ tcp: { 6: 2222 } }, 'theirs');
    tree.add(7, { comm: 'buildkitd', sockets: [5] });
    tree.add(8, { comm: 'buildkitd', sockets: [6], network: 'theirs' });
    const ownListeners = () => [
      { kind: 'tcp', inode: 5, localAddress: '0.0.0.0', localPort: 3333 } as const,
    ];
    const daemons = discoverEndpoints(tree.procRoot, { ownListeners });
    expect(daemons.flatMap(({ endpoints }) => endpoints.map(({ address }) => address))).toEqual([
      'tcp://0.0.0.0:3333',
      'tcp://0.0.0.0:2222',
    ]);
  });
});
