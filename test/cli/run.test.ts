import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { passedOn } from '../../src/run/supervise.ts';
import { cliPath, type LogLine, parseLog } from '../support/cli.ts';
import { type PeerProcess, startDaemon } from '../support/peer-process.ts';
import { maskProc, withOwnMounts } from '../support/refusals.ts';
import { type Ended, run as start } from '../support/running.ts';
import type { Sandbox, SandboxProcess } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const tcp = 'tcp://127.0.0.1:1234';
const tool = [process.execPath, cliPath, 'run', '--log-to', 'stderr', '--builds', 'off'];
const quick = [...tool, '--interval', '20ms', '--quiet-period', '500ms'];
const signalPrinter = [
  process.execPath,
  fileURLToPath(new URL('../support/signal-printer.mjs', import.meta.url)),
];

function runs(...command: readonly string[]): Promise<Ended> {
  return start([...quick, '--log-level', 'error', '--', ...command]).ended;
}

/** `run` with the stand-in for buildkitd, which still hears its commands. */
function runDaemon(sandbox: Sandbox, ...args: readonly string[]): Promise<PeerProcess> {
  return startDaemon(sandbox, { through: [...quick, ...args, '--'] });
}

function events({ stderr }: SandboxProcess): LogLine[] {
  return parseLog(stderr()).filter(({ event }) => event !== undefined);
}

function event(run: SandboxProcess, name: string): Promise<LogLine> {
  return waitFor(`event ${name}`, () => {
    const found = events(run).find((line) => line.event === name);
    if (found === undefined && run.hasEnded()) {
      throw new Error(`It has ended without event ${name}: ${run.stderr()}`);
    }
    return found;
  });
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

describe.concurrent('run', () => {
  it.for([0, 3, 255])('exits as its command does, with %i', async (code) => {
    const ended = await runs('sh', '-c', `exit ${code}`);
    expect(ended).toEqual({ code, signal: null, stdout: '', stderr: '' });
  });

  it.for(['SIGTERM', 'SIGKILL', 'SIGHUP', 'SIGUSR1'] as const)(
    'dies of the signal that its command died of: %s',
    async (signal) => {
      const ended = await runs('sh', '-c', `kill -${signal.slice(3)} $$`);
      expect(ended).toMatchObject({ code: null, signal });
    },
  );

  it('makes no core file for its command', async () => {
    expect(await runs('sh', '-c', 'ulimit -c 0; kill -QUIT $$')).toMatchObject({ code: 131 });
    expect(await runs('sh', '-c', 'ulimit -c 0; kill -ABRT $$')).toMatchObject({ code: 134 });
  });

  it('exits 127 for what is not there, and 126 for what is no program', async ({ sandbox }) => {
    const missing = await runs('/no/such/program');
    expect(missing).toMatchObject({ code: 127, stdout: '' });
    expect(missing.stderr).toMatch(
      /^buildkit-drain: "\/no\/such\/program" cannot be started: .*\n$/,
    );
    expect((await runs('no-such-program')).code).toBe(127);
    const file = join(sandbox.directory, 'file');
    writeFileSync(file, 'no program');
    const forbidden = await runs(file);
    expect(forbidden).toMatchObject({ code: 126, stdout: '' });
    expect(forbidden.stderr).toContain('it is not executable');
    expect((await runs(sandbox.directory)).code).toBe(126);
  });

  it('starts nothing after a usage error', async ({ sandbox }) => {
    const file = join(sandbox.directory, 'started');
    for (const [args, message] of [
      [['--interval', 'fast', '--', 'touch', file], '--interval: expected a duration'],
      [['--pid', '1', '--', 'touch', file], 'unknown option "--pid"'],
      [['--tls-ca', '', '--', 'touch', file], '--tls-ca: expected the path of a PEM file'],
      [[], 'missing required argument "command"'],
      [['--'], 'missing required argument "command"'],
    ] as const) {
      const { code, stdout, stderr } = await start([process.execPath, cliPath, 'run', ...args])
        .ended;
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(message);
    }
    expect(existsSync(file)).toBe(false);
  });

  it('leaves all words of the command alone', async () => {
    const words = ['--addr', 'x', '--', '', 'a b', 'run', '--help'];
    const print = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))';
    for (const dashes of [['--'], []]) {
      const command = [...quick, '--log-level', 'error', ...dashes, process.execPath, '-e', print];
      const ended = await start([...command, '--', ...words]).ended;
      expect(ended.stderr).toBe('');
      expect(JSON.parse(ended.stdout)).toEqual(words);
    }
  });

  it('hands its streams on byte for byte, its environment, and no descriptor of its own', async () => {
    const input = randomBytes(1_000_000);
    const [program = '', ...args] = [...quick, '--log-level', 'error', '--'];
    const options = { input, maxBuffer: 1e8, env: { ...process.env, MARK: 'here' } };
    const script = 'cat; printf "%s" "$MARK" >&2; exit 4';
    const copied = spawnSync(program, [...args, 'sh', '-c', script], options);
    expect(copied.stdout.equals(input)).toBe(true);
    expect(copied.stderr.toString()).toBe('here');
    expect(copied.status).toBe(4);
    const listed = spawnSync(program, [...args, 'sh', '-c', 'ls /proc/$$/fd'], options);
    expect(listed.stdout.toString().trim().split(/\s+/).slice(0, 3)).toEqual(['0', '1', '2']);
    const bare = spawnSync('sh', ['-c', 'ls /proc/$$/fd'], options);
    expect(listed.stdout.toString()).toBe(bare.stdout.toString());
  });

  it('leaves standard error blocking, though it is a socket and has our log too', async () => {
    const script = 'read -r go; cat /proc/self/fdinfo/2';
    const run = start([...quick, '--log-level', 'debug', '--', 'sh', '-c', script]);
    await waitFor('a line of the log', () => run.stderr().includes('run-started'));
    run.send('go\n');
    const { stdout } = await run.ended;
    const flags = Number.parseInt(/flags:\s+(\d+)/.exec(stdout)?.[1] ?? '', 8);
    expect(flags & constants.O_NONBLOCK).toBe(0);
  });

  it('passes on every signal that can be caught but those that tell to stop', async ({
    sandbox,
  }) => {
    const kept = ['SIGKILL', 'SIGSTOP', 'SIGCHLD', 'SIGTTIN', 'SIGTTOU'];
    const faults = ['SIGILL', 'SIGTRAP', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGSYS'];
    const secondNames = ['SIGIOT', 'SIGPOLL'];
    const all = Object.keys(os.constants.signals);
    expect([...passedOn, ...kept, ...faults, ...secondNames].toSorted()).toEqual(all.toSorted());

    const run = await sandbox.start([...quick, '--', ...signalPrinter, 'SIGQUIT']);
    await run.line(0);
    const others = passedOn.filter((signal) => !['SIGTERM', 'SIGINT', 'SIGQUIT'].includes(signal));
    let line = 0;
    for (const signal of [...others, 'SIGQUIT'] as const) {
      await run.signal(signal);
      line += 1;
      expect(await run.line(line)).toBe(signal);
    }
    const { code, stdout, stderr } = await run.ended;
    expect(code).toBe(7);
    expect(stdout.split('\n')).toHaveLength(line + 2);
    expect(parseLog(stderr)).toMatchObject([{ event: 'run-ended' }]);
  });

  it('leaves nothing behind, whenever it is stopped', async ({ sandbox }) => {
    const delays = [0, 20, 40, 60, 80, 120, 160, 250];
    const ends = delays.map(async (ms) => {
      const run = await sandbox.start([...quick, '--timeout', '300ms', '--', 'sleep', '1234']);
      await delay(ms);
      await run.signal('SIGTERM').catch(() => {});
      const { code, signal } = await run.ended;
      return signal ?? code;
    });
    for (const end of await Promise.all(ends)) {
      expect(['SIGTERM', 143]).toContain(end);
    }
    const left = await (await sandbox.start(['pgrep', '-f', '^sleep 1234'])).ended;
    expect(left.stdout).toBe('');
  });
});

describe.concurrent('run, when stopped', () => {
  it.for(['SIGTERM', 'SIGINT'] as const)(
    'waits for the last client, and then passes SIGTERM on: %s',
    async (signal, { sandbox, clients }) => {
      const daemon = await runDaemon(sandbox);
      await daemon.listen(tcp);
      const some = await clients.connect(tcp);
      await daemon.process.signal(signal);
      await event(daemon.process, 'started');
      await delay(1000);
      expect(events(daemon.process).map((line) => line.event)).not.toContain('run-stopping');
      await clients.leave(some);
      const ended = await daemon.process.ended;
      expect(ended).toMatchObject({ code: null, signal: 'SIGTERM' });
      const lines = parseLog(ended.stderr);
      const names = lines.map((line) => line.event).filter((name) => name?.match(/^run|ended/));
      expect(names).toEqual(['run-draining', 'ended', 'run-stopping', 'run-ended']);
      expect(lines.find((line) => line.event === 'ended')).toMatchObject({ outcome: 'drained' });
    },
  );

  it.for([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGTERM'],
    ['SIGTERM', 'SIGINT'],
  ] as const)(
    'a second time, skips the wait: %s and %s',
    async ([first, second], { sandbox, clients }) => {
      const daemon = await runDaemon(sandbox);
      await daemon.listen(tcp);
      await clients.connect(tcp);
      await daemon.process.signal(first);
      await event(daemon.process, 'started');
      await daemon.process.signal(second);
      const ended = await daemon.process.ended;
      expect(ended.signal).toBe('SIGTERM');
      expect(events(daemon.process).find((line) => line.event === 'ended')).toMatchObject({
        outcome: 'interrupted',
        message: expect.stringContaining(`Interrupted by ${second}: 1 client is connected`),
      });
    },
  );

  it('passes SIGTERM on at the deadline, and exits as the daemon does', async ({
    sandbox,
    clients,
  }) => {
    const daemon = await runDaemon(sandbox, '--timeout', '700ms');
    await daemon.listen(tcp);
    await clients.connect(tcp);
    await daemon.process.signal('SIGTERM');
    const { signal, stderr } = await daemon.process.ended;
    expect(signal).toBe('SIGTERM');
    expect(parseLog(stderr).find((line) => line.event === 'ended')).toMatchObject({
      outcome: 'timed-out',
    });
  });

  it('passes other signals on while it waits, and all after that', async ({ sandbox }) => {
    const run = await sandbox.start([
      ...quick,
      '--timeout',
      '1s',
      '--',
      ...signalPrinter,
      'SIGUSR2',
    ]);
    await run.line(0);
    await run.signal('SIGTERM');
    await event(run, 'run-draining');
    await run.signal('SIGUSR1');
    expect(await run.line(1)).toBe('SIGUSR1');
    // It ignores SIGTERM, and nobody kills it for that.
    expect(await run.line(2)).toBe('SIGTERM');
    await run.signal('SIGTERM');
    expect(await run.line(3)).toBe('SIGTERM');
    await run.signal('SIGINT');
    expect(await run.line(4)).toBe('SIGINT');
    expect(run.hasEnded()).toBe(false);
    await run.signal('SIGUSR2');
    expect((await run.ended).code).toBe(7);
  });

  it('ends with the daemon, though clients were connected', async ({ sandbox, clients }) => {
    const daemon = await runDaemon(sandbox);
    await daemon.listen(tcp);
    await clients.connect(tcp);
    await daemon.process.signal('SIGTERM');
    await event(daemon.process, 'started');
    const [child = 0] = childrenOf(daemon.process.pid);
    process.kill(child, 'SIGKILL');
    const ended = await daemon.process.ended;
    expect(ended.signal).toBe('SIGKILL');
    expect(parseLog(ended.stderr).find((line) => line.event === 'ended')).toMatchObject({
      message: expect.stringMatching(/^Interrupted by the daemon's end: /),
    });
  });

  it('waits though the daemon does not listen yet', async ({ sandbox, clients }) => {
    const daemon = await runDaemon(sandbox, '--quiet-period', '5s');
    await daemon.process.signal('SIGTERM');
    await event(daemon.process, 'started');
    await daemon.listen(tcp);
    const some = await clients.connect(tcp);
    await waitFor('the client to be counted', () =>
      events(daemon.process).some((line) => line['connections'] === 1),
    );
    await clients.leave(some);
    expect((await daemon.process.ended).signal).toBe('SIGTERM');
  });

  it.for([
    ['a wrapper', 'buildkitd'],
    ['a wrapper, and of another name', 'moby'],
  ] as const)('finds the daemon below %s', async ([, name], { sandbox, clients }) => {
    const script = 'exec 3<&0; "$0" "$@" <&3 & trap "kill $!" TERM; wait; exit 9';
    const through = [...quick, '--', 'sh', '-c', script];
    const other = await startDaemon(sandbox);
    await other.listen('tcp://127.0.0.1:1111');
    await clients.connect('tcp://127.0.0.1:1111');
    const daemon = await startDaemon(sandbox, { through, name });
    await daemon.listen(tcp);
    const some = await clients.connect(tcp);
    await daemon.process.signal('SIGTERM');
    const { message } = await event(daemon.process, 'started');
    expect(message).toContain(`${tcp} (by sock-diag): 1 client is connected`);
    await clients.leave(some);
    expect((await daemon.process.ended).code).toBe(9);
  });

  it('waits without /proc as well, for the addresses of --addr', async ({ sandbox, clients }) => {
    const through = [...withOwnMounts, ...quick, '--addr', tcp, '--'];
    const daemon = await startDaemon(sandbox, { through });
    await daemon.listen(tcp);
    const some = await clients.connect(tcp);
    await waitFor('an accepted client', async () => (await daemon.accepted()).length === 1);
    await maskProc(daemon.process);
    await daemon.process.signal('SIGTERM');
    await event(daemon.process, 'started');
    await clients.leave(some);
    expect((await daemon.process.ended).signal).toBe('SIGTERM');
  });

  it('shows its drain to readiness probes', async ({ sandbox, clients }) => {
    const daemon = await runDaemon(sandbox);
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const marks = () =>
      readFileSync(`/proc/${sandbox.pid}/net/unix`, 'latin1').match(
        /@buildkit-drain\/drain\/tcp\/1234\//g,
      );
    expect(marks()).toBeNull();
    await daemon.process.signal('SIGTERM');
    await waitFor('a mark', () => marks()?.length === 1);
  });
});

describe.concurrent('run as process 1', () => {
  const isolated = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];

  async function startInit(sandbox: Sandbox, ...command: readonly string[]) {
    const started = await sandbox.start([
      ...isolated,
      ...quick,
      '--timeout',
      '300ms',
      '--',
      ...command,
    ]);
    await started.line(0);
    const [pid = 0] = childrenOf(started.pid);
    return { started, pid };
  }

  it('reaps orphans, and leaves the daemon to end as it does', async ({ sandbox }) => {
    // Each of them is left by its parent: some end at once, some later.
    const orphans = 'for i in 1 2 3 4 5; do (sleep 0.$i &) ; (true &) ; done';
    const script = `${orphans}; exec "$0" "$@"`;
    const { started, pid } = await startInit(
      sandbox,
      'sh',
      '-c',
      script,
      ...signalPrinter,
      'SIGUSR1',
    );
    await waitFor('the daemon alone', () => childrenOf(pid).length === 1);
    await delay(600);
    const [child = 0, ...others] = childrenOf(pid);
    expect(others).toEqual([]);
    const zombies = readdirSync(`/proc/${pid}/root/proc`)
      .filter((name) => /^\d+$/.test(name))
      .filter((name) =>
        readFileSync(`/proc/${pid}/root/proc/${name}/stat`, 'utf8').includes(') Z '),
      );
    expect(zombies).toEqual([]);
    process.kill(child, 'SIGUSR1');
    expect((await started.ended).code).toBe(7);
  });

  it('still gets the signals, and exits with the code of one that it can not die of', async ({
    sandbox,
  }) => {
    const { started, pid } = await startInit(sandbox, ...signalPrinter);
    process.kill(pid, 'SIGUSR2');
    expect(await started.line(1)).toBe('SIGUSR2');
    process.kill(pid, 'SIGTERM');
    expect(await started.line(2)).toBe('SIGTERM');
    const [child = 0] = childrenOf(pid);
    process.kill(child, 'SIGKILL');
    expect((await started.ended).code).toBe(137);
  });
});

describe.concurrent('run on a terminal', () => {
  function runOn(sandbox: Sandbox, log: string, script: string): Promise<SandboxProcess> {
    const file = join(sandbox.directory, 'script.sh');
    writeFileSync(file, script);
    const command = [...quick, '--log-to', log, '--timeout', '300ms', '--', 'sh', file].join(' ');
    const sized = `stty cols 80 rows 24; exec ${command}`;
    return sandbox.start(['script', '--quiet', '--return', '--command', sized, '/dev/null']);
  }

  it('passes changes of its size to the command, and can be written to and read from', async ({
    sandbox,
  }) => {
    const script = `trap 'stty size' WINCH; echo up; read -r word; echo "word $word"
      while :; do sleep 0.05; done`;
    const terminal = await runOn(sandbox, join(sandbox.directory, 'log'), script);
    await waitFor('its start', () => terminal.stdout().includes('up'));
    terminal.send('hello\r');
    await waitFor('its word', () => terminal.stdout().includes('word hello'));
    const [tool = 0] = childrenOf(terminal.pid);
    await start(['sh', '-c', `stty cols 100 rows 60 < /proc/${tool}/fd/0`]).ended;
    await waitFor('its new size', () => terminal.stdout().includes('60 100'));
  });

  it('drains at Ctrl-C, of which the command gets nothing but SIGTERM, once', async ({
    sandbox,
  }) => {
    const log = join(sandbox.directory, 'log');
    const script = `trap 'echo got INT' INT; trap 'echo got TERM; exit 5' TERM; echo up
      while :; do sleep 0.05; done`;
    const terminal = await runOn(sandbox, log, script);
    await waitFor('its start', () => terminal.stdout().includes('up'));
    terminal.send('\u0003');
    const { code, stdout } = await terminal.ended;
    expect(code).toBe(5);
    expect(stdout.match(/got \w+/g)).toEqual(['got TERM']);
    expect(readFileSync(log, 'utf8')).toContain('Received SIGINT: waiting for quiet');
  });
});
