import { describe, expect, it } from 'vitest';
import { renderJson, renderMarkdown, renderText, reportOf } from '../../../bench/cost/report.ts';
import { costBenchmark, emptyCost } from '../../../bench/cost/results.ts';
import { figureOf } from '../../../bench/cost/statistics.ts';
import { summaryRows } from '../../../bench/cost/summary.ts';
import type { ProcessResult } from '../../../bench/cost/types.ts';
import { withMessage } from '../../../bench/runner/results.ts';
import { costResults } from '../support/cost-results.ts';

const tables = Object.fromEntries(
  reportOf(costResults).map(({ title, table }) => [title, table.slice(1)]),
);

/** Of `1.50×` and of `1/120`. */
function numberOf(ratio: string): number {
  const [above = '', below = '1'] = ratio.replace('×', '').split('/');
  return Number(above) / Number(below);
}

describe('the report on a run', () => {
  it('summarizes how the method of wait compares with the others, with the most pairs', () => {
    expect(tables['Summary']).toEqual([
      [
        'CPU of one poll, sock_diag dump vs. netstat pipeline',
        '1/120',
        '1/120 to 1/120',
        'at most 1/3,000',
      ],
      [
        'CPU of one poll, sock_diag dump, at 8,000 pairs vs. 0',
        '2.00×',
        '1.82× to 2.20×',
        'at most 1.5×',
      ],
      ['CPU of one count from Node.js, watchConnections vs. ss', '1/40', '1/40 to 1/40', ''],
      [
        'CPU of `wait` at 100 ms with 3 clients vs. an empty timer',
        '1.50×',
        '1.45× to 1.55×',
        'at most 1.5×',
      ],
      [
        'CPU of `wait` at 100 ms with 3 left-out connections vs. an empty timer',
        '1.30×',
        '1.25× to 1.35×',
        '',
      ],
      ['start to first sample vs. `node -e 0`', '1.50×', '1.50× to 1.50×', 'at most 1.5×'],
      ['memory at the first sample vs. `node -e 0`', '1.13×', '1.13× to 1.13×', 'at most 1.2×'],
      [
        'last close to exit, minus the quiet period',
        '15.0 ms',
        'at most 20.0 ms',
        'at most 100 ms',
      ],
    ]);
  });

  it('summarizes what was measured within its range, though one slice was unlike all others', () => {
    const [first] = costResults.process;
    const uneven = {
      ...first,
      ratio: 1.9,
      sliceRatio: figureOf([1.65, 1.66, 1.68, 1.7, 1.71, 3.1]),
    };
    const { ratio, sliceRatio } = uneven;
    const rows = summaryRows({
      ...costResults,
      process: [uneven as ProcessResult],
      leftOut: costResults.leftOut.map((each) => ({ ...each, ratio, sliceRatio })),
    });
    const ranges = rows.flatMap(([what, measured = '', range = '']) => {
      const [low = '', high] = range.split(' to ');
      return high === undefined
        ? []
        : [{ what, low: numberOf(low), measured: numberOf(measured), high: numberOf(high) }];
    });
    expect(ranges).toHaveLength(rows.length - 1);
    expect(ranges.filter(({ low, measured, high }) => measured < low || measured > high)).toEqual(
      [],
    );
  });

  it('says of the start which it is in a bundle', () => {
    const { host } = costResults;
    const rows = summaryRows({ ...costResults, host: { ...host, isBundle: true } });
    expect(rows).toContainEqual([
      ...['bundle: start to first sample vs. its own `node -e 0`', '1.50×', '1.50× to 1.50×'],
      'at most 1.2×',
    ]);
  });

  it('has a line for each method and number of clients, and a column for each number of pairs', () => {
    expect(tables['CPU of one poll']).toEqual([
      ['sock_diag dump', '3', '1.00 ms ±5 %', '2.00 ms ±5 %'],
      ['sock_diag dump', '100', '-', '2.50 ms ±5 %'],
      ['netstat pipeline', '3', '10.0 ms ±5 %', '240 ms ±5 %'],
    ]);
  });

  it('compares the ways to count from Node.js with the library', () => {
    expect(tables['Counting from Node.js']).toEqual([
      ['watchConnections', '200 µs ±5 %', '400 µs ±0 %', '1.00×'],
      ['ss', '8.00 ms ±5 %', '16.0 ms ±0 %', '40.0×'],
    ]);
  });

  it('tells what is unknown from what is zero', () => {
    expect(tables['Whole process']?.[1]).toEqual([
      '1 ms',
      '0',
      '30.0 %',
      '0.00 %',
      '-',
      '50.0 MiB',
      '40.0 MiB',
    ]);
  });

  it('names the cases of many sockets', () => {
    expect(tables['Scale']).toEqual([
      [
        ...['2,000 TCP clients with the traffic of builds', '2,000', '2.40 %', '0.08 %'],
        ...['30.0×', '90.0 MiB', '40.0 MiB'],
      ],
    ]);
  });

  it('says what was left out', () => {
    expect(tables['Remarks']).toEqual([['ss', 'not installed']]);
  });

  it('leaves out what was not measured, and says that the run was interrupted', () => {
    const { plan, date, host } = costResults;
    const nothing = emptyCost({ plan, date, host, isPrivate: false });
    expect(reportOf(nothing)).toEqual([]);
    expect(renderText(nothing)).toBe(
      'Cost of polling on this node: buildkit-drain 1.2.3, Node.js v20.20.2, Linux 6.18.0 (x64), ' +
        '2 × A CPU <fast & cheap>, 24,106 MiB, 262,144 TCP hash buckets; in the existing ' +
        'network namespace; 2026-01-02. The run was interrupted: these are the measurements up to ' +
        'then.\n',
    );
  });

  it('is a table with aligned columns as text', () => {
    expect(renderText(costResults)).toContain(
      [
        'METHOD            CLIENTS  0 PAIRS       8,000 PAIRS',
        'sock_diag dump    3        1.00 ms ±5 %  2.00 ms ±5 %',
      ].join('\n'),
    );
  });

  it('is a table of Markdown for a page', () => {
    expect(renderMarkdown(costResults)).toContain(
      [
        '### Exit',
        '',
        'From the close of the last client to the exit, minus the quiet period: 2 runs.',
        '',
        '| interval | median | maximum |',
        '| --- | --- | --- |',
        '| 100 ms | 15.0 ms | 20.0 ms |',
      ].join('\n'),
    );
  });
});

describe('the file of --json', () => {
  it('has all that was measured, lists of numbers on one line', () => {
    const text = renderJson(costResults);
    expect(JSON.parse(text)).toEqual(costResults);
    expect(text).toContain('"pairs": [ 0, 8000 ],\n');
  });
});

describe('the results of a run', () => {
  const { plan, date, host } = costResults;
  const nothing = emptyCost({ plan, date, host, isPrivate: true });

  it('have a remark once, however often it is made', () => {
    const remark = { kind: 'remark', remark: { what: 'ss', why: 'not installed' } } as const;
    const other = { kind: 'remark', remark: { what: 'ss', why: 'saw 0 of 3' } } as const;
    const { remarks } = [remark, remark, other].reduce<typeof nothing>(
      (results, message) => withMessage(costBenchmark, results, message),
      nothing,
    );
    expect(remarks).toEqual([remark.remark, other.remark]);
  });

  it('are complete when the stage has said so', () => {
    expect(nothing.isComplete).toBe(false);
    expect(withMessage(costBenchmark, nothing, { kind: 'end' }).isComplete).toBe(true);
  });
});
