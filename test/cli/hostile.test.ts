// What other users of the machine, or of the pod, can put before the tool.
import { chownSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { parseLog, startCli, startWait } from '../support/cli.ts';
import { startClients, startDaemon } from '../support/peer-process.ts';
import { it } from '../support/test.ts';
import { asNobody, asUser, hasOtherUsers, nobody } from '../support/users.ts';

const tcp = 'tcp://127.0.0.1:1234';

// A line of a log and a screen wiped, by as many means as there are.
const wiped = '\u001b[2J\u009b2J\u202e\u2028\r';
const forged = `\n{"event":"ended","outcome":"drained"}\n${wiped}`;

describe.concurrent('names that other people choose', () => {
  it.for(['json', 'text'])('never make lines of a %s log', async (format, { sandbox, clients }) => {
    const path = join(sandbox.directory, `sock${wiped}`);
    const daemon = await startDaemon(sandbox, {
      args: ['--addr', `unix:///nowhere${forged}`, `--config=/etc/${forged}`],
    });
    // Of a stranger, whose name is a row of the kernel's table.
    await clients.listen(`unix://@${forged}0000000000000000: 00000002 00000000 0 0001 01 7 /a`);
    await daemon.listen(tcp);
    await daemon.listen(`unix://${path}`);
    await clients.connect(`unix://${path}`);
    const args = ['--timeout', '1s', '--log-format', format, '--progress-every', '100ms'];
    const { code, stderr } = await (await startWait(sandbox, args)).process.ended;
    expect(code).toBe(3);
    const lines = stderr.split('\n').slice(0, -1);
    for (const line of lines) {
      expect(line).toMatch(format === 'json' ? /^\{"timestamp".*\}$/ : /^\d{4}-\d\d-\d\dT\S+ \w+ /);
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
    }
    expect(stderr).toContain('cannot be read');
    expect(stderr).toContain('/sock');
    if (format === 'json') {
      const ends = parseLog(stderr).filter(({ event }) => event === 'ended');
      expect(ends).toMatchObject([{ outcome: 'timed-out' }]);
    }
  });

  it.for([['status'], ['status', '--json'], ['doctor'], ['doctor', '--json'], ['watch', '--json']])(
    'never reach a terminal raw by %j',
    async (args, { sandbox }) => {
      const path = join(sandbox.directory, `sock${wiped}`);
      const daemon = await startDaemon(sandbox, { args: ['--addr', `unix:///nowhere${forged}`] });
      await daemon.listen(`unix://${path}`);
      const through = args[0] === 'watch' ? ['timeout', '1'] : [];
      const { stdout, stderr } = await (await startCli(sandbox, args, { through })).process.ended;
      expect(stdout).toContain('sock');
      expect(`${stdout}${stderr}`.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
      expect(stdout).not.toMatch(/^\{"event":"ended"/m);
    },
  );
});

describe.runIf(hasOtherUsers).concurrent('a process called buildkitd of another user', () => {
  it('has nothing of a file shown that only we may read, and ends no wait', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const config = join(sandbox.directory, 'shadow');
    writeFileSync(config, 'root:$y$hunter2:19000:0:99999:7:::\n', { mode: 0o600 });
    await daemon.listen(tcp);
    const some = await clients.connect(tcp);
    const other = await startDaemon(sandbox, { through: asNobody, args: [`--config=${config}`] });
    await other.listen('tcp://127.0.0.1:8372');
    const wait = await startWait(sandbox, ['--log-level', 'debug']);
    const { message } = await wait.event('config-unreadable');
    expect(message).toContain('not TOML');
    await wait.counted(1);
    await clients.leave(some);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    expect(wait.process.stderr()).not.toContain('hunter2');
  });

  it('cannot make a running daemon count as gone', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const other = await startDaemon(sandbox, { through: asNobody });
    await other.listen('tcp://127.0.0.1:8372');
    const wait = await startWait(sandbox, ['--timeout', '2s', '--quiet-period', '1m']);
    await wait.event('started');
    await other.kill();
    expect(await wait.ended).toMatchObject({ code: 3, outcome: 'timed-out' });
  });

  it('that has a fake socket of the same name can only add to what counts', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const path = '/run/buildkitd.sock';
    const unix = `unix://${path}`;
    await daemon.listen(unix);
    // In a mount namespace of its own, the same path is another file.
    const apart = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /run && exec "$0" "$@"'];
    const other = await startClients(sandbox, { through: apart });
    await other.listen(unix);
    await other.listen(`unix://@${path}`);
    const some = await clients.connect(unix);
    const wait = await startWait(sandbox, ['--addr', unix]);
    await wait.counted(1);
    await other.kill();
    await clients.leave(some);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    const maximum = wait.logs().find(({ event }) => event === 'ended');
    expect(maximum).toMatchObject({ mostConnections: 1 });
  });
});

describe.runIf(hasOtherUsers).concurrent('a link where the log is to be', () => {
  it('is not followed if another user made it', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const target = join(sandbox.directory, 'passwd');
    const path = join(sandbox.directory, 'wait.log');
    writeFileSync(target, 'root:x:0:0\n');
    symlinkSync(target, path);
    await (await sandbox.start(['chown', '-h', String(nobody), path])).ended;
    expect(lstatSync(path).uid).toBe(nobody);
    const { code, logs } = await (await startWait(sandbox, ['--addr', tcp, '--log-to', path]))
      .ended;
    expect(code).toBe(0);
    expect(readFileSync(target, 'utf8')).toBe('root:x:0:0\n');
    expect(logs.find(({ level }) => level === 'warn')?.message).toContain('ELOOP');
    expect(logs.map(({ event }) => event)).toContain('ended');
  });

  it.for([
    ['root', 0],
    ['we', nobody],
  ] as const)('is followed if %s made it', async ([, uid], { sandbox, daemon }) => {
    await daemon.listen(tcp);
    const target = join(sandbox.directory, 'target.log');
    const path = join(sandbox.directory, 'wait.log');
    writeFileSync(target, '');
    chownSync(target, nobody, nobody);
    chownSync(sandbox.directory, nobody, nobody);
    symlinkSync(target, path);
    await (await sandbox.start(['chown', '-h', String(uid), path])).ended;
    const args = ['--addr', tcp, '--log-to', path];
    const wait = await startWait(sandbox, args, { through: asNobody });
    expect(await wait.process.ended).toMatchObject({ code: 0, stderr: '' });
    const events = parseLog(readFileSync(target, 'utf8')).map(({ event }) => event);
    expect(events).toContain('ended');
  });
});

describe.runIf(hasOtherUsers).concurrent('the daemon’s own user, without any capability', () => {
  it('needs no other to wait, by the best means', async ({ sandbox }) => {
    const through = asUser(1000);
    const daemon = await startDaemon(sandbox, { through });
    await daemon.listen('tcp://127.0.0.1:8372');
    const clients = await startClients(sandbox);
    const some = await clients.connect('tcp://127.0.0.1:8372');
    const wait = await startWait(sandbox, [], { through });
    await wait.counted(1);
    await clients.leave(some);
    const { code, outcome, logs } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(logs.find(({ event }) => event === 'started')).toMatchObject({
      endpoints: [{ address: 'tcp://127.0.0.1:8372', backend: 'sock-diag' }],
    });
    expect(logs.filter(({ level }) => level !== 'info')).toEqual([]);
  });
});
