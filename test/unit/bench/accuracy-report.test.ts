import { describe, expect, it } from 'vitest';
import { compareText } from '../../../bench/accuracy/compare.ts';
import { placeLabels } from '../../../bench/accuracy/cost-chart.ts';
import { renderHtml } from '../../../bench/accuracy/html.ts';
import { accuracyHeadline, accuracySections } from '../../../bench/accuracy/report.ts';
import {
  accuracyBenchmark,
  emptyAccuracy,
  parseAccuracy,
} from '../../../bench/accuracy/results.ts';
import { accuracyOptions } from '../../../bench/options.ts';
import { jsonByRowsOf, reportText } from '../../../bench/render/tables.ts';
import { withMessage } from '../../../bench/runner/results.ts';
import { readOptions } from '../../../src/options/read.ts';
import { accuracyResults } from '../support/accuracy-results.ts';

const tables = Object.fromEntries(
  accuracySections(accuracyResults).map(({ title, table }) => [title, table.slice(1)]),
);
const { plan, date, host } = accuracyResults;
const nothing = emptyAccuracy({ plan, date, host, isPrivate: false });

describe('the report on a run', () => {
  it('summarizes what was measured, with the aims', () => {
    expect(tables['Summary']).toEqual([
      [expect.stringContaining('share of connections seen by tracked set with'), '1.000', '1.000'],
      [expect.stringContaining('false detections by tracked set with events'), '0', '0'],
      [
        expect.stringContaining('tracked set with events at 100 ms vs. sock_diag dump at 1 ms'),
        '2.00×, 1/100, 1/200',
        'at most 1×, 1/100, 1/100',
      ],
      [
        expect.stringContaining('by tracked set with events at 100 ms'),
        '0, 4, 0 of 40',
        '0 early, 0 never ended',
      ],
      [expect.stringContaining('by sock_diag dump at 1 ms'), '0, 1, 0 of 40', ''],
      // Of the two lifetimes that the dump saw; of the pipeline theory is only a bound.
      [
        expect.stringContaining('plain polls'),
        '1 of 2 (50.0 %), largest deviation 18.0',
        expect.any(String),
      ],
    ]);
  });

  it('shows the expected share where it differs from what was seen', () => {
    expect(tables['Connections seen']).toEqual([
      ['tracked set, with events', 'tcp', '100 ms', '1.000', '1.000'],
      ['sock_diag dump', 'tcp', '1 ms', '0.980 ~0.990', '0.900 ~0.990'],
      ['netstat pipeline', 'tcp', '100 ms', '0.010 ~0.050', '-'],
    ]);
  });

  it('distinguishes early, missed and late verdicts', () => {
    expect(tables['Verdicts']).toEqual([
      [
        'tracked set, with events',
        'tcp',
        '100 ms',
        ...['0 and 0 of 20, 200 µs to 1.00 ms', '0 and 4 of 20, 1.50 ms to 2.00 ms'],
      ],
      [
        'sock_diag dump',
        'tcp',
        '1 ms',
        ...['0 and 0 of 20, 1.50 ms to 2.00 ms', '0 and 1 of 20, 1.50 ms to 2.00 ms'],
      ],
      ['netstat pipeline', 'tcp', '100 ms', '-', '3 and 0 of 20, 2 never'],
    ]);
  });

  it('leaves out what was not measured, and says that the run was interrupted', () => {
    expect(accuracySections(nothing)).toEqual([]);
    expect(reportText(accuracyHeadline(nothing), [])).toMatch(
      /the existing network namespace.*was interrupted/,
    );
  });
});

describe('the page of a run', () => {
  const page = renderHtml(accuracyResults);

  it('is well-formed, whatever the CPU is called', () => {
    expect(page).toContain('A CPU &lt;fast &amp; cheap&gt;');
    const isEmptyTag = /^(meta|br)$/;
    const open: string[] = [];
    for (const [, closes, name = '', isEmpty] of page.matchAll(/<(\/?)([a-z0-9]+)[^<>]*?(\/?)>/g)) {
      if (closes) {
        expect(open.pop()).toBe(name);
      } else if (!isEmpty && !isEmptyTag.test(name)) {
        open.push(name);
      }
    }
    expect(open).toEqual([]);
  });

  it('loads nothing, and has styles for light and dark, wide and narrow', () => {
    expect(page).toContain('prefers-color-scheme: dark');
    expect(page).toContain('width=device-width');
    expect(page).not.toMatch(/https?:|@import|url\(|<image|<img|<script|<link/);
  });

  it('draws each share at its place, with a description', () => {
    const [, panel = ''] = page.split('<title>sock_diag dump · TCP</title>');
    const dots = [
      ...(panel
        .split('</svg>')[0]
        ?.matchAll(/<circle class="dot s0" cx="([\d.]+)" cy="([\d.]+)"/g) ?? []),
    ];
    const [[, x1, y1], [, x2, y2]] = dots.map((dot) => dot.map(Number)) as [number[], number[]];
    expect(x2).toBeGreaterThan(x1 ?? Infinity);
    expect(y2).toBeGreaterThan(y1 ?? Infinity);
    expect(panel).toContain('every 1 ms, 5ms: 98 of 100 seen');
  });

  it('marks an early verdict as worse than a missed one', () => {
    expect(page).toMatch(/<td class="early"><b>15 % early<\/b>/);
    expect(page).toMatch(/<td class="missed">20 % missed/);
    expect(page).toMatch(/<td class="right"><small>late 200 µs/);
  });

  it('can be rendered for a run that measured nothing', () => {
    const empty = renderHtml(nothing);
    expect(empty).toMatch(/<\/html>\n$/);
    expect(empty).not.toMatch(/NaN|Infinity|undefined/);
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('the labels of a chart', () => {
  const dot = (x: number, y: number) => ({ text: '100 ms', x, y });

  it('move aside if the usual place is taken by a label or a dot', () => {
    const [alone] = placeLabels([dot(0, 0)]);
    expect(alone).toMatchObject({ anchor: 'start', x: 8, y: -6 });
    const [, second] = placeLabels([dot(0, 0), dot(20, 2)]);
    expect(second).not.toMatchObject({ anchor: 'start', y: -4 });
    const [first] = placeLabels([dot(0, 0), dot(30, -10)]);
    expect(first).toMatchObject({ anchor: 'end' });
    expect(placeLabels([dot(0, 0), dot(200, 0)])[1]).toMatchObject({ x: 208, y: -6 });
  });
});

describe('two runs side by side', () => {
  it('are compared by ratios, with the detectors of only one run listed', () => {
    const scores = accuracyResults.scores.map((score) => ({
      ...score,
      countError: score.countError / 2,
    }));
    const [session] = accuracyResults.sessions;
    const detectors = session?.detectors.filter(({ method }) => method !== 'netstat') ?? [];
    const sessions = session === undefined ? [] : [{ ...session, detectors }];
    const text = compareText(accuracyResults, { ...accuracyResults, scores, sessions });
    expect(text).toMatch(
      /^sock_diag dump +tcp +1 ms +0\.900 +0\.900 +1\/2\.0 +1\.00× +1\.00× +0 and 1 of 40 +0 and 1 of 40 +0 +0$/m,
    );
    expect(text).toMatch(/^A +netstat pipeline \(tcp\) every 100 ms$/m);
  });
});

describe('the file of a run', () => {
  it('is read as it was written', () => {
    expect(parseAccuracy(jsonByRowsOf(accuracyResults))).toEqual({
      kind: 'results',
      results: accuracyResults,
    });
  });

  it('is refused if it is something else', () => {
    const whyNot = (changes: object): unknown =>
      parseAccuracy(JSON.stringify({ ...accuracyResults, ...changes }));
    const other = (why: string) => ({ kind: 'other', why });
    expect(whyNot({ schema: 2 })).toEqual(other('its schema is 2, not 1'));
    expect(whyNot({ command: 'x' })).toEqual(other('its command is "x"'));
    expect(whyNot({ scores: 5 })).toEqual(other('it has no scores'));
    expect(parseAccuracy('null')).toEqual(other('it is not an object'));
    expect(parseAccuracy('{')).toEqual(other('it is not JSON'));
  });

  it('is complete once the stage has ended', () => {
    const [facts] = accuracyResults.sessions;
    const { scores, verdicts, remarks } = accuracyResults;
    const messages = [
      { kind: 'progress', step: 1, steps: 1, text: '' },
      ...(facts === undefined ? [] : [{ kind: 'session', facts, scores, verdicts } as const]),
      ...remarks.map((remark) => ({ kind: 'remark', remark }) as const),
    ] as const;
    const interrupted = messages.reduce<typeof nothing>(
      (results, message) => withMessage(accuracyBenchmark, results, message),
      { ...nothing, network: { isPrivate: true } },
    );
    expect(interrupted).toEqual({ ...accuracyResults, isComplete: false });
    expect(withMessage(accuracyBenchmark, interrupted, { kind: 'end' })).toEqual(accuracyResults);
  });
});

describe('the options of bench accuracy', () => {
  const read = (flags: Record<string, string>, isQuick = false) =>
    readOptions(accuracyOptions(isQuick, ['dump', 'ss']), flags, {});

  it('take lifetimes in any order, and mixes among them', () => {
    const methods = 'ss';
    expect(read({ lifetimes: '2s, mix,5ms,sparse', methods }).lifetimes).toEqual([
      ...[2000, 'mix', 5, 'sparse'],
    ]);
    expect(read({ intervals: '1s,10ms', methods }).intervals).toEqual([10, 1000]);
  });

  it('are fewer for a quick run', () => {
    const methods = 'dump';
    const [full, quick] = [read({ methods }), read({ methods }, true)];
    expect(quick.lifetimes.length).toBeLessThan(full.lifetimes.length);
    expect(quick.phase).toBeLessThan(full.phase);
    expect(full['quiet-periods']).toEqual([0, 100, 500, 1000, 2000, 5000, 10_000]);
  });
});
