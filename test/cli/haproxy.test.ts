// A real HAProxy by examples/monitoring/haproxy.cfg, which finds two pods by DNS and asks their agents.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { type Buildkitd, startBuildkitd, startClient } from '../support/buildkitd.ts';
import { type Cli, startCli } from '../support/cli.ts';
import { readExampleText } from '../support/examples.ts';
import { joinSandboxes } from '../support/network.ts';
import type { Sandbox, SandboxProcess } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const haproxy = '/usr/sbin/haproxy';
const nameServer = fileURLToPath(new URL('../support/name-server.mjs', import.meta.url));
const config = readExampleText('monitoring/haproxy.cfg');
const front = 'tcp://127.0.0.1:1234';

/** A pod of two. */
interface Pod {
  readonly daemon: Buildkitd;
  readonly serve: Cli;
  /** Calls the hook's path, and resolves with the status of the answer. */
  readonly drain: () => Promise<string>;
}

async function startPod(sandbox: Sandbox, host: string): Promise<Pod> {
  const daemon = await startBuildkitd(sandbox);
  const address = await daemon.listen(`tcp://${host}:1234`);
  const listen = ['--listen', `${host}:9234`, '--agent-check', `${host}:9235`];
  // Long enough for some of HAProxy's checks, which are no clients.
  const quick = ['--interval', '20ms', '--quiet-period', '5s', '--log-to', 'stderr'];
  const serve = await startCli(sandbox, ['serve', '--addr', address, ...listen, ...quick]);
  await serve.event('serving');
  const program = `fetch('http://${host}:9234/drain').then(({ status }) => console.log(status))`;
  return {
    ...{ daemon, serve },
    async drain() {
      const call = await sandbox.start([process.execPath, '--eval', program]);
      return (await call.ended).stdout.trim();
    },
  };
}

/** Starts HAProxy with a configuration, and the name server of the test. */
async function startHaproxy(
  sandbox: Sandbox,
  text: string,
  ...args: readonly string[]
): Promise<SandboxProcess> {
  const path = join(sandbox.directory, 'haproxy.cfg');
  writeFileSync(path, text);
  const mount = 'mount -t tmpfs none /etc && echo nameserver 127.0.0.1 > /etc/resolv.conf';
  const command = ['sh', '-c', `${mount} && exec "$0" "$@"`, haproxy, ...args, '-f', path];
  return sandbox.start(['unshare', '--mount', ...command]);
}

it('is a configuration that HAProxy accepts without a warning', async ({ sandbox }) => {
  const check = async (text: string) =>
    (await startHaproxy(sandbox, text, '-c', '-V', '-dW')).ended;
  expect(await check(config)).toMatchObject({ code: 0, stdout: 'Configuration file is valid\n' });
  expect(await check(config.replace('leastconn', 'leastcon'))).toMatchObject({ code: 1 });
});

it('sends no new build to a pod that drains, and cuts off none of its builds', {
  timeout: 60_000,
}, async ({ sandbox, openSandbox }) => {
  // A pod has a network of its own: a wait goes by the port, and would count the other's clients as well.
  const draining = await openSandbox();
  const [, far] = await joinSandboxes(sandbox, draining);
  const near = '127.0.0.2';
  const [one, two] = await Promise.all([startPod(draining, far), startPod(sandbox, near)]);
  const name = 'buildkitd-pods.build.svc.cluster.local';
  await (await sandbox.start([process.execPath, nameServer, name, far, near])).line(0);
  // Its own address is another, to leave the near pod its port.
  const proxy = await startHaproxy(
    sandbox,
    config.replace('bind :1234', 'bind 127.0.0.1:1234'),
    '-db',
  );
  const logged = (pattern: string): Promise<string> =>
    waitFor(`"${pattern}" in the log of HAProxy`, () =>
      new RegExp(pattern).exec(proxy.stdout())?.at(-1),
    );
  const serverAt = (host: string): Promise<string> =>
    logged(`buildkitd/(pod\\d+) changed its IP from \\(none\\) to ${host} `);
  const builds = (): Promise<readonly (readonly string[])[]> =>
    Promise.all([one.daemon.builds(), two.daemon.builds()]);
  const counts = async (): Promise<number[]> => (await builds()).map(({ length }) => length);
  const build = async (ref: string): Promise<void> => {
    await startClient(sandbox, 'build', front, { ref });
    await waitFor(`build ${ref}`, async () => (await builds()).flat().includes(ref));
  };
  const server = await serverAt(far);
  await serverAt(near);
  await build('first');
  await build('second');
  expect(await counts()).toEqual([1, 1]);

  const status = one.drain();
  await logged(`${server} enters drain state`);
  await build('third');
  await build('fourth');
  expect(await counts()).toEqual([1, 3]);
  await one.daemon.end(...(await one.daemon.builds()));
  expect(await status).toBe('200');
  expect(await one.serve.event('ended')).toMatchObject({ outcome: 'drained' });
  // Not before its daemon is stopped, or a minute is over.
  await build('fifth');
  expect(await counts()).toEqual([0, 4]);
});
