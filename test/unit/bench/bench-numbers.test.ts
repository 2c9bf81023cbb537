import { describe, expect, it } from 'vitest';
import { costOptions } from '../../../bench/options.ts';
import { countText, ratioText, timeText } from '../../../bench/render/numbers.ts';
import { createProgress } from '../../../bench/runner/progress.ts';
import { readOptions } from '../../../src/options/read.ts';

describe('the figures of a report', () => {
  it.each([
    [0.4, '0.40 µs'],
    [2.6, '2.60 µs'],
    [999, '999 µs'],
    [1050, '1.05 ms'],
    [240_000, '240 ms'],
    [1_500_000, '1.50 s'],
  ])('say %d µs as %s', (microseconds, text) => {
    expect(timeText(microseconds)).toBe(text);
  });

  it.each([
    [1.234, '1.23×'],
    [22.22, '22.2×'],
    [12_345, '12,345×'],
    [0.95, '0.95×'],
    [0.51, '1/2.0'],
    [0.2, '1/5.0'],
    [1 / 50, '1/50'],
    [1 / 3000, '1/3,000'],
    [0, '0.00×'],
  ])('say a ratio of %d as %s', (ratio, text) => {
    expect(ratioText(ratio)).toBe(text);
  });

  it('have commas in large numbers', () => {
    expect([0, 999, 1000, 1_234_567].map(countText)).toEqual(['0', '999', '1,000', '1,234,567']);
  });
});

describe('the progress of a run', () => {
  const step = (text: string, number = 1) =>
    ({ kind: 'progress', step: number, steps: 2, text }) as const;

  it('is a line for each step, however often that is told', () => {
    let written = '';
    const progress = createProgress(false, (text) => {
      written += text;
    });
    progress.onMessage(step('one'));
    progress.onMessage(step('one, 5 s left'));
    progress.onMessage({ kind: 'end' });
    progress.onMessage(step('two', 2));
    progress.end();
    expect(written).toBe('[1/2] one\n[2/2] two\n');
  });

  it('is on a terminal one line, which is gone at the end', () => {
    let written = '';
    const progress = createProgress(true, (text) => {
      written += text;
    });
    progress.onMessage(step('x'.repeat(200)));
    progress.onMessage(step('two'));
    progress.end();
    progress.end();
    expect(written).toBe(`\r\u001b[K[1/2] ${'x'.repeat(73)}\r\u001b[K[1/2] two\r\u001b[K`);
  });
});

describe('the options of bench cost', () => {
  const read = (flags: Record<string, string>) => readOptions(costOptions(false), flags, {});

  it('are those of a full run, or of a quick one', () => {
    expect(read({})).toMatchObject({
      pairs: [0, 1000, 8000],
      clients: [0, 3, 100, 2000],
      intervals: [100, 10, 1],
      window: 60_000,
      json: null,
    });
    expect(readOptions(costOptions(true), {}, {})).toMatchObject({
      pairs: [0, 8000],
      clients: [3],
    });
  });

  it('take sizes in any order, each once', () => {
    expect(read({ pairs: '8000, 0,10,0' }).pairs).toEqual([0, 10, 8000]);
    expect(read({ intervals: 'none' }).intervals).toEqual([]);
  });

  it.each([
    [{ pairs: '1,,2' }, '--pairs: expected a whole number from 0 to 100000 but received ""'],
    [{ clients: 'x' }, '--clients: expected a whole number from 0 to 20000 but received "x"'],
    [{ intervals: '5' }, '--intervals: expected a duration'],
    [{ window: '10ms' }, '--window: expected a duration'],
    [{ rounds: '0' }, '--rounds: expected a whole number from 1 to 1000 but received "0"'],
    [{ json: '' }, '--json: expected the path of a file, or none, but received ""'],
    [{ svg: 'folder/' }, '--svg: expected the path of a file, or none, but received "folder/"'],
  ])('refuse %j', (flags, message) => {
    expect(() => read(flags)).toThrow(message);
  });
});
