import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makeCheckout } from '../support/checkout.ts';

interface Report {
  polls: { method: string; cpuRatio: { median: number } }[];
  process: { sliceRatio: { median: number } }[];
  startUp: { timeRatio: { median: number }; memoryRatio: { median: number } };
}

describe('the gate of the benchmark', () => {
  const docs = readFileSync('docs/benchmarks.json', 'utf8');
  const gate = (change: (report: Report) => void) => {
    const checkout = makeCheckout();
    checkout.write('docs/benchmarks.json', docs);
    const report = JSON.parse(docs) as Report;
    change(report);
    checkout.write('bench.json', JSON.stringify(report));
    const { code, out, err } = checkout.run(
      process.execPath,
      ...['scripts/bench-gate.mjs', 'bench.json'],
    );
    return { code, err, worse: out.split('\n').filter((line) => line.startsWith('WORSE')) };
  };

  it('lets pass what is as in the docs, or a little worse', () => {
    expect(gate(() => {})).toEqual({ code: 0, err: '', worse: [] });
    const passed = gate(({ startUp }) => {
      startUp.timeRatio.median *= 1.4;
    });
    expect(passed).toEqual({ code: 0, err: '', worse: [] });
  });

  it.each<[string, (report: Report) => void]>([
    [
      'CPU of a poll, to sock_diag dump, 8000 pairs, 3 clients',
      // As if each poll were a dump.
      ({ polls }) => {
        for (const { cpuRatio } of polls) {
          cpuRatio.median = 1;
        }
      },
    ],
    [
      'CPU of the process, to an empty timer, each 100 ms, 3 clients',
      ({ process }) => {
        for (const { sliceRatio } of process) {
          sliceRatio.median *= 2.1;
        }
      },
    ],
    [
      'time to start, to node -e 0',
      ({ startUp }) => {
        startUp.timeRatio.median *= 1.6;
      },
    ],
    [
      'memory at the start, to node -e 0',
      ({ startUp }) => {
        startUp.memoryRatio.median *= 1.3;
      },
    ],
  ])('fails at what is much worse: %s', (figure, change) => {
    const { code, worse } = gate(change);
    expect(worse).toContainEqual(expect.stringContaining(`WORSE ${figure}: `));
    expect(code).toBe(1);
  });

  it('fails where hardly anything was measured', () => {
    const { code, err } = gate((report) => {
      report.polls = [];
    });
    expect(err).toMatch(/^bench.json has only 8 of \d+ figures\n$/);
    expect(code).toBe(1);
  });
});

describe('scripts/real-binaries.sh', () => {
  const copying = (path: string) => `
    case $1 in
      create) echo the-container ;;
      cp) [[ $3 != *rootlesskit || ${path} == *rootless ]] || exit 1
        echo '#!/bin/sh' >"$4"; chmod +x "$4" ;;
    esac`;

  it.each([
    ['moby/buildkit:v0.27.0', []],
    ['moby/buildkit:v0.27.0-rootless', ['ROOTLESSKIT=programs/rootlesskit']],
  ])('names the programs of %s, and removes the container', (image, more) => {
    const checkout = makeCheckout();
    checkout.standIn('docker', copying(image));
    const { code, out } = checkout.run('scripts/real-binaries.sh', image, 'programs');
    const named = out.replaceAll(`${checkout.folder}/`, '').trimEnd().split('\n');
    // The others are of the machine.
    expect(named.filter((line) => line.includes('=programs/'))).toEqual([
      'BUILDKITD=programs/buildkitd',
      'BUILDCTL=programs/buildctl',
      ...more,
    ]);
    expect(named.filter((line) => !/^[A-Z]+=\S+$/.test(line))).toEqual([]);
    expect(checkout.calls().at(0)).toBe(`docker pull --quiet ${image}`);
    expect(checkout.calls().at(-1)).toBe('docker rm the-container');
    expect(code).toBe(0);
  });

  it('fails without a daemon in the image', () => {
    const checkout = makeCheckout();
    checkout.standIn('docker', '[ "$1" != cp ]');
    expect(checkout.run('scripts/real-binaries.sh', 'other', 'programs').code).toBe(1);
  });
});

describe('scripts/check-alpine.sh', () => {
  const by = (backend: string) =>
    `echo 'Waiting for quiet on tcp://… (by ${backend}) and unix://… (by sock-diag): 3 clients'`;
  const run = (docker: string) => {
    const checkout = makeCheckout();
    checkout.standIn('npm');
    checkout.standIn('docker', docker);
    const { code, out } = checkout.run('scripts/check-alpine.sh', '20', '26');
    return { code, out, runs: checkout.calls().filter((call) => call.startsWith('docker run')) };
  };

  it('plays the demonstration on each Node.js', () => {
    const { code, out, runs } = run(by('sock-diag'));
    expect(runs.map((call) => /node:\S+/.exec(call)?.[0])).toEqual([
      'node:20-alpine',
      'node:26-alpine',
    ]);
    expect(out).toContain('Node.js 20\nWaiting for quiet');
    expect(code).toBe(0);
  });

  it('fails at the first that has no addon, and that fails', () => {
    expect(run(by('procfs'))).toMatchObject({ code: 1, runs: [expect.any(String)] });
    expect(run('echo what; exit 3')).toMatchObject({ code: 1, out: 'Node.js 20\nwhat\n' });
  });
});

describe('prebuild.mjs on arm64', () => {
  const asOnArm64 =
    'data:text/javascript,Object.defineProperty(process, "arch", { value: "arm64" })';
  const prebuild = (...args: readonly string[]) =>
    makeCheckout().run(process.execPath, '--import', asOnArm64, 'scripts/prebuild.mjs', ...args);
  const reason = 'it is compiled on x64 alone, and this machine is arm64.';

  it('says that it does not check the addon for x64', () => {
    expect(prebuild('--check', 'x64')).toEqual({
      code: 0,
      out: `prebuilds/linux-x64/buildkit-drain.node is not checked here: ${reason}\n`,
      err: '',
    });
  });

  it('does not build it either', () => {
    expect(prebuild('x64')).toEqual({
      code: 1,
      out: '',
      err: `prebuild: the addon for x64 could not be built: ${reason}\n`,
    });
  });
});
