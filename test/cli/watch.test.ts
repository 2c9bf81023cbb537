import { describe, expect } from 'vitest';
import { startBuildkitd, startClient } from '../support/buildkitd.ts';
import { type Cli, type CliOptions, cliPath, type LogLine, startCli } from '../support/cli.ts';
import { startDaemon } from '../support/peer-process.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { withoutCapabilities } from '../support/users.ts';
import { waitFor } from '../support/wait-for.ts';

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkit.sock';
const quick = ['--interval', '20ms', '--builds', 'off'];

interface Watch {
  readonly cli: Cli;
  readonly lines: () => readonly LogLine[];
  /** Resolves with the first line of an event, from a line on, that a test likes. */
  readonly told: (event: string, isIt?: (line: LogLine) => boolean) => Promise<LogLine>;
}

async function startWatch(
  sandbox: Sandbox,
  args: readonly string[],
  options?: CliOptions,
): Promise<Watch> {
  const cli = await startCli(sandbox, ['watch', '--json', ...args], options);
  const lines = (): LogLine[] =>
    cli.process
      .stdout()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  return {
    cli,
    lines,
    told: (event, isIt = () => true) =>
      waitFor(`a line of ${event}`, () =>
        lines().find((line) => line.event === event && isIt(line)),
      ),
  };
}

const named = (list: unknown): unknown[] => (list as { peer: string }[]).map(({ peer }) => peer);

describe.concurrent('watch', () => {
  it('prints a line for each connection that comes and goes, even a short one', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await daemon.listen(unix);
    const [first] = await clients.connect(tcp);
    const cli = await startCli(sandbox, ['watch', ...quick, '--addr', tcp, '--addr', unix]);
    const { stdout } = cli.process;
    await waitFor('the first line', () => stdout().includes('Watching'));
    const [second] = await clients.connect(unix);
    await waitFor('its line', () => stdout().includes(`New: ${second?.name}.`));
    await clients.leave([second ?? { id: 0, name: '' }]);
    await waitFor('its line', () => stdout().includes('Left: '));
    await cli.process.signal('SIGTERM');
    const { code, stderr } = await cli.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const texts = stdout()
      .split('\n')
      .slice(0, -1)
      .map((line) => /^[\d-]+T[\d:.]+Z info {2}(.*)$/.exec(line)?.[1]);
    expect(texts).toEqual([
      `Watching ${tcp} and ${unix}: 1 client is connected. Connected: ${first?.name}.`,
      `1 client is connected; 1 too new to tell. New: ${second?.name}.`,
      expect.stringMatching(/^1 client is connected\. Left: socket:\[\d+\] \(after [\d.]+s\)\.$/),
    ]);
  });

  it('counts connections that came and went between two polls', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    const watch = await startWatch(sandbox, ['--addr', tcp, '--interval', '400ms', '--builds=off']);
    await watch.told('started');
    await waitFor('one that no poll has seen', async () => {
      await clients.leave(await clients.connect(tcp));
      return watch.lines().some(({ event }) => event === 'between-polls');
    });
    const line = await watch.told('between-polls');
    expect(line.message).toMatch(/^At least \d+ more came and went between two polls \(\d+ since/);
    expect(line['more']).toBeGreaterThan(0);
  });

  it('does not count what another process of this program asks the daemon', async ({ sandbox }) => {
    const buildkitd = await startBuildkitd(sandbox);
    await buildkitd.listen(tcp);
    await buildkitd.behave({ delayMs: 300 });
    const watch = await startWatch(sandbox, ['--addr', tcp, ...quick]);
    await watch.told('started');
    const status = await startCli(sandbox, ['status', '--addr', tcp]);
    const came = await watch.told('changed', (line) => named(line['arrived']).length > 0);
    expect(came.message).toMatch(/^No client is connected; 1 too new to tell\. New: 127\.0\.0\.1:/);
    await status.process.ended;
    await watch.told('changed', (line) => named(line['left']).length > 0);
    expect(watch.lines().map((line) => line['connections'])).toEqual(watch.lines().map(() => 0));
    expect(watch.lines().filter(({ event }) => event === 'counted')).toEqual([]);
  });

  it('reports when a connection is old enough not to be a probe', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    const watch = await startWatch(sandbox, ['--addr', tcp, ...quick, '--probe-grace', '200ms']);
    await watch.told('started');
    const [client] = await clients.connect(tcp);
    const line = await watch.told('counted');
    expect(line).toMatchObject({ connections: 1, connection: { kind: 'client' } });
    expect(line.message).toBe(`${client?.name} counts as a client.`);
  });

  it('says what a connection counts as, and when it is a client again', async ({
    sandbox,
    clients,
  }) => {
    await (await startBuildkitd(sandbox)).listen(tcp);
    const grace = ['--probe-grace', '200ms', '--ignore-peer', '127.0.0.9'];
    const watch = await startWatch(sandbox, ['--addr', tcp, '--interval', '20ms', ...grace]);
    await watch.told('started');
    const mute = await clients.connectMutely(tcp);
    const peer = mute[0]?.name;
    expect(await watch.told('changed')).toMatchObject({
      connections: 0,
      arrived: [{ endpoint: tcp, peer, kind: 'pending' }],
      left: [],
    });
    const notCounted = await watch.told('not-counted');
    expect(notCounted).toMatchObject({
      connections: 0,
      connection: { peer, kind: 'health-check' },
    });
    expect(notCounted.message).toMatch(
      / no longer counts as a client: nothing received in [\d.]+s\.$/,
    );
    // The preface of HTTP/2: after anything else this daemon would close.
    await clients.say(mute, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    expect(await watch.told('counted-again')).toMatchObject({ connections: 1 });
    await clients.connect(tcp, 1, '127.0.0.9');
    const isIgnored = (line: LogLine) => named(line['arrived']).join().startsWith('127.0.0.9');
    expect(await watch.told('changed', isIgnored)).toMatchObject({
      connections: 1,
      arrived: [{ kind: 'ignored' }],
    });
  });

  it('continues when the daemon stops and restarts', async ({ sandbox, clients }) => {
    const daemon = await startDaemon(sandbox);
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const watch = await startWatch(sandbox, quick);
    expect(await watch.told('started')).toMatchObject({ connections: 1 });
    await daemon.process.signal('SIGKILL');
    expect(await watch.told('gone')).toMatchObject({ level: 'warn', connections: null });
    const next = await startDaemon(sandbox);
    await next.listen('tcp://127.0.0.1:8372');
    const isThere = (line: LogLine) => line['connections'] !== null;
    await waitFor('the daemon back', () =>
      watch.lines().some((line) => /^(back|count-recovered)$/.test(line.event) && isThere(line)),
    );
    const [client] = await clients.connect('tcp://127.0.0.1:8372');
    const isNew = (line: LogLine) => named(line['arrived']).includes(client?.name);
    await watch.told('changed', isNew);
    expect(await watch.told('counted')).toMatchObject({ connections: 1 });
    await watch.cli.process.signal('SIGINT');
    expect((await watch.cli.ended).code).toBe(0);
  });

  it('says that it cannot count, and keeps what it can still see', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    const [client] = await clients.connect(tcp);
    await waitFor('the connection', async () => (await daemon.accepted()).length === 1);
    // The daemon's sockets cannot be read: otherwise they would confirm the count.
    const watch = await startWatch(sandbox, ['--addr', tcp, ...quick], {
      through: withoutCapabilities,
    });
    await watch.told('started');
    await daemon.unlisten(tcp);
    expect(await watch.told('count-failed')).toMatchObject({
      level: 'warn',
      connections: null,
      error: { code: 'ERR_NO_LISTENER' },
    });
    await clients.leave([client ?? { id: 0, name: '' }]);
    const left = await watch.told('changed');
    expect(named(left['left'])).toEqual([client?.name]);
    expect(left['connections']).toBe(null);
    await daemon.listen(tcp);
    expect(await watch.told('count-recovered')).toMatchObject({ connections: 0 });
  });

  it('names the builds when they change, and never shows its own questions', async ({
    sandbox,
  }) => {
    const buildkitd = await startBuildkitd(sandbox);
    await buildkitd.listen(tcp);
    const watch = await startWatch(sandbox, ['--addr', tcp, '--interval', '5ms']);
    expect(await watch.told('builds')).toMatchObject({
      builds: [],
      message: 'The daemon says that no build is running.',
    });
    const client = await startClient(sandbox, 'build', tcp, { ref: 'one' });
    const isOne = (line: LogLine) => (line['builds'] as unknown[]).length === 1;
    expect(await watch.told('builds', isOne)).toMatchObject({ builds: [{ ref: 'one' }] });
    await buildkitd.end('one');
    await client.ended;
    await waitFor(
      'the end of it',
      () => watch.lines().filter(({ event }) => event === 'builds').length === 3,
    );
    const peers = watch
      .lines()
      .filter(({ event }) => event === 'changed')
      .flatMap((line) => named(line['arrived']));
    expect(peers).toHaveLength(1);
    expect(watch.lines().filter(({ event }) => event === 'between-polls')).toEqual([]);
  });

  it('ends with its reader, and exits 0', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    const tool = [process.execPath, cliPath, 'watch', ...quick, '--addr', tcp];
    const pipe = '{ "$0" "$@"; echo "code $?" >&2; } | head -n 1';
    const piped = await sandbox.start(['sh', '-c', pipe, ...tool]);
    await piped.line(0);
    await clients.connect(tcp);
    expect(await piped.ended).toMatchObject({ code: 0, stderr: 'code 0\n' });
  });

  it('exits 2 for a usage error', async ({ sandbox }) => {
    const cases = [
      [['--interval', '0ms'], '--interval: expected a duration such as'],
      [['--probe-grace', 'off'], '--probe-grace: expected a duration such as'],
      [['--pid', '4194304'], '--pid: expected the pid of a running process'],
      [['--quiet'], 'unknown option "--quiet"'],
      [['now'], 'too many arguments'],
    ] as const;
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await (await startCli(sandbox, ['watch', ...args])).process
        .ended;
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`buildkit-drain: ${message}`);
    }
  });
});
