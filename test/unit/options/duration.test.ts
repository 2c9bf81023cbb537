import { describe, expect, it } from 'vitest';
import { formatDuration } from '../../../src/messages/words.ts';
import { parseDuration } from '../../../src/options/values.ts';

describe('parseDuration', () => {
  it.each([
    ['100ms', 100],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1m500ms', 60_500],
    ['0s', 0],
    ['168h', 604_800_000],
    ['58min', 3_480_000],
    ['1h30min', 5_400_000],
    ['1.5s', 1500],
    ['0.5h', 1_800_000],
    ['1d', 86_400_000],
    ['1d12h', 129_600_000],
    ['1m30s', 90_000],
    ['0.4ms', 0],
  ])('takes %s for %i ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each([
    '',
    '.5s',
    '5.s',
    '1,5s',
    '5x',
    '-5s',
    '1.2.3s',
    ' 5s',
    '5s ',
    '5S',
    '30m1h',
    '5s5s',
    '8d',
    '5mins',
    '5mi',
    'none',
    '169h',
    '1e3s',
    '99999999999999999999h',
  ])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(
      /^expected a duration such as 100ms, 10s, 5m or 1h30m up to 168h but received/,
    );
  });

  it.each(['0', '10', '3480', '1.5'])('says of %s that the unit is missing', (text) => {
    expect(() => parseDuration(text)).toThrow(
      `expected a duration with its unit, such as ${text}ms, ${text}s or ${text}m, up to 168h but received "${text}"`,
    );
  });

  it('refuses what is shorter than the shortest allowed', () => {
    expect(() => parseDuration('0ms', 1)).toThrow('from 1ms up to 168h but received "0ms"');
  });
});

describe('formatDuration', () => {
  it.each([0, 1, 999, 1000, 90_000, 5_400_000, 604_800_000])(
    'writes %i ms so that parseDuration reads the same',
    (durationMs) => {
      expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
    },
  );
});
