import { readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type CliOptions, cliPath } from '../support/cli.ts';
import { run } from '../support/running.ts';
import type { Sandbox, SandboxProcess } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const tcp = 'tcp://127.0.0.1:1234';
const quick = ['--interval', '20ms', '--builds', 'off', '--addr', tcp];
const control = '\u001b[';
const entered = `${control}?1049h${control}?25l${control}?7l`;
const left = `${control}?7h${control}?25h${control}?1049l`;

/** `watch` on a terminal of its own, of this size. */
function watchOn(
  sandbox: Sandbox,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  args: readonly string[] = quick,
  options: CliOptions = {},
): Promise<SandboxProcess> {
  const tool = [process.execPath, cliPath, 'watch', ...args].join(' ');
  const sized = `stty cols ${columns} rows ${rows}; exec ${tool}`;
  return sandbox.start(['script', '--quiet', '--return', '--command', sized, '/dev/null'], options);
}

/** A shell with job control on a terminal of its own. */
async function shellIn(sandbox: Sandbox): Promise<SandboxProcess> {
  const shell = 'stty cols 80 rows 24; exec bash --norc --noprofile --noediting -i';
  return await sandbox.start(['script', '--quiet', '--return', '--command', shell, '/dev/null'], {
    env: { PS1: '$ ' },
  });
}

const watchLine = [process.execPath, cliPath, 'watch', ...quick].join(' ');

/** Runs a command line in a shell whose prompt is back, and resolves with what it printed. */
async function ask(shell: SandboxProcess, line: string): Promise<string> {
  const before = shell.stdout().length;
  // Of the echoed line the quotes tell the printed one.
  shell.send(`${line}; echo "en""d"\n`);
  await waitFor(`the end of ${line}`, () => /end\r$/m.test(shell.stdout().slice(before)));
  return shell.stdout().slice(before);
}

/** The terminal's modes, as its shell sees them. */
async function modesOf(shell: SandboxProcess): Promise<string> {
  return /speed[\s\S]*?extproc/.exec(await ask(shell, 'stty -a'))?.[0] ?? '';
}

function entries({ stdout }: SandboxProcess): number {
  return stdout().split(entered).length - 1;
}

/** The latest whole picture, as lines. */
function picture({ stdout }: SandboxProcess): string[] {
  const frames = stdout().split(`${control}H`).slice(1);
  const whole = frames.findLast((frame) => frame.includes(`${control}J`)) ?? '';
  const [drawn = ''] = whole.split(`${control}J`);
  return drawn.split(`${control}K`).map((line) => line.replace(/^[\r\n]+/, ''));
}

function shows(watch: SandboxProcess, text: string): Promise<boolean> {
  return waitFor(`${text} on the screen`, () => picture(watch).join('\n').includes(text));
}

describe.concurrent('watch on a terminal', () => {
  it('draws a table in place for every change, and leaves the terminal as it was', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    const watch = await watchOn(sandbox, { columns: 80, rows: 24 });
    await shows(watch, `No client is connected to ${tcp}.`);
    const [client] = await clients.connect(tcp);
    await shows(watch, `1 client is connected to ${tcp}.`);
    await shows(watch, ' 24 B ');
    const row = picture(watch).find((line) => line.startsWith(`  ${client?.name} `));
    expect(row).toMatch(/ +[\d.]+s +[\d.]+s\+ +24 B +0 B +\d+ {2}(new|client)$/);
    const came = /^\d\d:\d\d:\d\d No client is connected; 1 too new to tell\. New: /m;
    expect(picture(watch).join('\n')).toMatch(came);
    await shows(watch, `${client?.name} counts as a client.`);
    await clients.leave([client ?? { id: 0, name: '' }]);
    await shows(watch, `No client is connected to ${tcp}.`);
    expect(picture(watch).join('\n')).toContain(`Left: ${client?.name}`);
    watch.send('\u0003');
    const { code, stdout } = await watch.ended;
    expect(code).toBe(0);
    expect(stdout.startsWith(entered)).toBe(true);
    expect(stdout.split(left)).toHaveLength(2);
    // What was seen last stays on the screen.
    expect(stdout.split(left)[1]).toContain(`No client is connected to ${tcp}.\r\n`);
  });

  it('draws the ages anew each second though nothing changes', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const watch = await watchOn(sandbox, { columns: 80, rows: 24 }, [...quick, '--interval', '1h']);
    const ages = new Set<string>();
    await waitFor('three ages', () => {
      ages.add(/([\d.]+s)\+? /.exec(picture(watch).at(-2) ?? '')?.[1] ?? '');
      return ages.size > 3;
    });
  });

  it('fits a narrow one, and follows when that changes', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    const some = await clients.connect(tcp, 30);
    const watch = await watchOn(sandbox, { columns: 40, rows: 12 });
    await shows(watch, 'more lines');
    expect(picture(watch).filter((line) => line.length > 40)).toEqual([]);
    expect(picture(watch).length - 1).toBeLessThanOrEqual(12);
    expect(picture(watch).join('\n')).toContain('KIND');
    expect(picture(watch).join('\n')).not.toContain('INODE');
    const [tool] = await childrenOf(watch.pid);
    const terminal = readlinkSync(`/proc/${tool}/fd/1`);
    await run(['stty', '-F', terminal, 'cols', '100', 'rows', '60']).ended;
    await shows(watch, 'INODE');
    await shows(watch, some.at(-1)?.name ?? '');
    watch.send('\u0003');
    expect((await watch.ended).code).toBe(0);
  });

  it('prints lines where the terminal can not draw', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const dumb = { env: { TERM: 'dumb' } };
    const watch = await watchOn(sandbox, { columns: 80, rows: 24 }, quick, dumb);
    expect(await watch.line(0)).toMatch(/Z info {2}Watching /);
    expect(watch.stdout()).not.toContain(control);
  });

  it('gives it back before it reports an unexpected error', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const script = join(sandbox.directory, 'before.cjs');
    writeFileSync(script, "setTimeout(() => { throw new Error('boom'); }, 1500);");
    const shell = await shellIn(sandbox);
    const modes = await modesOf(shell);
    const failing = watchLine.replace(process.execPath, `${process.execPath} --require ${script}`);
    shell.send(`${failing}; echo "code "$?\n`);
    await shows(shell, `No client is connected to ${tcp}.`);
    await waitFor('its code', () => shell.stdout().includes('code 1\r\n'));
    expect(shell.stdout().split(left)[1]).toMatch(/please report it[\s\S]*boom/);
    expect(await modesOf(shell)).toBe(modes);
  });

  it('leaves the terminal alone after a usage error', async ({ sandbox }) => {
    const watch = await watchOn(sandbox, { columns: 80, rows: 24 }, ['--pid', '4194304']);
    const { code, stdout } = await watch.ended;
    expect(code).toBe(2);
    expect(stdout).not.toContain(control);
  });
});

describe.concurrent('the keys of watch', () => {
  it('are not echoed, and q ends it', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    const watch = await watchOn(sandbox, { columns: 80, rows: 24 });
    await shows(watch, `No client is connected to ${tcp}.`);
    watch.send('zyxw\r\u001b[A');
    await clients.connect(tcp);
    await shows(watch, `1 client is connected to ${tcp}.`);
    watch.send('q');
    const { code, stdout } = await watch.ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain('zyxw');
    expect(stdout.split(left)[1]).toContain(`1 client is connected to ${tcp}.\r\n`);
  });

  it('stop it in a shell, and give the terminal back until it is continued', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const shell = await shellIn(sandbox);
    const modes = await modesOf(shell);
    shell.send(`${watchLine}\n`);
    await shows(shell, `No client is connected to ${tcp}.`);
    shell.send('\u001a');
    await waitFor('the prompt', () => /Stopped/.test(shell.stdout().split(left)[1] ?? ''));
    expect(await modesOf(shell)).toBe(modes);
    await ask(shell, 'stty cols 40');
    shell.send('fg\n');
    await waitFor('the second time', () => entries(shell) === 2);
    // The size that it has got meanwhile counts.
    const isNarrow = () => picture(shell).every((line) => line.length <= 40);
    await waitFor('a narrow picture', () => picture(shell).length > 3 && isNarrow());
    shell.send('q');
    await waitFor('the end', () => shell.stdout().split(left).length === 3);
    await ask(shell, 'stty cols 80');
    expect(await modesOf(shell)).toBe(modes);
  });

  it('end it in a shell with the code 0', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const shell = await shellIn(sandbox);
    for (const key of ['q', '\u0003']) {
      shell.send(`${watchLine}; echo "code "$?\n`);
      await waitFor('the picture', () => entries(shell) === (key === 'q' ? 1 : 2));
      await shows(shell, `No client is connected to ${tcp}.`);
      shell.send(key);
      await waitFor('its end', () => shell.stdout().split(left).length === entries(shell) + 1);
      if (key === 'q') {
        await waitFor('its code', () => shell.stdout().includes('code 0\r\n'));
      }
    }
  });

  it('do not stop it for good where no shell could continue it', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const watch = await watchOn(sandbox, { columns: 80, rows: 24 });
    await shows(watch, `No client is connected to ${tcp}.`);
    watch.send('\u001a');
    await waitFor('the picture again', () => entries(watch) === 2);
    watch.send('q');
    expect((await watch.ended).code).toBe(0);
  });
});

describe.concurrent('watch as a job', () => {
  it('in the background touches no terminal, and is not stopped', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const shell = await shellIn(sandbox);
    const modes = await modesOf(shell);
    await ask(shell, `${watchLine} & sleep 2`);
    expect(await ask(shell, 'jobs')).toMatch(/Running/);
    expect(await modesOf(shell)).toBe(modes);
    expect(shell.stdout()).not.toContain(control);
    shell.send('fg\n');
    await shows(shell, `No client is connected to ${tcp}.`);
    shell.send('\u001a');
    await waitFor('the prompt', () => /Stopped/.test(shell.stdout().split(left)[1] ?? ''));
    await ask(shell, 'bg; sleep 2');
    expect(await ask(shell, 'jobs')).toMatch(/Running/);
    expect(await ask(shell, 'kill %1; wait %1; echo "code "$?')).toContain('code 0\r\n');
    expect(await modesOf(shell)).toBe(modes);
    expect(entries(shell)).toBe(1);
  });

  it('draws again after a SIGSTOP', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const shell = await shellIn(sandbox);
    shell.send(`${watchLine}; echo "code "$?\n`);
    await shows(shell, `No client is connected to ${tcp}.`);
    const [bash] = await childrenOf(shell.pid);
    const [tool] = await childrenOf(Number(bash));
    process.kill(Number(tool), 'SIGSTOP');
    await waitFor('the prompt', () => shell.stdout().includes('Stopped'));
    shell.send('fg; echo "code "$?\n');
    await waitFor('the picture again', () => entries(shell) === 2);
    shell.send('xq');
    await waitFor('its code', () => shell.stdout().includes('code 0\r\n'));
    expect(shell.stdout()).not.toContain('xq');
  });

  it('gives the terminal back when the signal comes from elsewhere', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const shell = await shellIn(sandbox);
    const modes = await modesOf(shell);
    // Without keys of its own.
    shell.send(`${watchLine} </dev/null\n`);
    await shows(shell, `No client is connected to ${tcp}.`);
    shell.send('\u001a');
    await waitFor('the prompt', () => /Stopped/.test(shell.stdout().split(left)[1] ?? ''));
    expect(await modesOf(shell)).toBe(modes);
    shell.send('fg\n');
    await waitFor('the picture again', () => entries(shell) === 2);
    shell.send('\u0003');
    await waitFor('its end', () => shell.stdout().split(left).length === 3);
  });
});

/** The pids, as the tests see them, of what a process has started. */
async function childrenOf(pid: number): Promise<string[]> {
  const { stdout } = await run(['cat', `/proc/${pid}/task/${pid}/children`]).ended;
  return stdout.trim().split(' ');
}
