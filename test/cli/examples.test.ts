// Each command line of examples/, run against a stand-in that listens where the example has it listen.
import { dirname } from 'node:path';
import { describe, expect } from 'vitest';
import { type Actor, startDaemon } from '../support/actor.ts';
import { type Buildkitd, startBuildkitd } from '../support/buildkitd.ts';
import { type Cli, cliPath, startCli } from '../support/cli.ts';
import {
  commandsOf,
  type Example,
  readExamples,
  readExampleText,
  valuesOf,
} from '../support/examples.ts';
import type { Place } from '../support/place.ts';
import { it } from '../support/test.ts';

const examples = readExamples();
const unit = readExampleText('systemd/buildkit-drain.conf');
const stopCommand = /^ExecStop=\S+\/buildkit-drain (.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];
const env = {
  BUILDKIT_DRAIN_QUIET_PERIOD: '500ms',
  BUILDKIT_DRAIN_INTERVAL: '20ms',
  BUILDKIT_DRAIN_LOG_TO: 'stderr',
};

/** Where the daemon of an example listens; one that says nothing, by default. */
function addressesOf({ content }: Example): string[] {
  const args = valuesOf(content, 'args').flat() as string[];
  const told = args.flatMap((arg) => /^--addr=(.*)$/.exec(arg)?.[1] ?? []);
  return told.length > 0 ? [...new Set(told)] : ['unix:///run/buildkit/buildkitd.sock'];
}

/** The examples of one command of ours, with its words. */
function casesOf(command: string): (readonly [string, readonly string[], readonly string[]])[] {
  return examples.flatMap((example) =>
    commandsOf(example)
      .filter(({ args }) => args[0] === command)
      .map(({ path, args }) => [path, args, addressesOf(example)] as const),
  );
}

async function listenAll(
  place: Place,
  daemon: Pick<Actor | Buildkitd, 'listen'>,
  addresses: readonly string[],
): Promise<void> {
  for (const address of addresses) {
    if (address.startsWith('unix://')) {
      await (await place.start(['mkdir', '-p', dirname(address.slice('unix://'.length))])).ended;
    }
    await daemon.listen(address);
  }
}

async function expectDrained(
  wait: Cli,
  clients: Actor,
  some: Parameters<Actor['leave']>[0],
): Promise<void> {
  await wait.counted(some.length);
  await clients.leave(some);
  expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
}

describe.concurrent('the command line of an example', () => {
  it.for([
    ...casesOf('wait'),
    ['systemd/buildkit-drain.conf', [...stopCommand, '--log-format=json'], ['tcp://0.0.0.0:1234']],
  ] as const)('waits: %s', async ([, args, addresses], { place, clients }) => {
    const daemon = await startDaemon(place);
    await listenAll(place, daemon, addresses);
    const some = (await Promise.all(addresses.map((address) => clients.connect(address)))).flat();
    const wait = await startCli(place, args, { env: { ...env, BUILDKIT_DRAIN_BUILDS: 'off' } });
    await expectDrained(wait, clients, some);
  });

  it.for(casesOf('ready'))(
    'is ready, and no more once it drains: %s',
    async ([, args, addresses], { place, clients }) => {
      await listenAll(place, await startBuildkitd(place), addresses);
      const ready = async (): Promise<number | null> =>
        (await (await startCli(place, [...args, '--timeout=10s'])).process.ended).code;
      expect(await ready()).toBe(0);
      await clients.connect(addresses[0] ?? '');
      const wait = await startCli(place, ['wait'], { env });
      await wait.counted(1);
      expect(await ready()).toBe(5);
    },
  );

  it.for(casesOf('serve'))(
    'serves what its hook asks for: %s',
    async ([path, args, addresses], { place, clients }) => {
      const [hook] = valuesOf(
        examples.find((each) => each.path === path)?.content ?? null,
        'httpGet',
      )
        .map((each) => each as { path: string; port: number | string })
        .filter((each) => each.path === '/drain');
      await listenAll(place, await startBuildkitd(place), addresses);
      const some = await clients.connect(addresses[0] ?? '');
      const serve = await startCli(place, args, { env });
      await serve.event('serving');
      const url = `http://127.0.0.1:${hook?.port}${hook?.path}`;
      const script = `fetch('${url}').then(async (answer) => console.log(answer.status, (await answer.json()).outcome))`;
      const call = await place.start([process.execPath, '-e', script]);
      await serve.counted(1);
      expect(call.stdout()).toBe('');
      await clients.leave(some);
      expect((await call.ended).stdout).toBe('200 drained\n');
    },
  );

  it.for(casesOf('run'))('runs the daemon: %s', async ([, args], { place, clients }) => {
    const [program, ...rest] = args.slice(args.indexOf('--') + 1);
    expect([program, ...rest]).toEqual(['buildkitd']);
    const through = [process.execPath, cliPath, ...args.slice(0, args.indexOf('--') + 1)];
    const daemon = await startDaemon(place, {
      through,
      env: { ...env, BUILDKIT_DRAIN_BUILDS: 'off' },
    });
    await daemon.listen('tcp://127.0.0.1:1234');
    const some = await clients.connect('tcp://127.0.0.1:1234');
    await daemon.process.signal('SIGTERM');
    expect(daemon.process.hasEnded()).toBe(false);
    await clients.leave(some);
    expect((await daemon.process.ended).stderr).toContain('"outcome":"drained"');
  });
});
