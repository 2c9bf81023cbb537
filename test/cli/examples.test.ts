// Each command line of examples/, word for word, beside a stand-in for buildkitd that speaks its API, over
// TLS where the example has that. What is not as in a pod: the pace and the log's target, which
// variables set; the folder of the certificates; the kubelet, whose commands and requests come from the
// test, and at once; rootlesskit. That programs are where the examples start them: test/package.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Cli, cliPath, startCli } from '../support/cli.ts';
import { startStore } from '../support/content.ts';
import { asItsUser, startPod } from '../support/example-pod.ts';
import {
  commandsOf,
  type Example,
  readExamples,
  readExampleText,
  valuesOf,
} from '../support/examples.ts';
import { it } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const examples = readExamples();
const unit = readExampleText('systemd/buildkit-drain.conf');
const stopCommand = /^ExecStop=\S+\/buildkit-drain (.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];
const quick = {
  BUILDKIT_DRAIN_QUIET_PERIOD: '500ms',
  BUILDKIT_DRAIN_INTERVAL: '20ms',
  BUILDKIT_DRAIN_LOG_TO: 'stderr',
};
const inPod = { ...quick, KUBERNETES_SERVICE_HOST: '10.0.0.1' };
// What the image of rootless buildkitd sets for all its processes.
const inRootless = {
  ...inPod,
  BUILDKIT_HOST: 'unix:///run/user/1000/buildkit/buildkitd.sock',
  XDG_RUNTIME_DIR: '/run/user/1000',
};

/** The examples of one command of ours, with its words. */
function casesOf(command: string): (readonly [string, Example, readonly string[]])[] {
  return examples.flatMap((example) =>
    commandsOf(example)
      .filter(({ args }) => args[0] === command)
      .map(({ path, args }) => [path, example, args] as const),
  );
}

function envOf({ path }: Example): Record<string, string> {
  if (path.startsWith('systemd/')) {
    return quick;
  }
  return path.startsWith('kubernetes/rootless/') ? inRootless : inPod;
}

/** What the Downward API would set, as far as the example asks for it. */
function namesOf({ content }: Example): Record<string, string> {
  const asked = valuesOf(content, 'env').flat() as unknown as { name: string }[];
  return Object.fromEntries(asked.map(({ name }) => [name, 'a']));
}

/** Resolves when the wait has been told of these builds. */
async function toldOf(wait: Cli, builds: readonly string[]): Promise<void> {
  await waitFor(`word of ${builds.join()}`, () =>
    wait
      .logs()
      .find((line) => line.event === 'builds' && builds.every((ref) => line.message.includes(ref))),
  );
}

function lastWordOf(wait: Pick<Cli, 'logs'>): unknown {
  return wait.logs().findLast(({ event }) => event === 'builds')?.['builds'];
}

describe.concurrent('the command line of an example', () => {
  it.for([
    ...casesOf('wait'),
    [
      'systemd/buildkit-drain.conf',
      { path: 'systemd/buildkit-drain.conf', content: {} },
      [...stopCommand, '--log-format=json'],
    ],
  ] as const)('waits for what the daemon builds: %s', async ([, example, args], { sandbox }) => {
    const through = asItsUser(example);
    const pod = await startPod(sandbox, { example, through });
    const builds = await pod.build();
    const wait = await startCli(sandbox, pod.wordsOf(args), { env: envOf(example), through });
    await toldOf(wait, builds);
    await pod.buildkitd.end(...builds);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    expect(lastWordOf(wait)).toEqual([]);
  });

  it.for(casesOf('ready'))(
    'is ready, and unready once it drains: %s',
    async ([, example, args], { sandbox }) => {
      const through = asItsUser(example);
      const env = envOf(example);
      const pod = await startPod(sandbox, { example, through });
      const ready = async (): Promise<number | null> => {
        const words = [...pod.wordsOf(args), '--timeout=10s'];
        return (await (await startCli(sandbox, words, { env, through })).process.ended).code;
      };
      expect(await ready()).toBe(0);
      const builds = await pod.build();
      const wait = await startCli(sandbox, ['wait'], { env, through });
      await toldOf(wait, builds);
      expect(await ready()).toBe(5);
    },
  );

  it.for(casesOf('serve'))(
    'serves what its hook and its probe ask for, in a container of its own: %s',
    async ([, example, args], { sandbox }) => {
      const requests = valuesOf(example.content, 'httpGet') as { path: string; port: unknown }[];
      const hook = requests.find(({ path }) => path === '/drain');
      const probe = requests.find(({ port }) => port === 'drain');
      const get = (path = ''): ReturnType<typeof sandbox.start> => {
        const script = `fetch('http://127.0.0.1:${hook?.port}${path}').then(async (answer) => console.log(answer.status, await answer.text()))`;
        return sandbox.start([process.execPath, '-e', script]);
      };
      const pod = await startPod(sandbox, { example, through: [] });
      const builds = await pod.build();
      const ownProcesses = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
      const through = [...ownProcesses, ...asItsUser(example)];
      const env = { ...inPod, ...namesOf(example) };
      const serve = await startCli(sandbox, pod.wordsOf(args), { env, through });
      await serve.event('serving');
      const call = await get(hook?.path);
      await toldOf(serve, builds);
      expect((await (await get(probe?.path)).ended).stdout).toMatch(/^200 /);
      // What scaled-object.yaml asks Prometheus for.
      const { stdout: metrics } = await (await get('/metrics')).ended;
      expect(metrics).toContain(`\nbuildkit_drain_builds_reported ${builds.length}\n`);
      expect(call.stdout()).toBe('');
      await pod.buildkitd.end(...builds);
      expect((await call.ended).stdout).toMatch(/^200 .*"outcome": ?"drained"/s);
      expect(lastWordOf(serve)).toEqual([]);
    },
  );

  it.for(casesOf('run'))('runs the daemon: %s', async ([, example, args], { sandbox }) => {
    const words = args.slice(0, args.indexOf('--') + 1);
    expect(args.slice(words.length)).toEqual(['buildkitd']);
    const through = ['env', ...Object.entries(inPod).map(([name, value]) => `${name}=${value}`)];
    const pod = await startPod(sandbox, {
      example,
      through: [...through, process.execPath, cliPath, ...words],
    });
    const builds = await pod.build();
    const daemon = pod.buildkitd.process;
    await daemon.signal('SIGTERM');
    await waitFor('word of the builds', () => builds.every((ref) => daemon.stderr().includes(ref)));
    await pod.buildkitd.end(...builds);
    expect((await daemon.ended).stderr).toContain('"outcome":"drained"');
  });

  it('repairs what is damaged at the start, and nothing else', async ({ sandbox }) => {
    const verified = examples.find(({ path }) => path === 'kubernetes/verified/statefulset.yaml');
    const [probe] = valuesOf(verified?.content ?? null, 'startupProbe') as unknown as [
      { exec: { command: readonly string[] } },
    ];
    // Only buildctl is played: it writes down how it was called, and repairs nothing.
    const bin = (name: string): string => join(sandbox.directory, name);
    const calls = bin('calls');
    writeFileSync(bin('buildctl'), `#!/bin/sh\necho "$@" >>${calls}\n`, { mode: 0o755 });
    const program = `#!/bin/sh\nexec ${process.execPath} ${cliPath} "$@"\n`;
    writeFileSync(bin('buildkit-drain'), program, { mode: 0o755 });
    writeFileSync(calls, '');
    const [sh = '', flag = '', script = ''] = probe.exec.command;
    const words = [sh, flag, script.replaceAll('/opt/buildkit-drain/', `${sandbox.directory}/`)];
    const env = { ...process.env, ...inPod, PATH: `${sandbox.directory}:${process.env['PATH']}` };
    const start = async (): Promise<{ code: number | null; calls: string }> => {
      const { code } = await (await sandbox.start(words, { env })).ended;
      return { code, calls: readFileSync(calls, 'utf8') };
    };

    expect(await start()).toEqual({ code: 4, calls: '' });
    const store = await startStore(sandbox);
    await store.buildkitd.listen('unix:///run/buildkitd.sock');
    const [digest = ''] = await store.add('one', 'two');
    expect(await start()).toEqual({ code: 0, calls: '' });
    rmSync(store.pathOf(digest));
    expect(await start()).toEqual({ code: 5, calls: 'prune-histories\nprune\n' });
  });
});
