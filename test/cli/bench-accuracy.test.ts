import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccuracyResults } from '../../bench/accuracy/types.ts';
import { type Bench, commandLines, startBench as startBenchOf } from '../support/bench.ts';

const small = ['--phase', '800ms', '--quiet-periods', '0s,100ms', '--intervals', '20ms'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-accuracy-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function startBench(args: readonly string[], env?: Record<string, string>): Bench {
  return startBenchOf('accuracy', args, env);
}

function resultsIn(path: string): AccuracyResults {
  return JSON.parse(readFileSync(path, 'utf8')) as AccuracyResults;
}

function helpersLeft(): string[] {
  return commandLines().filter((line) => line.includes('bench-helper'));
}

describe('bench accuracy', () => {
  it('scores every method against connections whose start and end are known', async () => {
    const files = ['json', 'html', 'markdown'].map((name) => [`--${name}`, join(folder, name)]);
    const args = [...small, '--intervals', '50ms', '--lifetimes', '5ms,80ms', ...files.flat()];
    const { code, stdout, stderr } = await startBench(args).ended;

    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(
        /^\[1\/\d+\] session 1 of \d+: connections of 5ms, \d+ s left\n/,
      ),
    });
    const results = resultsIn(join(folder, 'json'));
    expect(results).toMatchObject({
      ...{ schema: 1, command: 'buildkit-drain bench accuracy', isComplete: true },
      host: { node: process.version, cpus: expect.any(Number) },
      network: { isPrivate: true },
      plan: { seed: 1, lifetimes: [5, 80], intervalsMs: [50], phaseMs: 800 },
      remarks: expect.any(Array),
    });
    const watched = [
      ...['tracked-events', 'tracked', 'dump', 'procfs', 'ss', 'netstat'].map((name) => [
        name,
        'tcp',
      ]),
      ...['dump', 'procfs', 'ss'].map((name) => [name, 'unix']),
    ];
    const ofDetector = <Row extends { method: string; transport: string }>(
      rows: readonly Row[],
      [method, transport]: readonly (string | undefined)[],
    ): Row[] => rows.filter((row) => row.method === method && row.transport === transport);
    for (const detector of watched) {
      const scores = ofDetector(results.scores, detector);
      expect(scores.map(({ lifetime }) => lifetime)).toEqual(['5ms', '80ms', 'rest']);
      for (const { connections, seen, polls } of scores) {
        expect(seen).toBeLessThanOrEqual(connections);
        expect(polls).toBeGreaterThan(0);
      }
      expect(ofDetector(results.verdicts, detector).map((each) => each.quietPeriodMs)).toEqual([
        0, 100,
      ]);
    }
    for (const { recall, connections } of ofDetector(results.scores, ['tracked-events', 'tcp'])) {
      expect(recall).toBe(connections === 0 ? null : 1);
    }
    expect(stdout).toMatch(/^tracked set, with events +tcp +50 ms +1\.000 +1\.000$/m);
    expect(readFileSync(join(folder, 'html'), 'utf8')).toMatch(
      /^<!doctype html>[\s\S]*<\/html>\n$/,
    );
    expect(readFileSync(join(folder, 'markdown'), 'utf8')).toContain('### Connections seen');
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
    expect(helpersLeft()).toEqual([]);
  }, 60_000);

  it('identifies the connections with every method', () => {
    const { scores } = resultsIn(join(folder, 'json'));
    for (const { recall } of scores.filter(({ lifetime }) => lifetime === '80ms')) {
      expect(recall).toBeGreaterThan(0.1);
    }
    const wrong = scores.filter(({ falseDetections }) => falseDetections > 0);
    // It takes the daemon's other port for the watched one.
    expect(wrong.filter(({ method }) => method !== 'netstat')).toEqual([]);
  });

  it.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('keeps on %s the phases that are over, and leaves no process', async (given) => {
    const [signal, exitCode] = given;
    const json = join(folder, signal);
    const args = ['--lifetimes', '5ms,20ms', '--methods', 'tracked,dump', '--json', json];
    const bench = startBench([...small, ...args]);
    await bench.logged('[2/3]');
    bench.child.kill(signal);
    const { code, stdout } = await bench.ended;
    expect(code).toBe(exitCode);
    expect(stdout).toContain('The run was interrupted');
    const { isComplete, scores } = resultsIn(json);
    expect(isComplete).toBe(false);
    expect(new Set(scores.map(({ lifetime }) => lifetime))).toEqual(new Set(['5ms']));
    expect(helpersLeft()).toEqual([]);
  });

  it('leaves no process where it is killed', async () => {
    const bench = startBench([...small, '--lifetimes', '5ms', '--methods', 'dump']);
    await bench.logged('[1/');
    expect(helpersLeft().length).toBeGreaterThan(4);
    bench.child.kill('SIGKILL');
    await bench.ended;
    await expect.poll(helpersLeft, { timeout: 5000 }).toEqual([]);
  });

  it('names what is not available', async () => {
    symlinkSync('/bin/sh', join(folder, 'sh'));
    const args = [...small, '--lifetimes', '5ms', '--methods', 'procfs,ss,netstat'];
    const { code, stdout } = await startBench([...args, '--intervals', '1ms,30ms'], {
      PATH: folder,
    }).ended;
    expect(code).toBe(0);
    expect(stdout).toContain('in the existing network namespace');
    expect(stdout).toMatch(/^ss \(unix\) +not installed$/m);
    expect(stdout).toMatch(/^netstat pipeline \(tcp\) +not installed$/m);
    expect(stdout).toMatch(/^procfs \(tcp\) every 1 ms +one poll takes \S+ ms$/m);
    expect(stdout).toMatch(/^procfs +tcp +30 ms /m);
  });

  it('sets two files side by side', async () => {
    const json = join(folder, 'json');
    const { code, stdout, stderr } = await startBench(['--compare', json, json]).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^tracked set, with events +tcp +50 ms +1\.000 +1\.000 +1\.00× +1\.00×/m,
    );
  });

  it('compares nothing else', async () => {
    const json = join(folder, 'json');
    const other = join(folder, 'other');
    const refusal = async (content: string | null, message: string): Promise<void> => {
      if (content !== null) {
        writeFileSync(other, content);
      }
      const { code, stdout, stderr } = await startBench(['--compare', json, other]).ended;
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(message);
    };
    await refusal(null, '--compare: expected a file that can be read (ENOENT');
    await refusal('no', 'expected a file of bench accuracy --json (it is not JSON) but received');
    await refusal('[]', '(its command is undefined)');
    const { command } = resultsIn(json);
    await refusal(JSON.stringify({ command, schema: 2 }), '(its schema is 2, not 1)');
    await refusal(JSON.stringify({ command, schema: 1 }), '(it has no sessions)');
  });

  it.for([
    [['--lifetimes', '5'], '--lifetimes: expected a duration with its unit'],
    [
      ['--lifetimes', '2m'],
      '--lifetimes: expected a duration of a minute at most but received "2m"',
    ],
    [
      ['--methods', 'eyes'],
      '--methods: expected one of tracked-events, tracked, dump, procfs, ss,',
    ],
    [['--intervals', '0ms'], '--intervals: expected a duration such as 100ms'],
    [['--rate', '0'], '--rate: expected a whole number from 1 to 500 but received "0"'],
    [['--phase', '10ms'], '--phase: expected a duration'],
    [
      ['--html', '/tmp'],
      '--html: expected the path of a file, not of a folder but received "/tmp"',
    ],
    [['--compare', 'one'], '--compare: expected two files of --json but received "one"'],
    [['more'], 'too many arguments'],
  ] as const)('refuses %j before anything is measured', async ([args, message]) => {
    const { code, stdout, stderr } = await startBench(args).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`buildkit-drain: ${message}`);
    expect(stderr).toMatch(/\nTry: buildkit-drain bench accuracy --help\n$/);
  });
});
