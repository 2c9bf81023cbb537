import { symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Actor, startDaemon } from '../support/actor.ts';
import { startCli } from '../support/cli.ts';
import { refusingSockDiag, withoutProc } from '../support/hide.ts';
import { compiled } from '../support/native.ts';
import { joinPlaces, tcpStates } from '../support/network.ts';
import type { Place } from '../support/place.ts';
import { it as itInPlace } from '../support/test.ts';
import { until } from '../support/until.ts';
import { withoutCapabilities } from '../support/users.ts';

// What the shell script counts, which this tool replaces, and what the tool counts, on the same
// sockets. The script takes 0 for idle; the tool exits 0 for idle, 3 for clients, 4 for unknown.
const pipeline = 'netstat -tnp | grep buildkitd | grep :1234 | grep -c ESTABLISHED';

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkit/buildkitd.sock';

interface WatchStatus {
  readonly place: Place;
  readonly daemon: Actor;
  readonly clients: Actor;
  readonly openPlace: () => Promise<Place>;
}

const it = itInPlace.extend<{ scene: WatchStatus }>({
  scene: async ({ place, daemon, clients, openPlace }, use) => {
    await use({ place, daemon, clients, openPlace });
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
  place: Place,
  { script = pipeline, env = {}, through = [] }: Means = {},
): Promise<Answers> {
  const counted = await place.start([...through, '/bin/sh', '-c', script], { env });
  const asked = await startCli(place, ['status', '--json'], { env, through });
  const { code, stdout } = await asked.process.ended;
  const { connections } = JSON.parse(stdout) as { connections: number | null };
  return { script: Number((await counted.ended).stdout), connections, code };
}

const accepted = (daemon: Actor, count: number): Promise<unknown> =>
  until('the daemon to accept', async () => (await daemon.accepted()).length === count);

/** A daemon as it is: on both of its addresses, with so many clients on TCP. */
async function serve({ place, daemon, clients }: WatchStatus, count: number): Promise<void> {
  await (await place.start(['mkdir', '/run/buildkit'])).ended;
  await daemon.listen(tcp, { keepsHalfOpen: true });
  await daemon.listen(unix);
  await clients.connect(tcp, count);
  await accepted(daemon, count);
}

const idle = { connections: 0, code: 0 };
const clientsSeen = (count: number): Omit<Answers, 'script'> => ({ connections: count, code: 3 });

describe.concurrent('beside the script, status', () => {
  it('agrees where nobody is connected', async ({ scene }) => {
    await serve(scene, 0);
    expect(await answers(scene.place)).toEqual({ script: 0, ...idle });
  });

  it('agrees on clients over IPv4, silent as they are', async ({ scene }) => {
    await serve(scene, 2);
    expect(await answers(scene.place)).toEqual({ script: 2, ...clientsSeen(2) });
  });

  it('agrees on clients over IPv4 and IPv6 of an IPv6 listener', async ({
    place,
    daemon,
    clients,
  }) => {
    await daemon.listen('tcp://[::]:1234');
    await clients.connect(tcp, 1);
    await clients.connect('tcp://[::1]:1234', 1);
    await accepted(daemon, 2);
    expect(await answers(place)).toEqual({ script: 2, ...clientsSeen(2) });
  });

  it('agrees on a client of an MPTCP listener', async ({ place, clients }) => {
    const buildkitd = join(place.directory, 'buildkitd');
    symlinkSync(compiled('mptcp'), buildkitd);
    const daemon = await place.start([buildkitd, 'listen', '1234']);
    await daemon.line(0);
    await clients.connect(tcp);
    await daemon.line(1);
    expect(await answers(place)).toEqual({ script: 1, ...clientsSeen(1) });
  });

  it('agrees that a half-closed connection is no client', async ({ scene }) => {
    await serve(scene, 0);
    await scene.clients.finish(await scene.clients.connect(tcp));
    await until('CLOSE_WAIT', () => tcpStates(scene.place, 1234).includes('CLOSE_WAIT'));
    expect(await answers(scene.place)).toEqual({ script: 0, ...idle });
  });

  it('agrees that what is left in TIME_WAIT is no client', async ({ scene }) => {
    await serve(scene, 1);
    await scene.daemon.dismiss();
    await until('TIME_WAIT', () => tcpStates(scene.place, 1234).includes('TIME_WAIT'));
    expect(await answers(scene.place)).toEqual({ script: 0, ...idle });
  });

  it('counts a build through the unix socket, which the script calls idle', async ({ scene }) => {
    await serve(scene, 0);
    await scene.clients.connect(unix);
    expect(await answers(scene.place)).toEqual({ script: 0, ...clientsSeen(1) });
  });

  it('counts clients that wait to be accepted, which the script calls idle', async ({ scene }) => {
    await serve(scene, 0);
    await scene.daemon.process.signal('SIGSTOP');
    await scene.clients.connect(tcp, 2);
    expect(await answers(scene.place)).toEqual({ script: 0, ...clientsSeen(2) });
  });

  it('does not count who reads the metrics on port 12345, for whom the script holds', async ({
    place,
    clients,
  }) => {
    const daemon = await startDaemon(place, { args: ['--debugaddr', '127.0.0.1:12345'] });
    await daemon.listen(tcp);
    await daemon.listen('tcp://127.0.0.1:12345');
    await clients.connect('tcp://127.0.0.1:12345', 2);
    await accepted(daemon, 2);
    expect(await answers(place)).toEqual({ script: 2, ...idle });
  });

  it('does not count the daemon’s own connection to a port 1234, for which the script holds', async ({
    scene,
  }) => {
    await serve(scene, 0);
    const otherNetns = await scene.openPlace();
    const [, address] = await joinPlaces(scene.place, otherNetns);
    const other = await startDaemon(otherNetns);
    await other.listen('tcp://0.0.0.0:1234');
    await scene.daemon.connect(`tcp://${address}:1234`);
    expect(await answers(scene.place)).toEqual({ script: 1, ...idle });
  });

  it.for([
    ['prints no process names (busybox)', { script: pipeline.replace('-tnp', '-tn') }],
    ['is not installed', { script: `PATH=/nowhere; ${pipeline.replaceAll('grep', '/bin/grep')}` }],
    ['can not read /proc', { through: withoutProc }],
    ['may not read whose sockets they are', { through: withoutCapabilities }],
  ] as const)(
    'counts a client where netstat %s, and the script says idle',
    async ([, means], { scene }) => {
      await serve(scene, 1);
      expect(await answers(scene.place)).toEqual({ script: 1, ...clientsSeen(1) });
      expect(await answers(scene.place, means)).toEqual({ script: 0, ...clientsSeen(1) });
    },
  );

  it('counts a client of a daemon in the container beside, which the script calls idle', async ({
    place,
    clients,
  }) => {
    const daemon = await startDaemon(place, { namespaces: ['net'] });
    await daemon.listen(tcp);
    await clients.connect(tcp);
    await accepted(daemon, 1);
    const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    expect(await answers(place, { env })).toEqual({ script: 0, ...clientsSeen(1) });
  });

  it('says unknown where it can see nothing, which the script calls idle', async ({ scene }) => {
    await serve(scene, 1);
    const through = [...withoutProc, ...refusingSockDiag(constants.errno.EPERM)];
    expect(await answers(scene.place, { through })).toEqual({
      script: 0,
      connections: null,
      code: 4,
    });
  });

  it('counts where the daemon listens on another port, which the script calls idle', async ({
    place,
    daemon,
    clients,
  }) => {
    await daemon.listen('tcp://127.0.0.1:8372');
    await clients.connect('tcp://127.0.0.1:8372');
    await accepted(daemon, 1);
    expect(await answers(place)).toEqual({ script: 0, ...clientsSeen(1) });
  });

  it('counts the clients that remain when the daemon has closed its listener, as the script', async ({
    place,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    await accepted(daemon, 1);
    await daemon.unlisten(tcp);
    expect(await answers(place)).toEqual({ script: 1, ...clientsSeen(1) });
  });

  it('says that it finds nothing where the daemon was killed before, which the script calls idle', async ({
    scene,
  }) => {
    await serve(scene, 1);
    await scene.daemon.process.signal('SIGKILL');
    await scene.daemon.process.ended;
    expect(await answers(scene.place)).toMatchObject({ script: 0, code: 4 });
  });
});
