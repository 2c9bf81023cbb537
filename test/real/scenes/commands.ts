import { expect } from 'vitest';
import { startCli } from '../../support/cli.ts';
import { waitFor } from '../../support/wait-for.ts';
import { quietPeriodMs, tcp } from '../support/actors.ts';
import type { Scenes } from '../support/scenes.ts';
import type { Stage } from '../support/stage.ts';

async function output({ sandbox }: Stage, ...args: readonly string[]) {
  const { code, stdout } = await (await startCli(sandbox, args)).ended;
  return { code, stdout };
}

/** The other commands, on a daemon that has never finished a build. */
export const commands: Scenes = {
  'ready, doctor, status and watch on a daemon that has never finished a build': async (stage) => {
    const daemon = await stage.startDaemon();
    const ready = await output(stage, 'ready', '--addr', tcp);
    expect(ready).toEqual({ code: 0, stdout: expect.stringMatching(/^ready/i) });
    const doctor = await output(stage, 'doctor', '--json');
    expect(doctor.code, doctor.stdout).toBe(0);
    expect(JSON.parse(doctor.stdout)).toMatchObject({ works: true });
    const idle = JSON.parse((await output(stage, 'status', '--json')).stdout);
    const builds = stage.isBelieved() ? [] : null;
    expect(idle).toMatchObject({ state: 'counted', connections: 0, builds });

    const watch = await startCli(stage.sandbox, ['watch', '--json']);
    await watch.process.line(0);
    const build = await stage.build(daemon, tcp);
    const busy = JSON.parse((await output(stage, 'status', '--json')).stdout);
    expect(busy).toMatchObject({ state: 'counted', connections: 1 });
    expect(busy.builds?.length ?? null).toBe(stage.isBelieved() ? 1 : null);
    await build.ended;
    await waitFor('its end', () => watch.process.stdout().includes('"left":[{'));
    await watch.process.signal('SIGTERM');
    const lines = (await watch.process.ended).stdout.trim().split('\n');
    const events = lines.map((line) => JSON.parse(line).event);
    expect(events).toEqual(expect.arrayContaining(['started', 'changed']));
    expect(events.includes('builds')).toBe(true);
  },

  'serve with its metrics on a daemon that has never finished a build': async (stage) => {
    const daemon = await stage.startDaemon();
    const args = ['--listen=127.0.0.1:9234', `--quiet-period=${quietPeriodMs}ms`, '--timeout=60s'];
    const serve = await startCli(stage.sandbox, ['serve', '--log-to=stderr', ...args]);
    await serve.event('serving');
    await waitFor('a poll', async () => (await get(stage, '/readyz')).status === 200);
    const metric = async (name: string): Promise<string | undefined> => {
      const { body } = await get(stage, '/metrics');
      return new RegExp(`^buildkit_drain_${name}(?:\\{[^}]*\\})? (.*)$`, 'm').exec(body)?.[1];
    };
    // What a daemon of an old version says of its builds is unknown, and never 0.
    const [none, one] = stage.isBelieved() ? ['0', '1'] : [undefined, undefined];
    expect(await metric('builds_running')).toBe(none);
    const build = await stage.build(daemon, tcp, { seconds: 5 });
    await waitFor('a client', async () => (await metric('clients')) === '1');
    await waitFor('its build', async () => (await metric('builds_running')) === one);
    const drained = get(stage, '/drain');
    expect(await build.ended).toBe(0);
    const endedMs = Date.now();
    const { status, body } = await drained;
    expect({ status, outcome: JSON.parse(body).outcome }).toEqual({
      status: 200,
      outcome: 'drained',
    });
    expect(Date.now() - endedMs).toBeGreaterThan(quietPeriodMs - 100);
    expect(Date.now() - endedMs).toBeLessThan(quietPeriodMs + 1500);
    expect(await metric('builds_running')).toBe(none);
  },
};

/** Asks `serve` from inside of the sandbox. */
async function get({ sandbox }: Stage, path: string): Promise<{ status: number; body: string }> {
  const script = `
    const answer = await fetch('http://127.0.0.1:9234${path}');
    console.log(JSON.stringify({ status: answer.status, body: await answer.text() }));`;
  const asking = await sandbox.start([process.execPath, '--input-type=module', '-e', script]);
  return JSON.parse((await asking.ended).stdout);
}
