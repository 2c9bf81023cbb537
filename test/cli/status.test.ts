import { constants } from 'node:os';
import { describe, expect } from 'vitest';
import { startBuildkitd } from '../support/buildkitd.ts';
import { type CliOptions, cliPath, startCli } from '../support/cli.ts';
import { startDaemon } from '../support/peer-process.ts';
import { refusingSockDiag, withoutProc } from '../support/refusals.ts';
import type { Ended } from '../support/running.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const tcp = 'tcp://127.0.0.1:1234';
const prefaceBytes = 24;
const unix = 'unix:///run/buildkit.sock';

async function status(
  sandbox: Sandbox,
  args: readonly string[],
  options?: CliOptions,
): Promise<Ended> {
  return (await startCli(sandbox, ['status', ...args], options)).process.ended;
}

describe.concurrent('status', () => {
  it('shows the connections as a table, and exits 3', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    await daemon.listen(unix);
    const [client] = await clients.connect(tcp, 1, '127.0.0.2');
    const [other] = await clients.connect(unix);
    await waitFor('two accepted', async () => (await daemon.accepted()).length === 2);
    await daemon.process.signal('SIGSTOP');
    const [queued] = await clients.connect(tcp);
    const { code, stdout, stderr } = await status(sandbox, ['--addr', tcp, '--addr', unix]);
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
    const [headline, builds, titles, ...rows] = stdout.split('\n').slice(0, -1);
    expect(headline).toBe(`3 clients are connected to ${tcp} and ${unix}.`);
    expect(builds).toMatch(/^Running builds are unknown: /);
    expect(titles?.trim().split(/ {2,}/)).toEqual([
      ...['PEER', 'AGE', 'SILENT', 'IN', 'OUT', 'INODE', 'KIND'],
    ]);
    const cells = rows.map((row) => row.trim().split(/ {2,}/));
    const time = expect.stringMatching(/^\d+(\.\d)?s\+$/);
    const inode = expect.stringMatching(/^\d+$/);
    expect(cells[0]).toEqual(['at 127.0.0.1:1234']);
    expect(cells.slice(1, 3).sort()).toEqual(
      [
        [client?.name, time, time, '24 B', '0 B', inode, 'client'],
        [queued?.name, time, time, '24 B', '0 B', 'queued', 'client'],
      ].sort(),
    );
    expect(cells.slice(3)).toEqual([
      ['at /run/buildkit.sock'],
      [other?.name, '-', '-', '-', '-', inode, 'client'],
    ]);
    // It lines up, and fits.
    const ends = [titles, ...rows.filter((row) => row.startsWith(' '))].map((row) =>
      row?.search(/(KIND|client)$/),
    );
    expect(new Set(ends).size).toBe(1);
    expect(rows.filter((row) => row.length > 80)).toEqual([]);
  });

  it('shows a connection that has sent nothing as a health check, once it is too old for a probe and no build runs', async ({
    sandbox,
    clients,
  }) => {
    await (await startBuildkitd(sandbox)).listen(tcp);
    const [mute] = await clients.connectMutely(tcp);
    const env = { BUILDKIT_DRAIN_PROBE_GRACE: '1h' };
    const young = await status(sandbox, ['--addr', tcp], { env });
    expect(young).toMatchObject({ code: 3, stdout: expect.stringMatching(/ pending\n$/) });
    const old = await waitFor('a health check', async () => {
      const shown = await status(sandbox, ['--addr', tcp, '--json']);
      return shown.code === 0 && JSON.parse(shown.stdout);
    });
    expect(old).toMatchObject({
      ...{ connections: 0, clients: [] },
      notCounted: [{ peer: mute?.name, bytesReceived: 0, kind: 'health-check' }],
    });
    const [{ ageAtLeastMs, sinceReceivedMs }] = old.notCounted;
    expect(ageAtLeastMs).toBeGreaterThanOrEqual(1000);
    expect(ageAtLeastMs).toBe(sinceReceivedMs);
    expect((await status(sandbox, ['--addr', tcp])).stdout).toMatch(
      /^No client .*health check\n$/s,
    );
  });

  it('warns on standard error about what it could not find out', async ({ sandbox, clients }) => {
    const args = ['--addr', tcp, '--addr', 'unix:///run/missing.sock'];
    const daemon = await startDaemon(sandbox, { args });
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const told = await status(sandbox, []);
    const warning =
      /buildkitd \(pid \d+\) is configured to listen on unix:\/\/\/run\/missing.sock, but does not\./;
    expect(told).toMatchObject({ code: 3, stderr: expect.stringMatching(warning) });
    expect(told.stdout).not.toMatch(warning);
    const json = await status(sandbox, ['--json']);
    expect(json.stderr).toBe('');
    expect(JSON.parse(json.stdout)).toMatchObject({
      notices: [
        { level: 'warn', event: 'address-not-listening', message: expect.stringMatching(warning) },
      ],
    });
    const quiet = await status(sandbox, ['--quiet']);
    expect(quiet).toMatchObject({ code: 3, stdout: '', stderr: '' });
  });

  it('says that no client is connected, and exits 0', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const { code, stdout, stderr } = await status(sandbox, ['--addr', tcp]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      `No client is connected to ${tcp}.`,
      expect.stringMatching(/^Running builds are unknown: .* did not answer within 1000ms/),
      '',
    ]);
  });

  it('reports that nothing was found, and exits 4: it may be the wrong container', async ({
    sandbox,
  }) => {
    expect(await status(sandbox, [])).toMatchObject({
      code: 4,
      stdout: 'Nothing found: nothing listens, and there is no buildkitd process here.\n',
      stderr: '',
    });
  });

  it('says what cannot be counted, and exits 4', async ({ sandbox, daemon }) => {
    await daemon.listen('tcp://127.0.0.1:8372');
    const { code, stdout, stderr } = await status(sandbox, ['--addr', tcp]);
    expect(code).toBe(4);
    expect(stderr).toMatch(
      /^buildkit-drain: Clients of buildkitd \(pid \d+\) on tcp:\/\/127\.0\.0\.1:8372 are not counted: --addr restricts what is watched\.\n$/,
    );
    expect(stdout).toMatch(
      /^Clients cannot be counted: nothing listens on tcp:.*, and the daemon \(pid \d+\) listens on tcp:\/\/127\.0\.0\.1:8372\.\nRunning builds are unknown: no endpoint .*\.\n$/,
    );
  });

  it('exits 3 for clients of a daemon that has closed its listener', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    while ((await daemon.accepted()).length === 0);
    await daemon.unlisten(tcp);
    const { code, stdout } = await status(sandbox, ['--addr', tcp, '--json']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ connections: 1, state: 'counted' });
  });

  it('shows an ignored peer, and does not count it', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const ignoring = ['--addr', tcp, '--ignore-peer', '127.0.0.0/8'];
    const { code, stdout } = await status(sandbox, ignoring);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^No client is connected .*\nRunning builds are unknown: .*\n {2}PEER .*\nat .*\n.* ignored\n$/,
    );
    const json = await status(sandbox, [...ignoring, '--json']);
    expect(json.code).toBe(0);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ...{ connections: 0, clients: [] },
      notCounted: [{ kind: 'ignored' }],
    });
  });

  it('exits with the right code though its output is closed or full', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    for (const redirection of ['>&- 2>&-', '>/dev/full']) {
      const through = ['sh', '-c', `exec "$0" "$@" ${redirection}`];
      const { code } = await status(sandbox, ['--addr', tcp], { through });
      expect(code).toBe(3);
    }
  });
});

describe.concurrent('status --json', () => {
  it('prints one object with every connection, and null for what is unknown', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await daemon.listen(unix);
    const [client] = await clients.connect(tcp);
    const [other] = await clients.connect(unix);
    let accepted: Awaited<ReturnType<typeof daemon.accepted>> = [];
    while (accepted.length < 2) {
      accepted = await daemon.accepted();
    }
    const inodeOf = (peer: string | null): number | undefined =>
      accepted.find((each) => each.peer === peer)?.inode;

    const { code, stdout } = await status(sandbox, ['--json', '--addr', tcp, '--addr', unix]);
    expect(code).toBe(3);
    expect(stdout.split('\n')).toHaveLength(2);
    expect(JSON.parse(stdout)).toEqual({
      state: 'counted',
      connections: 2,
      error: null,
      clients: [
        {
          endpoint: tcp,
          peer: client?.name,
          peerAddress: '127.0.0.1',
          local: '127.0.0.1:1234',
          inode: inodeOf(client?.name ?? ''),
          queued: false,
          kind: 'client',
          ageAtLeastMs: expect.any(Number),
          silentAtLeastMs: expect.any(Number),
          bytesReceived: prefaceBytes,
          bytesAcked: expect.any(Number),
          sinceReceivedMs: expect.any(Number),
          sinceSentMs: expect.any(Number),
          sinceAckedMs: expect.any(Number),
          unanswered: 0,
        },
        {
          endpoint: unix,
          peer: other?.name,
          peerAddress: null,
          local: '/run/buildkit.sock',
          inode: inodeOf(null),
          queued: false,
          kind: 'client',
          ageAtLeastMs: null,
          silentAtLeastMs: null,
          bytesReceived: null,
          bytesAcked: null,
          sinceReceivedMs: null,
          sinceSentMs: null,
          sinceAckedMs: null,
          unanswered: null,
        },
      ],
      pending: [],
      notCounted: [],
      builds: null,
      buildsError: {
        code: expect.any(String),
        operation: expect.any(String),
        message: expect.stringContaining('did not answer within 1000ms'),
      },
      endpoints: [tcp, unix].map((address) => {
        return { address, backend: 'sock-diag', listening: true, error: null };
      }),
      sampleAgeMs: 0,
      notices: [],
    });
  });

  it('prints everything to a non-blocking pipe, even with a slow reader', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp, 1000);
    // Node.js makes the pipe non-blocking for all who write to it, and killed it leaves it so.
    const unblock = 'process.stdout.write(""); process.kill(process.pid, "SIGKILL")';
    const pipe = `{ "$0" -e '${unblock}'; "$0" "$@"; } | { sleep 1; cat; }`;
    const cli = [cliPath, 'status', '--json', '--addr', tcp];
    const started = ['sh', '-c', pipe, process.execPath, ...cli];
    const { stdout } = await (await sandbox.start(started)).ended;
    expect(JSON.parse(stdout)).toMatchObject({ connections: 1000 });
  });

  it('says null, never 0, if nothing can be polled', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const through = [...withoutProc, ...refusingSockDiag(constants.errno.EPERM)];
    const { code, stdout } = await status(sandbox, ['--json', '--addr', tcp], { through });
    expect(code).toBe(4);
    const error = {
      code: 'EPERM',
      operation: expect.any(String),
      message: expect.stringContaining('socket failed with EPERM; procfs: /proc/net/tcp'),
    };
    expect(JSON.parse(stdout)).toEqual({
      ...{ connections: null, state: 'failed', error },
      ...{ clients: [], pending: [], notCounted: [] },
      endpoints: [{ address: tcp, backend: null, listening: null, error }],
      builds: null,
      buildsError: {
        code: 'ERR_NO_LISTENER',
        operation: 'ask which builds are running',
        message: 'no endpoint has a listener that can be called',
      },
      sampleAgeMs: 0,
      notices: [],
    });
  });

  it('says null if nothing listens though the daemon runs', async ({ sandbox, daemon }) => {
    await daemon.listen('tcp://127.0.0.1:8372');
    const { code, stdout } = await status(sandbox, ['--json', '--addr', tcp]);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      connections: null,
      state: 'failed',
      error: { message: expect.stringContaining(`nothing listens on ${tcp}`) },
      endpoints: [{ address: tcp, backend: 'sock-diag', listening: false }],
    });
  });

  it('says that nothing was found', async ({ sandbox }) => {
    const { code, stdout } = await status(sandbox, ['--json', '--addr', tcp]);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      state: 'nothing-found',
      error: null,
      endpoints: [{ address: tcp, listening: false }],
    });
  });

  it('names the backend that was used', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    for (const args of [['--backend', 'procfs'], []]) {
      const through = args.length === 0 ? refusingSockDiag(constants.errno.EPERM) : [];
      const { stdout } = await status(sandbox, ['--json', '--addr', tcp, ...args], { through });
      expect(JSON.parse(stdout)).toMatchObject({
        connections: 1,
        endpoints: [{ backend: 'procfs' }],
        clients: [{ bytesReceived: null, ageAtLeastMs: null }],
      });
    }
  });
});

describe.concurrent('status --quiet', () => {
  it('prints nothing, and exits 0, 3 or 4', async ({ sandbox, daemon, clients }) => {
    const quiet = ['--quiet', '--addr', tcp];
    const silent = { stdout: '', stderr: '' };
    await daemon.listen('tcp://127.0.0.1:8372');
    expect(await status(sandbox, quiet)).toMatchObject({ code: 4, ...silent });
    await daemon.listen(tcp);
    expect(await status(sandbox, quiet)).toMatchObject({ code: 0, ...silent });
    await clients.connect(tcp);
    expect(await status(sandbox, quiet)).toMatchObject({ code: 3, ...silent });
    expect(await status(sandbox, [...quiet, '--json'])).toMatchObject({ code: 3, ...silent });
    await daemon.process.signal('SIGKILL');
    await daemon.process.ended;
    expect(await status(sandbox, quiet)).toMatchObject({ code: 4, ...silent });
  });
});
