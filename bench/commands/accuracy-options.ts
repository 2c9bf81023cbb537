import { BadValueError } from '../../src/options/bad-value.ts';
import { oneOf } from '../../src/options/choice.ts';
import { parseDuration } from '../../src/options/duration.ts';
import { parseFile } from '../../src/options/file-path.ts';
import { ascending, listOf } from '../../src/options/lists.ts';
import { parseWholeNumber } from '../../src/options/number.ts';
import { type OptionValues, single } from '../../src/options/read-options.ts';

// What is measured without options, and with --quick, as one would write it.
const standards = {
  full: {
    ...{ lifetimes: '1ms,5ms,20ms,50ms,100ms,500ms,2s,mix,sparse', phase: '12s' },
    ...{ intervals: '1ms,10ms,100ms,500ms', periods: '0s,100ms,500ms,1s,2s,5s,10s' },
    means: 'tracked-events,tracked,dump,procfs,ss,netstat',
  },
  quick: {
    ...{ lifetimes: '1ms,20ms,100ms', phase: '1500ms' },
    ...{ intervals: '10ms,100ms', periods: '0s,100ms,500ms' },
    means: 'tracked-events,tracked,dump,ss',
  },
} as const;

const mixes = ['mix', 'sparse'] as const;
const longestMs = 60_000;

/**
 * The options of `bench accuracy`, with the defaults of a full or of a quick run.
 *
 * @param meansNames the names that `--means` may have.
 */
export function accuracyOptions(isQuick: boolean, meansNames: readonly string[]) {
  const standard = standards[isQuick ? 'quick' : 'full'];
  const whole = (least: number, most: number) => (text: string) =>
    parseWholeNumber(text, least, most);
  const upTo = (shortestMs: number) => (text: string) => parseUpTo(text, shortestMs);
  return {
    lifetimes: single(
      '<durations>',
      'lifetimes of connections, mix, sparse',
      standard.lifetimes,
      listOf(parseLifetime),
    ),
    means: single('<names>', 'means of looking', standard.means, listOf(oneOf(meansNames))),
    intervals: single('<durations>', 'of the detectors', standard.intervals, ascending(upTo(1))),
    'quiet-periods': single(
      '<durations>',
      'periods to judge verdicts by',
      standard.periods,
      ascending(upTo(0)),
    ),
    phase: single('<duration>', 'how long each lifetime is played', standard.phase, upTo(500)),
    rate: single('<number>', 'connections a second', '40', whole(1, 500)),
    background: single('<number>', 'on other ports, a second', '10', whole(0, 500)),
    seed: single('<number>', 'makes the same connections again', '1', whole(0, 2 ** 31)),
    json: single('<file>', 'write all that was measured', 'none', parseFile),
    html: single('<file>', 'write the report as a page', 'none', parseFile),
    markdown: single('<file>', 'write the tables', 'none', parseFile),
  };
}

export type AccuracyOptionValues = OptionValues<ReturnType<typeof accuracyOptions>>;

function parseLifetime(text: string): number | (typeof mixes)[number] {
  return mixes.find((mix) => mix === text) ?? parseUpTo(text, 1);
}

function parseUpTo(text: string, shortestMs: number): number {
  const durationMs = parseDuration(text, shortestMs);
  if (durationMs > longestMs) {
    throw new BadValueError('a duration of a minute at most', text);
  }
  return durationMs;
}
