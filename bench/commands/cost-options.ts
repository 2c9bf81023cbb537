import { parseDuration } from '../../src/options/duration.ts';
import { parseFile } from '../../src/options/file-path.ts';
import { ascending, listOf, noneOr } from '../../src/options/lists.ts';
import { parseWholeNumber } from '../../src/options/number.ts';
import { type OptionValues, single } from '../../src/options/read-options.ts';

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
