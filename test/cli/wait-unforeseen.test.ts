import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { startBuildkitd } from '../support/buildkitd.ts';
import { cliPath, parseLog, startCli } from '../support/cli.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';

const tcp = 'tcp://127.0.0.1:1234';
const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
const quick = ['--quiet-period=200ms', '--interval=20ms', '--builds=off', '--addr', tcp];

/** A program that runs this before the tool, in the same process. */
function prepared(sandbox: Sandbox, script: string): readonly string[] {
  const path = join(sandbox.directory, 'before.cjs');
  writeFileSync(path, script);
  return [process.execPath, '--require', path, cliPath];
}

/** Throws whenever the log is to tell of this event. */
function failingAt(event: string): string {
  return `
    const { stringify } = JSON;
    JSON.stringify = (value, ...rest) => {
      if (value?.event === '${event}') {
        throw new Error('boom');
      }
      return stringify(value, ...rest);
    };`;
}

const failures = (log: string) => parseLog(log).filter(({ event }) => event === 'wait-failed');

describe.concurrent('a wait that an unexpected error breaks off', () => {
  it.for([
    ['an uncaught error', "setTimeout(() => { throw new Error('boom'); }, 700);"],
    [
      'a rejection that nobody handles',
      "setTimeout(() => Promise.reject(new Error('boom')), 700);",
    ],
    ['a rejection with nothing', 'setTimeout(() => Promise.reject(), 700);'],
  ] as const)(
    'is reported to every log target, restarts the wait, and ends correctly: %s',
    async ([, script], { sandbox, daemon, clients }) => {
      await daemon.listen(tcp);
      const some = await clients.connect(tcp);
      const program = prepared(sandbox, script);
      const wait = await startCli(sandbox, ['wait', ...quick, '--timeout=1m'], { program, env });
      const { message, level } = await wait.event('wait-failed');
      expect({ message, level }).toEqual({
        level: 'error',
        message: expect.stringContaining('please report it:\n'),
      });
      expect(await wait.event('started', 1)).toMatchObject({ connections: 1 });
      await clients.leave(some);
      const { code, stderr } = await wait.process.ended;
      expect(code).toBe(0);
      expect(parseLog(stderr).at(-1)).toMatchObject({ event: 'ended', outcome: 'drained' });
      expect(readFileSync(sandbox.mainLog, 'utf8')).toBe(stderr);
    },
  );

  it('holds to its deadline where it fails each time, and says so once', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const program = prepared(sandbox, failingAt('started'));
    const startMs = performance.now();
    const wait = await startCli(sandbox, ['wait', ...quick, '--timeout=2500ms'], { program, env });
    const { code, stderr } = await wait.process.ended;
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(2500);
    expect(code).toBe(4);
    expect(failures(stderr)).toHaveLength(1);
    expect(parseLog(stderr).at(-1)).toMatchObject({
      level: 'error',
      event: 'ended',
      outcome: 'unknown',
      message: expect.stringContaining('(boom)'),
    });
  });

  it('is ended by a signal where it fails each time', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const program = prepared(sandbox, failingAt('started'));
    const wait = await startCli(sandbox, ['wait', ...quick], { program, env });
    await wait.event('wait-failed');
    await wait.process.signal('SIGTERM');
    const { code, stderr } = await wait.process.ended;
    expect(code).toBe(143);
    expect(parseLog(stderr).at(-1)).toMatchObject({ event: 'ended', outcome: 'interrupted' });
  });

  it('never ends as a success with nothing left to wake it', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const stalled = 'setTimeout(() => { globalThis.setTimeout = () => ({ unref() {} }); }, 500);';
    const program = prepared(sandbox, stalled);
    const wait = await startCli(sandbox, ['wait', ...quick], { program, env });
    const { code, stderr } = await wait.process.ended;
    expect(code).toBe(1);
    expect(failures(stderr)).toMatchObject([
      { message: expect.stringContaining('nothing is left that could wake this process') },
    ]);
  });
});

describe.concurrent('an uncaught error', () => {
  const soon = "setTimeout(() => { throw new Error('boom'); }, 700);";

  it('does not end serve, and is in its log', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const args = ['serve', ...quick, '--listen=127.0.0.1:0', '--timeout=1m'];
    const serve = await startCli(sandbox, args, { program: prepared(sandbox, soon) });
    expect((await serve.event('uncaught')).message).toContain('boom');
    await serve.process.signal('SIGTERM');
    expect((await serve.process.ended).code).toBe(0);
  });

  it('does not end run, which would leave its daemon alone', async ({ sandbox }) => {
    const args = ['run', ...quick, '--timeout=1m', '--', 'sleep', '2'];
    const run = await startCli(sandbox, args, { program: prepared(sandbox, soon) });
    expect((await run.event('uncaught')).message).toContain('boom');
    expect((await run.process.ended).code).toBe(0);
  });

  it('ends other commands as a bug', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const program = prepared(sandbox, "setTimeout(() => { throw new Error('boom'); }, 300);");
    const watch = await startCli(sandbox, ['watch', '--addr', tcp], { program });
    const { code, stderr } = await watch.process.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^buildkit-drain: this is a bug .* please report it:\nError: boom\n/);
  });
});

it('names the lines of the sources in the trace of a bug', async ({ sandbox, daemon, clients }) => {
  await daemon.listen(tcp);
  await clients.connect(tcp);
  const once = `setTimeout(() => {
    const { hrtime } = process;
    process.hrtime = () => { process.hrtime = hrtime; throw new Error('boom'); };
  }, 300);`;
  const program = prepared(sandbox, once);
  const wait = await startCli(sandbox, ['wait', ...quick, '--timeout=3s'], { program });
  const { stderr } = await wait.process.ended;
  const [, file = '', line] = /Error: boom.*?\/(src\/[\w/-]+\.ts):(\d+):\d+/.exec(stderr) ?? [];
  expect(file, stderr).not.toBe('');
  expect(readFileSync(file, 'utf8').split('\n')[Number(line) - 1]).toContain('performance.now()');
});

describe.concurrent('a Node.js that is older than engines', () => {
  // What is newer than Node.js 16 and likely to be used.
  const old = `
    Object.defineProperty(process, 'version', { value: 'v16.20.2' });
    for (const name of ['toSorted', 'toReversed', 'toSpliced', 'with', 'findLast', 'findLastIndex']) {
      delete Array.prototype[name];
    }
    delete AbortSignal.any;
    delete Object.groupBy;
    delete Promise.withResolvers;`;

  it('is reported at the start to every log target, and the wait continues', async ({
    sandbox,
  }) => {
    const buildkitd = await startBuildkitd(sandbox);
    await buildkitd.listen(tcp);
    await buildkitd.begin('one');
    const program = prepared(sandbox, old);
    const args = ['wait', '--quiet-period=200ms', '--interval=20ms', '--timeout=1m'];
    const wait = await startCli(sandbox, args, { program, env });
    expect(await wait.event('started')).toMatchObject({ connections: 0 });
    await wait.event('builds');
    await buildkitd.end('one');
    const { code, logs, outcome } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(logs[0]).toMatchObject({ level: 'error', event: 'node-too-old', version: 'v16.20.2' });
    expect(parseLog(readFileSync(sandbox.mainLog, 'utf8'))[0]).toMatchObject({
      event: 'node-too-old',
    });
  });

  it('is a problem to doctor', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const program = prepared(sandbox, old);
    const doctor = await startCli(sandbox, ['doctor', '--builds=off'], { program });
    const { stdout } = await doctor.process.ended;
    expect(stdout.replaceAll(/\n {12}/g, ' ')).toMatch(
      /\n {2}problem {3}Node\.js v16\.20\.2 is older than 20\.17/,
    );
  });
});
