import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { cliPath, parseLog, startCli, startWait } from '../support/cli.ts';
import type { PeerProcess } from '../support/peer-process.ts';
import { withoutProc } from '../support/refusals.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { withoutCapabilities } from '../support/users.ts';
import { waitFor } from '../support/wait-for.ts';

const tcp = 'tcp://127.0.0.1:1234';
// pipe(7)
const pipeBytes = 65_536;
const inPod = { env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } };

/** For `through`: a shell that redirects, and then becomes the command. */
function redirected(redirection: string): { through: readonly string[] } {
  return { through: ['sh', '-c', `exec "$0" "$@" ${redirection}`] };
}

/** Its reading end is open, and nobody reads it. */
async function unreadFifo(sandbox: Sandbox): Promise<{ path: string; descriptor: number }> {
  const path = join(sandbox.directory, 'fifo');
  await (await sandbox.start(['mkfifo', path])).ended;
  return { path, descriptor: openSync(path, constants.O_RDWR | constants.O_NONBLOCK) };
}

/** Fills a pipe within a second or so: each progress line names a hundred clients. */
async function talkative(daemon: PeerProcess, clients: PeerProcess): Promise<string[]> {
  await daemon.listen(tcp);
  await clients.connect(tcp, 100);
  return ['--addr', tcp, '--progress-every', '100ms', '--interval', '20ms'];
}

/** Gives the place a file for a container's last words, and returns what reads them. */
async function terminationLog(sandbox: Sandbox): Promise<() => Promise<string>> {
  // In /dev, which the place shares with others, a file can only be in a file system of its own.
  const script = `
    mkdir "$0" && mount --bind /dev "$0" && mount -t tmpfs none /dev && touch /dev/termination-log
    for each in null zero random urandom; do touch /dev/$each && mount --bind "$0/$each" /dev/$each; done`;
  await (await sandbox.start(['sh', '-c', script, join(sandbox.directory, 'dev')])).ended;
  return async () => (await (await sandbox.start(['cat', '/dev/termination-log'])).ended).stdout;
}

function readAll(descriptor: number): string {
  const chunk = Buffer.alloc(1 << 20);
  const parts: string[] = [];
  for (;;) {
    try {
      parts.push(chunk.toString('utf8', 0, readSync(descriptor, chunk)));
    } catch {
      return parts.join('');
    }
  }
}

const warnings = (text: string): string[] =>
  parseLog(text)
    .filter(({ level }) => level === 'warn')
    .map(({ message }) => message);

describe.concurrent('the log of wait', () => {
  it('has a line of JSON for every event, with the time, the level and a sentence', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    const some = await clients.connect(tcp);
    const startMs = Date.now();
    const wait = await startWait(sandbox, ['--addr', tcp]);
    await wait.counted(1);
    await clients.leave(some);
    const { logs, stdout } = await wait.ended;
    expect(stdout).toBe('');
    expect(logs.map(({ event }) => event)).toEqual(['started', 'changed', 'ended']);
    for (const { timestamp, level, message } of logs) {
      expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(Date.parse(timestamp)).toBeGreaterThanOrEqual(startMs);
      expect(level).toBe('info');
      expect(message).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('drops what is below --log-level', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const args = ['--addr', tcp, '--timeout', '200ms', '--log-level', 'error'];
    const { logs } = await (await startWait(sandbox, args)).ended;
    expect(logs.map(({ event }) => event)).toEqual(['ended']);
  });

  it('stays one line per event with any prefix', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const args = ['--addr', tcp, '--log-format', 'text', '--log-prefix', 'a\nb\u001b[31m'];
    const { stderr } = await (await startWait(sandbox, args)).process.ended;
    const lines = stderr.split('\n').slice(0, -1);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('info  a\\u000ab\\u001b[31m Waiting for quiet');
  });
});

describe.concurrent('wait --log-to', () => {
  it('a path adds to that file, and prints nothing', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const path = join(sandbox.directory, 'wait.log');
    writeFileSync(path, 'earlier\n');
    const wait = await startWait(sandbox, ['--addr', tcp, '--log-to', path]);
    expect(await wait.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const [earlier, ...lines] = readFileSync(path, 'utf8').split('\n');
    expect(earlier).toBe('earlier');
    const events = parseLog(lines.join('\n')).map(({ event }) => event);
    expect(events).toEqual(['started', 'ended']);
  });

  it.for([
    ['in a directory that is not there', '/nowhere/at/all.log', 'ENOENT'],
    ['that is a directory', '/proc', 'EISDIR'],
    ['on a full disk', '/dev/full', 'ENOSPC'],
  ] as const)(
    'a path %s falls back to standard error with one warning',
    async ([, path, reason], { sandbox, daemon, clients }) => {
      await daemon.listen(tcp);
      const some = await clients.connect(tcp);
      const wait = await startWait(sandbox, ['--addr', tcp, '--log-to', path]);
      await wait.counted(1);
      await clients.leave(some);
      const { code, outcome, stderr, logs } = await wait.ended;
      expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
      const events = logs.map(({ event }) => event);
      expect(events.filter((event) => event !== 'log-failed')).toEqual([
        ...['started', 'changed', 'ended'],
      ]);
      expect(warnings(stderr)).toEqual([
        expect.stringContaining(`The log cannot be written to ${path}: ${reason}`),
      ]);
    },
  );

  it('a FIFO that no process has open falls back to standard error', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const { path, descriptor } = await unreadFifo(sandbox);
    closeSync(descriptor);
    const wait = await startWait(sandbox, ['--addr', tcp, '--log-to', path]);
    const { code, outcome, stderr } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(warnings(stderr)).toEqual([expect.stringContaining(`${path}: ENXIO`)]);
  });

  it('a FIFO without a reader loses lines, not time', async ({ sandbox, daemon, clients }) => {
    const args = await talkative(daemon, clients);
    const { path, descriptor } = await unreadFifo(sandbox);
    const wait = await startWait(sandbox, [...args, '--timeout', '2s', '--log-to', path]);
    expect(await wait.process.ended).toMatchObject({ code: 3, stderr: '' });
    const { logs } = { logs: parseLog(readAll(descriptor).replace(/[^\n]*$/, '')) };
    closeSync(descriptor);
    expect(logs[0]).toMatchObject({ event: 'started', connections: 100 });
    expect(logs.some(({ event }) => event === 'ended')).toBe(false);
  });

  it('pod writes to the container’s log alone', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--log-to', 'pod']);
    expect(await wait.process.ended).toMatchObject({ code: 0, stderr: '' });
    const events = parseLog(readFileSync(sandbox.mainLog, 'utf8')).map(({ event }) => event);
    expect(events).toEqual(['started', 'ended']);
  });

  it('auto writes to the container’s log and to standard error in a pod', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const args = ['--addr', tcp, '--quiet-period', '100ms', '--builds', 'off', '--timeout', '1h'];
    const { code, stderr } = await (await startCli(sandbox, args, inPod)).process.ended;
    expect(code).toBe(0);
    expect(parseLog(stderr).map(({ event }) => event)).toEqual(['started', 'ended']);
    expect(readFileSync(sandbox.mainLog, 'utf8')).toBe(stderr);
  });

  it('pod falls back to standard error if process 1 belongs to another user', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--log-to', 'pod'], {
      through: withoutCapabilities,
    });
    const { code, outcome, stderr } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(warnings(stderr)).toEqual([
      expect.stringContaining("The log cannot be written to the container's log: EACCES"),
    ]);
  });

  it('auto writes once if standard error is the container’s log', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const args = ['--addr', tcp, '--quiet-period', '100ms', '--builds', 'off', '--timeout', '1h'];
    const options = { ...inPod, ...redirected('2>>/proc/1/fd/2') };
    expect(await (await startCli(sandbox, args, options)).process.ended).toMatchObject({ code: 0 });
    const events = parseLog(readFileSync(sandbox.mainLog, 'utf8')).map(({ event }) => event);
    expect(events).toEqual(['started', 'ended']);
  });

  it('auto leaves process 1 alone outside of a pod', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const args = ['--addr', tcp, '--quiet-period', '100ms', '--builds', 'off', '--timeout', '1h'];
    const { code, stderr } = await (await startCli(sandbox, args)).process.ended;
    expect(code).toBe(0);
    expect(parseLog(stderr)).toHaveLength(2);
    expect(readFileSync(sandbox.mainLog, 'utf8')).toBe('');
  });

  it('auto does not write to a file that process 1 would write over', async ({ openSandbox }) => {
    const sandbox = await openSandbox({ redirection: '>' });
    const args = ['--timeout', '100ms', '--quiet-period', '1m', '--log-to', 'auto'];
    const { code, stderr } = await (await startCli(sandbox, args, inPod)).process.ended;
    expect(code).toBe(4);
    expect(warnings(stderr)).toContainEqual(
      expect.stringContaining(
        "cannot be written to the container's log: process 1 writes its standard error to a file that " +
          'it has not opened for appending',
      ),
    );
    expect(readFileSync(sandbox.mainLog, 'utf8')).toBe('');
  });

  it('auto that cannot write the container’s log says so in the last line and in the termination message', async ({
    openSandbox,
  }) => {
    const sandbox = await openSandbox({ mainName: 'pause' });
    const words = await terminationLog(sandbox);
    const args = ['--timeout', '100ms', '--quiet-period', '1m', '--log-to', 'auto'];
    const { code, stderr } = await (await startCli(sandbox, args, inPod)).process.ended;
    expect(code).toBe(4);
    const reason = "The log cannot be written to the container's log: process 1 is the pod's pause";
    const last = parseLog(stderr).at(-1);
    expect(last).toMatchObject({ event: 'ended', message: expect.stringContaining(reason) });
    const [why, latest] = (await words()).split('\n');
    expect(why).toContain(reason);
    expect(JSON.parse(latest ?? '')).toEqual(last);
  });

  it('auto keeps to the length of a termination message', async ({ openSandbox }) => {
    const sandbox = await openSandbox({ mainName: 'pause' });
    const words = await terminationLog(sandbox);
    const args = ['--timeout', '100ms', '--log-prefix', 'x'.repeat(5000)];
    expect((await (await startCli(sandbox, args, inPod)).process.ended).code).toBe(4);
    expect(Buffer.byteLength(await words())).toBe(4096);
  });

  it.for([
    ['a pod without variables', ['hosts'], '# Kubernetes-managed hosts file.', true],
    [
      'a pod on the host’s network',
      ['hosts'],
      '# Kubernetes-managed hosts file (host network).',
      true,
    ],
    ['another container', ['hosts', 'hostname'], '127.0.0.1 localhost', false],
  ] as const)(
    'auto writes to the container’s log in %s',
    async ([, files, text, isPod], { sandbox, daemon }) => {
      await daemon.listen(tcp);
      const path = join(sandbox.directory, 'mounted');
      writeFileSync(path, `${text}\n`);
      for (const file of files) {
        await (await sandbox.start(['mount', '--bind', path, `/etc/${file}`])).ended;
      }
      const args = ['--quiet-period', '100ms', '--builds', 'off', '--addr', tcp];
      const { code, stderr } = await (await startCli(sandbox, args)).process.ended;
      expect(code).toBe(0);
      const events = parseLog(readFileSync(sandbox.mainLog, 'utf8')).map(({ event }) => event);
      expect(events).toEqual([...(isPod ? ['no-deadline'] : []), 'started', 'ended']);
      expect(parseLog(stderr).map(({ event }) => event)).toEqual(events);
    },
  );

  it.for(['auto', 'pod'])(
    '%s does not write to the pause process of a pod',
    async (logTo, { openSandbox }) => {
      const sandbox = await openSandbox({ mainName: 'pause' });
      const args = ['--log-to', logTo, '--timeout', '100ms', '--quiet-period', '1m'];
      const { code, stderr } = await (await startCli(sandbox, args, inPod)).process.ended;
      expect(code).toBe(4);
      expect(parseLog(stderr).at(-1)).toMatchObject({ event: 'ended' });
      expect(
        warnings(stderr).filter((message) => message.includes('shareProcessNamespace')),
      ).toEqual([expect.stringContaining("The log cannot be written to the container's log")]);
      expect(readFileSync(sandbox.mainLog, 'utf8')).toBe('');
    },
  );
});

describe.concurrent('the termination message of the container', () => {
  const quick = ['--quiet-period', '100ms', '--builds', 'off', '--timeout', '1h', '--addr', tcp];

  it.for([
    ['auto', inPod],
    ['pod', inPod],
    ['stderr', {}],
    ['/run/wait.log', {}],
  ] as const)(
    'is the last line of the log with --log-to=%s, in place of what was there',
    async ([logTo, options], { sandbox, daemon }) => {
      await daemon.listen(tcp);
      const message = await terminationLog(sandbox);
      const fill = ['sh', '-c', 'yes | head -c 9000 >/dev/termination-log'];
      await (await sandbox.start(fill)).ended;
      const wait = await startCli(sandbox, [...quick, '--log-to', logTo], options);
      expect((await wait.process.ended).code).toBe(0);
      expect(parseLog(await message())).toEqual([
        expect.objectContaining({ event: 'ended', outcome: 'drained' }),
      ]);
    },
  );

  it('is cut at a character', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const message = await terminationLog(sandbox);
    const text = [
      '--log-to',
      'stderr',
      '--log-format',
      'text',
      '--log-prefix',
      `a${'€'.repeat(3000)}`,
    ];
    expect((await (await startCli(sandbox, [...quick, ...text])).process.ended).code).toBe(0);
    const written = await message();
    expect(written).not.toContain('\ufffd');
    expect(written.endsWith('€')).toBe(true);
    // Of the three bytes of a character none or all are there.
    expect(Buffer.byteLength(written)).toBeGreaterThan(4096 - 3);
    expect(Buffer.byteLength(written)).toBeLessThanOrEqual(4096);
  });

  it('names the error that has ended a command before its wait', async ({ sandbox }) => {
    const message = await terminationLog(sandbox);
    const serve = ['serve', '--listen', 'nowhere', '--log-to', 'pod'];
    expect((await (await startCli(sandbox, serve, inPod)).process.ended).code).toBe(2);
    const [line] = parseLog(await message());
    expect(line).toMatchObject({ event: 'failed', exitCode: 2 });
    expect(line?.message).toContain('--listen: expected an IP address and a port');
  });

  it.for([
    ['a FIFO without a reader', 'mkfifo /dev/termination-log'],
    [
      'a FIFO with a reader that does not read',
      'mkfifo /dev/termination-log; sleep 99 <>/dev/termination-log &',
    ],
    ['a folder', 'mkdir /dev/termination-log'],
    ['a symbolic link', 'touch /run/target; ln -s /run/target /dev/termination-log'],
    ['missing', 'true'],
  ])(
    'is left alone if its file is %s, and the wait ends in time',
    async ([, make], { sandbox, daemon }) => {
      await daemon.listen(tcp);
      await terminationLog(sandbox);
      const script = `set -e; rm /dev/termination-log; { ${make}\n} >&- 2>&-`;
      await (await sandbox.start(['sh', '-c', script])).ended;
      const wait = await startCli(sandbox, [...quick, '--log-to', 'stderr']);
      const { code, stderr } = await wait.process.ended;
      expect(code).toBe(0);
      expect(parseLog(stderr).map(({ event }) => event)).toEqual(['started', 'ended']);
      const read = 'dd if=/dev/termination-log iflag=nonblock count=1';
      expect((await (await sandbox.start(['sh', '-c', read])).ended).stdout).toBe('');
    },
  );
});

describe.concurrent('wait with output to', () => {
  it.for([
    ['closed', '>&- 2>&-'],
    ['a full disk', '>/dev/full 2>/dev/full'],
    ['a pipe whose reader has left', '2>&1 | true'],
  ] as const)(
    '%s waits and exits with the right code',
    async ([, redirection], { sandbox, daemon, clients }) => {
      await daemon.listen(tcp);
      const some = await clients.connect(tcp);
      // The shell stays, and says how the wait ended, in a file: there is no output.
      const codes = ['drained', 'held'].map((name) => join(sandbox.directory, name));
      const command = `{ "$@"; echo $? >"$0"; } ${redirection}`;
      const wait = ['wait', '--addr', tcp, '--quiet-period', '500ms', '--interval', '20ms'];
      const start = async (file: string | undefined, ...args: string[]): Promise<void> => {
        const cli = [process.execPath, cliPath, ...wait, ...args];
        await (await sandbox.start(['sh', '-c', command, file ?? '', ...cli])).ended;
      };
      const held = start(codes[1], '--timeout', '1s');
      const drained = start(codes[0]);
      await held;
      expect(readFileSync(codes[1] ?? '', 'utf8')).toBe('3\n');
      const leftMs = performance.now();
      await clients.leave(some);
      await drained;
      await waitFor('its exit code', () => readFileSync(codes[0] ?? '', 'utf8') === '0\n');
      expect(performance.now() - leftMs).toBeGreaterThanOrEqual(500);
    },
  );

  it('a socket without a reader is not blocked', async ({ sandbox, daemon, clients }) => {
    const args = await talkative(daemon, clients);
    const cli = [process.execPath, cliPath, 'wait', ...args, '--timeout', '3s'];
    // As systemd and other programs hand it out: standard error that is no pipe.
    const through = `
      const { spawn } = require('node:child_process');
      const [program, ...args] = process.argv.slice(1);
      const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      child.on('exit', (code) => process.exit(code));`;
    const wait = await sandbox.start([process.execPath, '-e', through, '--', ...cli]);
    expect(await wait.ended).toMatchObject({ code: 3 });
  });

  it('a pipe without a reader is not blocked, and later says how many lines are lost', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    const some = await clients.connect(tcp, 100);
    const { path, descriptor } = await unreadFifo(sandbox);
    const args = [
      '--addr',
      tcp,
      '--progress-every',
      '100ms',
      '--log-to',
      'auto',
      '--timeout',
      '1h',
    ];
    const wait = await startWait(sandbox, args, { ...inPod, ...redirected(`2>${path}`) });
    // The same lines go to the container's log, which shows when they are more than fit the pipe.
    await waitFor(
      'more lines than a pipe holds',
      () => statSync(sandbox.mainLog).size > 2 * pipeBytes,
    );
    expect(wait.process.hasEnded()).toBe(false);
    // Now somebody reads, and sees whole lines only.
    let text = '';
    await waitFor('word of the lost lines', () => {
      text += readAll(descriptor);
      return text.includes('are lost');
    });
    await clients.leave(some);
    await waitFor('the end', () => {
      text += readAll(descriptor);
      return wait.process.hasEnded();
    });
    text += readAll(descriptor);
    closeSync(descriptor);
    expect(await wait.process.ended).toMatchObject({ code: 0, stderr: '' });
    const ended = parseLog(text).filter(({ event }) => event === 'ended');
    expect(ended).toMatchObject([{ outcome: 'drained' }]);
    const lost = /^\d+ log lines did not fit into standard error and are lost\.$/;
    expect(warnings(text).filter((message) => !lost.test(message))).toEqual([]);
  });

  it('a pipe without a reader is not blocked while /proc is hidden', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const args = await talkative(daemon, clients);
    const { path, descriptor } = await unreadFifo(sandbox);
    const through = [...withoutProc, ...redirected(`2>${path}`).through];
    const wait = await startWait(sandbox, [...args, '--timeout', '3s'], { through });
    expect(await wait.process.ended).toMatchObject({ code: 3 });
    closeSync(descriptor);
  });
});
