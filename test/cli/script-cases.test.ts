import { symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { startCli } from '../support/cli.ts';
import { compiled } from '../support/native.ts';
import { joinSandboxes, tcpStates } from '../support/network.ts';
import { type PeerProcess, startDaemon } from '../support/peer-process.ts';
import { refusingSockDiag, withoutProc } from '../support/refusals.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it as itInSandbox } from '../support/test.ts';
import { withoutCapabilities } from '../support/users.ts';
import { waitFor } from '../support/wait-for.ts';

// What the shell script counts, which this tool replaces, and what the tool counts, on the same
// sockets. The script takes 0 for idle; the tool exits 0 for idle, 3 for clients, 4 for unknown.
const pipeline = 'netstat -tnp | grep buildkitd | grep :1234 | grep -c ESTABLISHED';

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkit/buildkitd.sock';

interface WatchStatus {
  readonly sandbox: Sandbox;
  readonly daemon: PeerProcess;
  readonly clients: PeerProcess;
  readonly openSandbox: () => Promise<Sandbox>;
}

const it = itInSandbox.extend<{ scenario: WatchStatus }>({
  scenario: async ({ sandbox, daemon, clients, openSandbox }, use) => {
    await use({ sandbox, daemon, clients, openSandbox });
  },
});

interface Answers {
  /** The number that the script's pipeline prints. */
  readonly script: number;
  /** What `status --json` says; null for unknown. */
  readonly connections: number | null;
  readonly code: number | null;
}

interface Means {
  readonly script?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly through?: readonly string[];
}

async function answers(
  sandbox: Sandbox,
  { script = pipeline, env = {}, through = [] }: Means = {},
): Promise<Answers> {
  const counted = await sandbox.start([...through, '/bin/sh', '-c', script], { env });
  const asked = await startCli(sandbox, ['status', '--json'], { env, through });
  const { code, stdout } = await asked.process.ended;
  const { connections } = JSON.parse(stdout) as { connections: number | null };
  return { script: Number((await counted.ended).stdout), connections, code };
}

const accepted = (daemon: PeerProcess, count: number): Promise<unknown> =>
  waitFor('the daemon to accept', async () => (await daemon.accepted()).length === count);

/** A daemon as it is: on both of its addresses, with so many clients on TCP. */
async function serve({ sandbox, daemon, clients }: WatchStatus, count: number): Promise<void> {
  await (await sandbox.start(['mkdir', '/run/buildkit'])).ended;
  await daemon.listen(tcp, { keepsHalfOpen: true });
  await daemon.listen(unix);
  await clients.connect(tcp, count);
  await accepted(daemon, count);
}

const idle = { connections: 0, code: 0 };
const clientsSeen = (count: number): Omit<Answers, 'script'> => ({ connections: count, code: 3 });

describe.concurrent('compared with the script, status', () => {
  it('agrees when there is no client', async ({ scenario }) => {
    await serve(scenario, 0);
    expect(await answers(scenario.sandbox)).toEqual({ script: 0, ...idle });
  });

  it('agrees on clients over IPv4, silent as they are', async ({ scenario }) => {
    await serve(scenario, 2);
    expect(await answers(scenario.sandbox)).toEqual({ script: 2, ...clientsSeen(2) });
  });

  it('agrees on clients over IPv4 and IPv6 of an IPv6 listener', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen('tcp://[::]:1234');
    await clients.connect(tcp, 1);
    await clients.connect('tcp://[::1]:1234', 1);
    await accepted(daemon, 2);
    expect(await answers(sandbox)).toEqual({ script: 2, ...clientsSeen(2) });
  });

  it('agrees on a client of an MPTCP listener', async ({ sandbox, clients }) => {
    const buildkitd = join(sandbox.directory, 'buildkitd');
    symlinkSync(compiled('mptcp'), buildkitd);
    const daemon = await sandbox.start([buildkitd, 'listen', '1234']);
    await daemon.line(0);
    await clients.connect(tcp);
    await daemon.line(1);
    expect(await answers(sandbox)).toEqual({ script: 1, ...clientsSeen(1) });
  });

  it('agrees that a half-closed connection is no client', async ({ scenario }) => {
    await serve(scenario, 0);
    await scenario.clients.finish(await scenario.clients.connect(tcp));
    await waitFor('CLOSE_WAIT', () => tcpStates(scenario.sandbox, 1234).includes('CLOSE_WAIT'));
    expect(await answers(scenario.sandbox)).toEqual({ script: 0, ...idle });
  });

  it('agrees that what is left in TIME_WAIT is no client', async ({ scenario }) => {
    await serve(scenario, 1);
    await scenario.daemon.dismiss();
    await waitFor('TIME_WAIT', () => tcpStates(scenario.sandbox, 1234).includes('TIME_WAIT'));
    expect(await answers(scenario.sandbox)).toEqual({ script: 0, ...idle });
  });

  it('counts a build through the unix socket, which the script calls idle', async ({
    scenario,
  }) => {
    await serve(scenario, 0);
    await scenario.clients.connect(unix);
    expect(await answers(scenario.sandbox)).toEqual({ script: 0, ...clientsSeen(1) });
  });

  it('counts clients that wait to be accepted, which the script calls idle', async ({
    scenario,
  }) => {
    await serve(scenario, 0);
    await scenario.daemon.process.signal('SIGSTOP');
    await scenario.clients.connect(tcp, 2);
    expect(await answers(scenario.sandbox)).toEqual({ script: 0, ...clientsSeen(2) });
  });

  it('does not count a client of the metrics on port 12345, which holds the script', async ({
    sandbox,
    clients,
  }) => {
    const daemon = await startDaemon(sandbox, { args: ['--debugaddr', '127.0.0.1:12345'] });
    await daemon.listen(tcp);
    await daemon.listen('tcp://127.0.0.1:12345');
    await clients.connect('tcp://127.0.0.1:12345', 2);
    await accepted(daemon, 2);
    expect(await answers(sandbox)).toEqual({ script: 2, ...idle });
  });

  it('does not count the daemon’s own connection to a port 1234, for which the script holds', async ({
    scenario,
  }) => {
    await serve(scenario, 0);
    const otherNetns = await scenario.openSandbox();
    const [, address] = await joinSandboxes(scenario.sandbox, otherNetns);
    const other = await startDaemon(otherNetns);
    await other.listen('tcp://0.0.0.0:1234');
    await scenario.daemon.connect(`tcp://${address}:1234`);
    expect(await answers(scenario.sandbox)).toEqual({ script: 1, ...idle });
  });

  it.for([
    ['prints no process names (busybox)', { script: pipeline.replace('-tnp', '-tn') }],
    ['is not installed', { script: `PATH=/nowhere; ${pipeline.replaceAll('grep', '/bin/grep')}` }],
    ['can not read /proc', { through: withoutProc }],
    ['may not read whose sockets they are', { through: withoutCapabilities }],
  ] as const)(
    'counts a client where netstat %s, and the script says idle',
    async ([, means], { scenario }) => {
      await serve(scenario, 1);
      expect(await answers(scenario.sandbox)).toEqual({ script: 1, ...clientsSeen(1) });
      expect(await answers(scenario.sandbox, means)).toEqual({ script: 0, ...clientsSeen(1) });
    },
  );

  it('counts a client of a daemon in another container, which the script calls idle', async ({
    sandbox,
    clients,
  }) => {
    const daemon = await startDaemon(sandbox, { namespaces: ['net'] });
    await daemon.listen(tcp);
    await clients.connect(tcp);
    await accepted(daemon, 1);
    const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    expect(await answers(sandbox, { env })).toEqual({ script: 0, ...clientsSeen(1) });
  });

  it('reports unknown when it can see nothing, which the script calls idle', async ({
    scenario,
  }) => {
    await serve(scenario, 1);
    const through = [...withoutProc, ...refusingSockDiag(constants.errno.EPERM)];
    expect(await answers(scenario.sandbox, { through })).toEqual({
      script: 0,
      connections: null,
      code: 4,
    });
  });

  it('counts when the daemon listens on another port, which the script calls idle', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen('tcp://127.0.0.1:8372');
    await clients.connect('tcp://127.0.0.1:8372');
    await accepted(daemon, 1);
    expect(await answers(sandbox)).toEqual({ script: 0, ...clientsSeen(1) });
  });

  it('counts the clients that remain when the daemon has closed its listener, as the script', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    await accepted(daemon, 1);
    await daemon.unlisten(tcp);
    expect(await answers(sandbox)).toEqual({ script: 1, ...clientsSeen(1) });
  });

  it('reports that nothing was found when the daemon was killed before, which the script calls idle', async ({
    scenario,
  }) => {
    await serve(scenario, 1);
    await scenario.daemon.process.signal('SIGKILL');
    await scenario.daemon.process.ended;
    expect(await answers(scenario.sandbox)).toMatchObject({ script: 0, code: 4 });
  });
});
