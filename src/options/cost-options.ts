import { BadValueError } from './bad-value.ts';
import { parseDuration } from './duration.ts';
import { parseWholeNumber } from './number.ts';
import { type OptionValues, single } from './read-options.ts';

// What is measured without options, and with --quick, as one would write it.
const standards = {
  full: {
    ...{ pairs: '0,1000,8000', clients: '0,3,100,2000', rounds: '9', starts: '21', exits: '15' },
    ...{ intervals: '100ms,10ms,1ms', window: '1m' },
  },
  quick: {
    ...{ pairs: '0,8000', clients: '3', rounds: '5', starts: '7', exits: '4' },
    ...{ intervals: '100ms,10ms,1ms', window: '4s' },
  },
} as const;

/** The options of `bench cost`, with the defaults of a full or of a quick run. */
export function costOptions(isQuick: boolean) {
  const standard = standards[isQuick ? 'quick' : 'full'];
  const whole = (least: number, most: number) => (text: string) =>
    parseWholeNumber(text, least, most);
  return {
    pairs: single(
      '<numbers>',
      'unrelated connection pairs',
      standard.pairs,
      ascending(whole(0, 100_000)),
    ),
    clients: single(
      '<numbers>',
      'clients of the daemon',
      standard.clients,
      ascending(whole(0, 10_000)),
    ),
    rounds: single('<number>', 'measurements of each', standard.rounds, whole(1, 1000)),
    intervals: single(
      '<durations>',
      'intervals of wait, or none',
      standard.intervals,
      noneOr(listOf((text) => parseDuration(text, 1))),
    ),
    window: single('<duration>', 'how long each interval is watched', standard.window, (text) =>
      parseDuration(text, 1000),
    ),
    starts: single('<number>', 'starts to measure', standard.starts, whole(0, 1000)),
    exits: single('<number>', 'exits to measure', standard.exits, whole(0, 1000)),
    json: single('<file>', 'write all that was measured', 'none', parseFile),
    svg: single('<file>', 'write a chart', 'none', parseFile),
    markdown: single('<file>', 'write the tables', 'none', parseFile),
  };
}

export type CostOptionValues = OptionValues<ReturnType<typeof costOptions>>;

/** Values with commas between them; what stands there twice is measured once. */
function listOf(parse: (text: string) => number): (text: string) => readonly number[] {
  return (text) => [...new Set(text.split(',').map((part) => parse(part.trim())))];
}

function ascending(parse: (text: string) => number): (text: string) => readonly number[] {
  return (text) => listOf(parse)(text).toSorted((one, other) => one - other);
}

function noneOr(parse: (text: string) => readonly number[]): (text: string) => readonly number[] {
  return (text) => (text === 'none' ? [] : parse(text));
}

function parseFile(text: string): string | null {
  if (text === '' || text.endsWith('/') || text.includes('\0')) {
    throw new BadValueError('the path of a file, or none,', text);
  }
  return text === 'none' ? null : text;
}
