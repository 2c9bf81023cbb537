import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CostResults } from '../../bench/cost/types.ts';
import { type Bench, commandLines, startBench as startBenchOf } from '../support/bench.ts';
import { cliPath } from '../support/cli.ts';

const small = ['--pairs', '0,40', '--clients', '0,3', '--rounds', '2'];
const waits = ['--intervals', '--left-out', '--processes', '--scale'].flatMap((name) => [
  name,
  'none',
]);
const pollsAlone = ['--counts', '0', ...waits, '--starts', '0', '--exits', '0'];
const fewestPolls = ['--pairs', '0', '--clients', '0', '--rounds', '1', ...pollsAlone];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-bench-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function startBench(args: readonly string[], env?: Record<string, string>): Bench {
  return startBenchOf('cost', args, env);
}

function resultsIn(path: string): CostResults {
  return JSON.parse(readFileSync(path, 'utf8')) as CostResults;
}

/** The command lines of those processes that only a benchmark starts. */
function processesLeft(): string[] {
  return commandLines().filter((line) =>
    /bench-helper|-e setInterval\(\(\) => |sport = :|--timeout 24h|crowd|createServer/.test(line),
  );
}

describe('bench cost', () => {
  it('measures every method at every size, and the process, its start and its exit', async () => {
    const files = ['json', 'svg', 'markdown'].map((name) => [`--${name}`, join(folder, name)]);
    const { code, stdout, stderr } = await startBench([
      ...small,
      ...['--counts', '2', '--intervals', '50ms,5ms', '--window', '3s'],
      ...['--left-out', 'none', '--processes', 'none', '--scale', 'none'],
      ...['--starts', '2', '--exits', '2'],
      ...files.flat(),
    ]).ended;

    expect(code).toBe(0);
    const results = resultsIn(join(folder, 'json'));
    expect(results).toMatchObject({
      schema: 1,
      isComplete: true,
      host: { node: process.version, cpus: expect.any(Number), cpuModel: expect.any(String) },
      network: { isPrivate: true, tcpSocketsBefore: 0 },
      remarks: expect.any(Array),
    });
    const settings = ['tracked set', 'sock_diag dump', 'procfs', 'ss', 'netstat pipeline'].flatMap(
      (method) =>
        [0, 40].flatMap((pairs) =>
          [0, 3].map((clients) => ({ method, pairs, clients, seen: clients })),
        ),
    );
    expect(results.polls).toHaveLength(settings.length);
    expect(results.polls).toEqual(
      expect.arrayContaining(settings.map((setting) => expect.objectContaining(setting))),
    );
    for (const { cpuUs, wallUs } of results.polls) {
      expect(cpuUs.values).toHaveLength(2);
      expect(cpuUs.median).toBeGreaterThan(1);
      expect(wallUs.median).toBeGreaterThan(1);
    }
    expect(results.counters.map(({ method, pairs, seen }) => [method, pairs, seen])).toEqual([
      ['watchConnections', 40, 3],
      ['countConnections', 40, 3],
      ['ss', 40, 3],
      ['systeminformation', 40, 3],
      ['/proc/net/tcp', 40, 3],
    ]);
    expect(results.counters.map(({ cpuRatio }) => cpuRatio?.values.length)).toEqual([
      2, 2, 2, 2, 2,
    ]);
    expect(results.process.map(({ intervalMs, clients }) => [intervalMs, clients])).toEqual([
      [50, 3],
      [50, 0],
      [5, 3],
      [5, 0],
    ]);
    for (const { waitCpuPercent, timerCpuPercent, waitPeakKib, timerPeakKib } of results.process) {
      expect(waitCpuPercent).toBeGreaterThan(0);
      expect(timerCpuPercent).toBeGreaterThan(0);
      expect(Math.min(waitPeakKib, timerPeakKib)).toBeGreaterThan(20 * 1024);
    }
    expect(results.startUp?.timeRatio?.median).toBeGreaterThan(0);
    expect(results.startUp?.nodePeakKib.median).toBeGreaterThan(20 * 1024);
    expect(results.exit?.beyondMs.values.every((ms) => ms > 0 && ms < 5000)).toBe(true);

    expect(stdout).toMatch(/^netstat pipeline +3 +.*ms/m);
    expect(stderr.split('\n').at(0)).toBe('[1/9] CPU per poll: 0 pairs, 0 clients');
    expect(stderr).toContain('[9/9] whole process at 5 ms, for 3 s\n');
    expect(readFileSync(join(folder, 'svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(readFileSync(join(folder, 'markdown'), 'utf8')).toContain('| netstat pipeline | 3 |');
    expect(processesLeft()).toEqual([]);
  }, 60_000);

  it('measures a wait beside connections that it does not count', async () => {
    const json = join(folder, 'left-out');
    const args = ['--left-out', '2', '--window', '1s', '--json', json];
    const { code } = await startBench([...fewestPolls, ...args]).ended;
    expect(code).toBe(0);
    const [result] = resultsIn(json).leftOut;
    expect(result).toMatchObject({ connections: 2, intervalMs: 100 });
    expect(result?.ratio).toBeGreaterThan(0);
  }, 90_000);

  it('measures starts beside more processes', async () => {
    const json = join(folder, 'discovery');
    const sizes = ['--processes', '0,1001'];
    const { code, stdout } = await startBench([...fewestPolls, ...sizes, '--json', json]).ended;
    expect(code).toBe(0);
    const { discovery, remarks } = resultsIn(json);
    expect(remarks).toEqual([]);
    expect(discovery.map(({ processes, isGiven }) => [processes, isGiven])).toEqual([
      [0, true],
      [0, false],
      [1001, true],
      [1001, false],
    ]);
    for (const { firstSampleMs, cpuMs, blockedMs } of discovery) {
      expect(firstSampleMs.median).toBeGreaterThan(10);
      expect(cpuMs.median).toBeGreaterThan(10);
      expect(blockedMs.median).toBeGreaterThanOrEqual(2);
    }
    expect(stdout).toMatch(/^1,001 +given( +\S+ ms){3}$/m);
    expect(processesLeft()).toEqual([]);
  }, 120_000);

  it('measures waits with many clients, among many sockets, and many at once', async () => {
    const json = join(folder, 'scale');
    const cases = 'clients:40,silent:30,unix:20,unrelated:100,waits:3';
    // A held wait polls once a second: a window of that length may have no poll.
    const args = ['--scale', cases, '--window', '3s', '--json', json];
    const { code, stdout } = await startBench([...fewestPolls, ...args]).ended;
    expect(code).toBe(0);
    const { scale, remarks } = resultsIn(json);
    expect(remarks).toEqual([]);
    expect(scale.map(({ kind, count, clients }) => [kind, count, clients])).toEqual([
      ['clients', 40, 40],
      ['silent', 30, 30],
      ['unix', 20, 20],
      ['unrelated', 100, 3],
      ['unrelated', 100, 0],
      ['waits', 3, 1],
    ]);
    for (const { waitCpuPercent, timerCpuPercent, waitMemoryKib, timerMemoryKib } of scale) {
      expect(Math.min(waitCpuPercent, timerCpuPercent)).toBeGreaterThan(0);
      expect(Math.min(waitMemoryKib, timerMemoryKib)).toBeGreaterThan(10 * 1024);
    }
    expect(stdout).toMatch(/^3 waits, each in its own network namespace +1 .*MiB$/m);
    expect(processesLeft()).toEqual([]);
  }, 90_000);

  it('leaves no process of many waits', async () => {
    const bench = startBench([...fewestPolls, '--scale', 'waits:4', '--window', '1m']);
    await expect
      .poll(() => commandLines().filter((line) => / wait .*--timeout 24h/.test(line)), {
        timeout: 20_000,
      })
      .toHaveLength(4);
    bench.child.kill('SIGINT');
    expect((await bench.ended).code).toBe(130);
    expect(processesLeft()).toEqual([]);
  }, 60_000);

  it.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'ends on %s, with what is done, and leaves no process',
    async ([signal, exitCode]) => {
      const json = join(folder, signal);
      const bench = startBench([...small, ...pollsAlone, '--rounds', '4', '--json', json]);
      await bench.logged('[2/4]');
      bench.child.kill(signal);
      const { code, stdout } = await bench.ended;
      expect(code).toBe(exitCode);
      expect(stdout).toContain('The run was interrupted');
      const { isComplete, polls } = resultsIn(json);
      expect(isComplete).toBe(false);
      expect(new Set(polls.map(({ pairs, clients }) => `${pairs} ${clients}`))).toEqual(
        new Set(['0 0']),
      );
      expect(processesLeft()).toEqual([]);
    },
  );

  it('leaves no process where it is killed', async () => {
    const bench = startBench(small);
    await bench.logged('[2/');
    expect(processesLeft().length).toBeGreaterThan(2);
    bench.child.kill('SIGKILL');
    await bench.ended;
    await expect.poll(processesLeft, { timeout: 5000 }).toEqual([]);
  });

  it('names what is not available', async () => {
    symlinkSync('/bin/sh', join(folder, 'sh'));
    const args = [...small, ...pollsAlone, '--counts', '1'];
    const { code, stdout } = await startBench(args, { PATH: folder }).ended;
    expect(code).toBe(0);
    expect(stdout).toContain('in the existing network namespace');
    expect(stdout).toMatch(
      /^a network namespace of its own +unshare cannot be run: measured among/m,
    );
    expect(stdout).toMatch(/^ss +not installed$/m);
    expect(stdout).toMatch(/^netstat pipeline +not installed$/m);
    expect(stdout).toMatch(/^procfs +3 /m);
    // It has no program to start, and says "none" nevertheless.
    expect(stdout).toMatch(/^systeminformation +it saw 0 of 3 clients with 40 pairs$/m);
    expect(stdout).toMatch(/^watchConnections( +\S+ µs ±\d+ %){2} +1.00×$/m);
  });

  it('leaves out the sizes for which too few files may be open', async () => {
    const limited = spawn(
      'sh',
      [
        ...['-c', 'ulimit -n 200; exec "$0" "$@"', process.execPath, cliPath, 'bench', 'cost'],
        ...['--pairs', '10,2000', '--clients', '3,140,600', '--rounds', '1', ...pollsAlone],
      ],
      { stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: process.env['PATH'] } },
    );
    let stdout = '';
    limited.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const [code] = await once(limited, 'close');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^600 clients +at most 544 clients, with 136 open files/m);
    // In two processes.
    expect(stdout).toMatch(/^procfs +140 +\S+ ms/m);
    expect(stdout).not.toMatch(/ it saw /);
    expect(stdout).toMatch(/^2000 pairs +at most 1088 pairs, with 136 open files/m);
    expect(stdout).toMatch(/^procfs +3 +\S+ ms/m);
  });

  it.for([
    [['--pairs', 'x'], '--pairs: expected a whole number from 0 to 100000 but received "x"'],
    [['--scale', 'tcp:5'], '--scale: expected a case such as clients:2000, with one of clients, '],
    [['--scale', 'unix:0'], '--scale: expected a whole number from 1 to 20000 but received "0"'],
    [['--json', '/nowhere/x'], '--json: expected the path of a file that can be written but'],
    [['--svg', '/tmp'], '--svg: expected the path of a file, not of a folder but received "/tmp"'],
    [['--what'], 'unknown option "--what"'],
    [['more'], 'too many arguments'],
  ] as const)('refuses %j before anything is measured', async ([args, message]) => {
    const { code, stdout, stderr } = await startBench(args).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`buildkit-drain: ${message}`);
    expect(stderr).toMatch(/\nTry: buildkit-drain bench cost --help\n$/);
  });
});
