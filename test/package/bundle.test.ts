import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type MadeBundle, makeBundle } from '../support/bundle.ts';
import { type CliOptions, startCli, startWait } from '../support/cli.ts';
import { compiled } from '../support/native.ts';
import { startDaemon } from '../support/peer-process.ts';
import { it } from '../support/test.ts';
import { asUser, hasOtherUsers } from '../support/users.ts';
import { waitFor } from '../support/wait-for.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

let bundle: MadeBundle;
beforeAll(() => {
  bundle = makeBundle(process.arch === 'arm64' ? 'arm64' : 'x64');
}, 300_000);
afterAll(() => {
  bundle.remove();
}, 300_000);

function runIt(command: string, args: readonly string[], options: object = {}) {
  return spawnSync(command, args, { encoding: 'utf8', env: {}, timeout: 20_000, ...options });
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => !statSync(join(folder, path)).isDirectory())
    .sort();
}

describe('the archive', () => {
  it('has the folder in it, and no trace of its user and time', () => {
    const listed = ['--list', '--verbose', '--numeric-owner', '--utc', '--file', bundle.archive];
    const { stdout } = runIt('/bin/tar', listed, { env: { PATH: process.env['PATH'] } });
    const lines = stdout.trimEnd().split('\n');
    expect(
      lines.filter((line) => !/ 0\/0 .* 1970-01-01 00:00 buildkit-drain\//.test(line)),
    ).toEqual([]);
    const files = lines.flatMap((line) => /^-.* buildkit-drain\/(.+)$/.exec(line)?.[1] ?? []);
    expect(files.sort()).toEqual(filesIn(bundle.folder));
    const compared = ['--compare', '--file', bundle.archive, '--directory', dirname(bundle.folder)];
    const differences = runIt('/bin/tar', compared, { env: { PATH: process.env['PATH'] } }).stdout;
    expect(differences.replaceAll(/.*: (Mod time|Uid|Gid) differs\n/g, '')).toBe('');
  });
});

describe('the folder', () => {
  it('is made of what the list beside the archive says', () => {
    const list = readFileSync(join(bundle.folder, 'LICENSES/LIST.txt'), 'utf8');
    const named = [...list.matchAll(/^(.+)\nlicence: /gm)].map(([, component]) => component);
    const { metadata, components } = JSON.parse(
      readFileSync(bundle.archive.replace('.tar.gz', '.cdx.json'), 'utf8'),
    );
    const described = [metadata.component, ...components].map(
      ({ name, version }) => `${name} ${version}`,
    );
    expect(described.toSorted()).toEqual(named.toSorted());
    for (const { purl } of components) {
      expect(purl).toMatch(/^pkg:(npm|generic|deb\/debian)\/[^@+]+@[^@+]+$/);
    }
  });

  it('has the licence of every file, and says which', () => {
    const list = readFileSync(join(bundle.folder, 'LICENSES/LIST.txt'), 'utf8');
    const named = [...list.matchAll(/^ {2}(\S+)$/gm)].map(([, path]) => path);
    expect(named.sort()).toEqual(filesIn(bundle.folder));

    const texts = [...list.matchAll(/^texts: (.+)$/gm)].flatMap(([, names = '']) =>
      names.split(', '),
    );
    const licences = filesIn(join(bundle.folder, 'LICENSES')).filter((name) => name !== 'LIST.txt');
    expect([...new Set(texts)].sort()).toEqual(licences.map((name) => `LICENSES/${name}`));
    const words = {
      'gcc.txt': 'GCC RUNTIME LIBRARY EXCEPTION',
      'glibc.txt': 'GNU C Library',
      'node.txt': 'Node.js is licensed for use as follows',
      'smol-toml.txt': 'Redistribution and use',
      'commander.txt': 'Permission is hereby granted',
      'buildkit-drain.txt': 'Apache License',
    };
    for (const [name, text] of Object.entries(words)) {
      const licence = readFileSync(join(bundle.folder, 'LICENSES', name), 'utf8');
      expect(licence.replaceAll(/\s+/g, ' ').toLowerCase()).toContain(text.toLowerCase());
    }
  });

  it('can be read and run by every user, and written by its owner alone', () => {
    const modes = ['.', ...filesIn(bundle.folder)].map((path) => {
      const { mode } = statSync(join(bundle.folder, path));
      return (mode & 0o777).toString(8);
    });
    expect([...new Set(modes)].sort()).toEqual(['644', '755']);
  });

  it('is started by a program of a few kB that needs no loader and no library', () => {
    for (const name of ['buildkit-drain', 'node']) {
      const path = join(bundle.folder, name);
      expect(statSync(path).size).toBeLessThan(8 * 1024);
      const { stdout } = runIt('readelf', ['--program-headers', '--dynamic', path], {
        env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      });
      expect(stdout).toContain('LOAD');
      expect(stdout).not.toMatch(/INTERP|NEEDED|RWE/);
    }
  });
});

const users = hasOtherUsers ? ['0:0', '1000:1000'] : ['0:0'];
const sandboxes = [false, true].flatMap((hasProc) => users.map((user) => ({ hasProc, user })));

describe.each(sandboxes)('in an empty root as user $user, with a /proc: $hasProc,', (where) => {
  const at = where.hasProc ? 'opt/buildkit-drain' : 'some where/else';

  function inRoot(): CliOptions {
    const root = bundle.emptyRoot(at);
    const enter = ['chroot', `--userspec=${where.user}`, root];
    const mounted = ['sh', '-c', 'mount -t proc proc "$0/proc" && exec "$@"', root];
    if (where.hasProc) {
      mkdirSync(join(root, 'proc'));
    }
    return {
      through: where.hasProc ? ['unshare', '--mount', ...mounted, ...enter] : enter,
      program: [`/${at}/buildkit-drain`],
    };
  }

  it('waits until the last client has left', async ({ sandbox, daemon, clients }) => {
    const { address } = await daemon.listen('tcp://127.0.0.1:0');
    const connected = await clients.connect(address);
    const wait = await startWait(sandbox, ['--addr', address], inRoot());
    await wait.counted(1);
    expect((await wait.event('started'))['message']).not.toContain('procfs');
    await clients.leave(connected);
    const { code, outcome, logs } = await wait.ended;
    expect(outcome).toBe('drained');
    expect(code).toBe(0);
    expect(logs.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('ends with 3 when the deadline passes before', async ({ sandbox, daemon, clients }) => {
    const { address } = await daemon.listen('tcp://127.0.0.1:0');
    await clients.connect(address);
    const wait = await startWait(sandbox, ['--addr', address, '--timeout', '300ms'], inRoot());
    expect((await wait.ended).code).toBe(3);
  });
});

describe('the program in it', () => {
  it('reads the configuration of a daemon, with the parser that it brings along', async ({
    sandbox,
    daemon,
  }) => {
    const { address } = await daemon.listen('tcp://127.0.0.1:0');
    const config = join(sandbox.directory, 'buildkitd.toml');
    writeFileSync(config, `[grpc]\naddress = ["${address}", "tcp://127.0.0.1:1"]\n`);
    const configured = await startDaemon(sandbox, { args: ['--config', config] });
    const other = await configured.listen('tcp://127.0.0.1:0');
    const wait = await startWait(sandbox, ['--timeout', '10s'], {
      program: [join(bundle.folder, 'buildkit-drain')],
    });
    const { logs, code } = await wait.ended;
    expect(JSON.stringify(logs)).toContain(other.address.replace('tcp://', ''));
    expect(JSON.stringify(logs)).toContain('tcp://127.0.0.1:1');
    expect(logs.filter(({ event }) => event === 'config-unreadable')).toEqual([]);
    expect(code).toBe(0);
  });

  it('has a name of its own in lists of processes, also when started as buildkitd', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const { address } = await daemon.listen('tcp://127.0.0.1:0');
    await clients.connect(address);
    const folder = bundle.emptyRoot();
    symlinkSync(join(bundle.folder, 'buildkit-drain'), join(folder, 'buildkitd'));
    const wait = await startWait(sandbox, ['--addr', address, '--timeout', '20s'], {
      program: [join(folder, 'buildkitd')],
    });
    await wait.counted(1);
    const about = (name: string): string =>
      readFileSync(`/proc/${wait.process.pid}/${name}`, 'utf8').replaceAll('\0', ' ');
    expect(about('comm')).toBe('buildkit-drain\n');
    expect(about('cmdline')).toMatch(/^buildkit-drain .* wait .*--timeout 20s $/);
    await wait.process.signal('SIGTERM');
    expect((await wait.ended).code).toBe(143);
  });

  it('runs its benchmark and the processes of it with the same Node.js', () => {
    const json = join(bundle.emptyRoot(), 'results.json');
    const small = ['--pairs', '0', '--clients', '1', '--rounds', '1', '--intervals', 'none'];
    const few = [
      '--counts',
      '0',
      '--left-out',
      'none',
      '--processes',
      'none',
      '--scale',
      'none',
      '--starts',
      '1',
      '--exits',
      '0',
    ];
    const { status, stderr } = runIt(
      join(bundle.folder, 'buildkit-drain'),
      ['bench', 'cost', ...small, ...few, '--json', json],
      { env: { PATH: process.env['PATH'] } },
    );
    expect(stderr).not.toContain('bug');
    expect(status).toBe(0);
    const results = JSON.parse(readFileSync(json, 'utf8'));
    const contents = JSON.parse(readFileSync(join(bundle.folder, 'contents.json'), 'utf8'));
    expect(results).toMatchObject({ host: { node: `v${contents.node}`, isBundle: true } });
    expect(results.startUp.waitMs.median).toBeGreaterThan(1);
  });
});

describe('the launcher', () => {
  const shown = { status: 0, stdout: `${version}\n`, stderr: '' };

  it('is found behind links, relative and absolute, and by its name in PATH', () => {
    const launcher = join(bundle.folder, 'buildkit-drain');
    const folder = bundle.emptyRoot();
    symlinkSync(launcher, join(folder, 'absolute'));
    symlinkSync('absolute', join(folder, 'link'));
    mkdirSync(join(folder, 'sub'));
    symlinkSync(relative(join(folder, 'sub'), launcher), join(folder, 'sub/relative'));
    symlinkSync(dirname(launcher), join(folder, 'folder'));
    for (const path of ['absolute', 'link', 'sub/relative', 'folder/buildkit-drain']) {
      expect(runIt(join(folder, path), ['--version'])).toMatchObject(shown);
      expect(runIt(`./${path}`, ['--version'], { cwd: folder })).toMatchObject(shown);
    }
    const inPath = { env: { PATH: `/nowhere:${folder}/folder` } };
    expect(runIt('buildkit-drain', ['--version'], inPath)).toMatchObject(shown);
    const relativePath = { cwd: folder, env: { PATH: 'folder' } };
    expect(runIt('buildkit-drain', ['--version'], relativePath)).toMatchObject(shown);
  });

  it('is found when it was opened before and is run by its descriptor', () => {
    // execveat(2) of a descriptor that is closed by it: Perl can make any system call.
    const number = process.arch === 'arm64' ? 281 : 322;
    const script = `open(my $file, '<', $ARGV[0]) or die $!;
      my ($path, $args, $env) = ('', pack('p p Q', 'x', '--version', 0), pack('Q', 0));
      syscall(${number}, fileno($file), $path, $args, $env, 0x1000);
      die $!;`;
    const args = ['-e', script, join(bundle.folder, 'buildkit-drain')];
    expect(runIt('/usr/bin/perl', args)).toMatchObject(shown);
  });

  it('drops what the image sets for other loaders, Node.js and OpenSSL', () => {
    const folder = bundle.emptyRoot();
    const broken = join(folder, 'libc.so.6');
    writeFileSync(broken, 'this is no library');
    const settings = {
      LD_TRACE_LOADED_OBJECTS: '1',
      LD_PRELOAD: broken,
      LD_AUDIT: broken,
      LD_LIBRARY_PATH: folder,
      NODE_OPTIONS: '--no-such-option',
      OPENSSL_CONF: broken,
      NODE_CHANNEL_FD: 'none',
    };
    const launcher = join(bundle.folder, 'buildkit-drain');
    for (const [name, value] of Object.entries(settings)) {
      expect(runIt(launcher, ['--version'], { env: { [name]: value } }), name).toMatchObject(shown);
    }
    const all = { env: { ...settings, NODE_EXTRA_CA_CERTS: '/nowhere' } };
    expect(runIt(launcher, ['--version'], all)).toMatchObject(shown);
  });

  it('hands on arguments, the rest of the environment, and descriptors', () => {
    const script = `
      const { writeSync } = require('node:fs');
      writeSync(3, JSON.stringify({ args: process.argv.slice(1), env: process.env }));`;
    const env = {
      LD_PRELOAD: 'no',
      A: '1',
      NODE_EXTRA_CA_CERTS: '/ca',
      NODE_OPTIONS: 'no',
      LDX: '',
    };
    const args = ['-e', script, '', 'two words', '$HOME'];
    const { output, stderr } = runIt(join(bundle.folder, 'node'), args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    expect(stderr).toBe('');
    expect(JSON.parse(output[3] ?? '')).toEqual({
      args: ['', 'two words', '$HOME'],
      env: { A: '1', NODE_EXTRA_CA_CERTS: '/ca', LDX: '' },
    });
  });

  it('names what is missing from its folder, in the log of the pod too, and ends with 127', async ({
    sandbox,
  }) => {
    const loader = readdirSync(join(bundle.folder, 'runtime')).find((name) => /^ld-/.test(name));
    let all = '';
    const bin = ['buildkit-drain.cjs', 'start.cjs'].map((file) => `dist/bin/${file}`);
    for (const path of [`runtime/${loader}`, 'runtime/node', ...bin]) {
      const copy = bundle.copy();
      rmSync(join(copy, path));
      const { code, stderr } = await (await sandbox.start([`${copy}/buildkit-drain`, 'wait']))
        .ended;
      expect(stderr).toBe(
        `buildkit-drain: incomplete installation, file not found: ${copy}/${path} (errno 2)\n`,
      );
      expect(code).toBe(127);
      all += stderr;
    }
    expect(readFileSync(sandbox.mainLog, 'utf8')).toBe(all);
  });

  it('says what is wrong once where its standard error is the log of the pod', async ({
    sandbox,
  }) => {
    const script = 'exec "$0" wait 2>/proc/1/fd/2';
    const command = ['sh', '-c', script, `${bundle.emptyRoot('a:b')}/a:b/buildkit-drain`];
    expect((await (await sandbox.start(command)).ended).code).toBe(127);
    expect(readFileSync(sandbox.mainLog, 'utf8').match(/must not contain a colon/g)).toHaveLength(
      1,
    );
  });

  const threads = 3;

  /** As a user that nobody else is, who may have so many processes and threads. */
  function withThreads(count: number, uid: number): CliOptions {
    const enter = ['chroot', `--userspec=${uid}:${uid}`, bundle.emptyRoot('opt')];
    return {
      through: ['prlimit', `--nproc=${count}`, ...enter],
      program: ['/opt/buildkit-drain'],
    };
  }

  it.runIf(hasOtherUsers)('has Node.js wait with three threads', async ({ sandbox, daemon }) => {
    const { address } = await daemon.listen('tcp://127.0.0.1:0');
    const wait = await startWait(sandbox, ['--addr', address], withThreads(threads, 54_322));
    await wait.event('started');
    expect(readdirSync(`/proc/${wait.process.pid}/task`)).toHaveLength(threads);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it.runIf(hasOtherUsers)(
    'says where there are fewer, and starts when there are more',
    async ({ sandbox }) => {
      const uid = 54_323;
      const other = await sandbox.start([...asUser(uid), 'sleep', 'infinity']);
      await waitFor('the other user', () => statSync(`/proc/${other.pid}`).uid === uid);
      const { process } = await startCli(sandbox, ['--version'], withThreads(threads, uid));
      const said =
        'buildkit-drain: cannot start the 3 processes or threads that Node.js needs: ' +
        'retrying for one minute (errno 11)\n';
      await waitFor('what it says', () => process.stderr() === said);
      expect(process.hasEnded()).toBe(false);
      await other.signal('SIGKILL');
      expect(await process.ended).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: said });
    },
  );

  it('says in the log of the pod where clone3 is refused with EPERM, and ends with 127', async ({
    sandbox,
  }) => {
    const launcher = join(bundle.folder, 'buildkit-drain');
    const { EPERM, ENOSYS } = constants.errno;
    const refusing = (errno: number) => [compiled('deny'), String(errno), 'clone3', '--', launcher];
    const refused = await (await sandbox.start([...refusing(EPERM), 'wait'])).ended;
    expect(refused.stderr).toContain("this container's seccomp profile returns EPERM for clone3");
    expect(refused.code).toBe(127);
    expect(readFileSync(sandbox.mainLog, 'utf8')).toBe(refused.stderr);
    const other = await sandbox.start([...refusing(ENOSYS), '--version']);
    expect(await other.ended).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('install', () => {
  const launcher = (): string => join(bundle.folder, 'buildkit-drain');
  const sameAsMade = (folder: string): void => {
    expect(runIt('/usr/bin/diff', ['--recursive', bundle.folder, folder])).toMatchObject({
      status: 0,
      stdout: '',
    });
    expect(runIt(join(folder, 'buildkit-drain'), ['--version']).stdout).toBe(`${version}\n`);
  };

  it.each([
    ['that is missing, its parents too', 'a/b', () => {}],
    ['that is empty', 'empty', (target: string) => mkdirSync(target)],
  ])('copies the folder to a path %s', (_, name, prepare) => {
    const parent = bundle.emptyRoot();
    const target = join(parent, name);
    prepare(target);
    const { status, stdout, stderr } = runIt(launcher(), ['install', `${target}/`]);
    expect(stderr).toBe('');
    expect(stdout).toBe(`buildkit-drain ${version} is there now: ${target}/buildkit-drain\n`);
    expect(status).toBe(0);
    sameAsMade(target);
    expect(readdirSync(dirname(target))).toEqual([basename(target)]);
  });

  it('makes the copy executable for every user, with any umask', () => {
    const target = join(bundle.emptyRoot(), 'target');
    runIt('/bin/sh', ['-c', 'umask 077 && exec "$@"', 'sh', launcher(), 'install', target]);
    const modes = ['.', 'runtime', 'runtime/node', 'package.json', 'dist/bin'].map(
      (path) => statSync(join(target, path)).mode & 0o777,
    );
    expect(modes).toEqual([0o755, 0o755, 0o755, 0o644, 0o755]);
  });

  it('does nothing where it was done already', () => {
    const target = join(bundle.emptyRoot('target'), 'target');
    const before = statSync(join(target, 'runtime/node')).ctimeMs;
    const { status, stdout } = runIt(launcher(), ['install', target]);
    expect(stdout).toBe(`buildkit-drain ${version} was there already: ${target}/buildkit-drain\n`);
    expect(status).toBe(0);
    expect(statSync(join(target, 'runtime/node')).ctimeMs).toBe(before);
  });

  it('completes a partial copy, which could not be started before', async ({ sandbox }) => {
    const target = join(sandbox.directory, 'volume');
    mkdirSync(target);
    const inPlace = async (...command: string[]) => (await sandbox.start(command)).ended;
    await inPlace('mount', '-t', 'tmpfs', '-o', 'size=50m', 'none', target);
    const cut = await inPlace(launcher(), 'install', target);
    expect(cut.stderr).toContain(`install: the files cannot be copied to ${target} (ENOSPC`);
    expect(cut.code).toBe(2);
    const names = (await inPlace('ls', target)).stdout.split('\n');
    expect(names).toContain('runtime');
    expect(names).not.toContain('buildkit-drain');

    await inPlace('mount', '-o', 'remount,size=200m', target);
    expect(await inPlace(launcher(), 'install', target)).toMatchObject({ code: 0, stderr: '' });
    const compared = await inPlace('diff', '--recursive', bundle.folder, target);
    expect(compared).toMatchObject({ code: 0, stdout: '' });
  });

  it('says that it can not be started where it is, the first time and the second', async ({
    sandbox,
  }) => {
    const volume = join(sandbox.directory, 'volume');
    mkdirSync(volume);
    const inPlace = async (...command: string[]) => (await sandbox.start(command)).ended;
    await inPlace('mount', '-t', 'tmpfs', '-o', 'noexec', 'none', volume);
    const withColon = join(bundle.emptyRoot(), 'a:b');
    for (const [target, reason] of [
      [volume, `spawnSync ${volume}/buildkit-drain EACCES); mount the volume there without noexec`],
      [withColon, `the installation path must not contain a colon or semicolon: ${withColon}/)`],
    ] as const) {
      const expected = {
        code: 2,
        stdout: '',
        stderr: expect.stringContaining(
          `install: the files are in ${target}, but cannot be started there (${reason}`,
        ),
      };
      expect(await inPlace(launcher(), 'install', target)).toMatchObject(expected);
      expect(await inPlace(launcher(), 'install', target)).toMatchObject(expected);
    }
  });

  it('leaves no temporary file after a failure', async ({ sandbox }) => {
    const volume = join(sandbox.directory, 'volume');
    mkdirSync(volume);
    const inPlace = async (...command: string[]) => (await sandbox.start(command)).ended;
    await inPlace('mount', '-t', 'tmpfs', '-o', 'size=50m', 'none', volume);
    expect((await inPlace(launcher(), 'install', join(volume, 'target'))).code).toBe(2);
    expect((await inPlace('ls', volume)).stdout).toBe('');
  });

  it('overwrites nothing else', () => {
    const others = {
      'a file': (target: string) => writeFileSync(target, ''),
      'other files': (target: string) => {
        mkdirSync(target);
        writeFileSync(join(target, 'notes'), '');
      },
      'another buildkit-drain': (target: string) => {
        mkdirSync(target);
        writeFileSync(join(target, 'contents.json'), '{}');
        writeFileSync(join(target, 'buildkit-drain'), '');
      },
    };
    for (const [what, make] of Object.entries(others)) {
      const target = join(bundle.emptyRoot(), 'target');
      make(target);
      const { status, stderr } = runIt(launcher(), ['install', target]);
      expect(stderr).toContain(`but ${target} is taken by ${what};`);
      expect(status).toBe(2);
    }
  });

  it('is refused where the program was not shipped with a Node.js', () => {
    const target = join(bundle.emptyRoot(), 'target');
    const args = ['dist/bin/buildkit-drain.cjs', 'install', target];
    const { status, stderr } = runIt(process.execPath, args);
    expect(stderr).toContain('install: expected to run from a folder that has its own Node.js');
    expect(status).toBe(2);
  });
});
