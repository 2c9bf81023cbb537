import { type OptionValues, single } from '../src/options/read.ts';
import {
  ascending,
  BadValueError,
  listOf,
  noneOr,
  oneOf,
  parseDuration,
  parseFile,
  parseWholeNumber,
} from '../src/options/values.ts';
import { parseScaleCase } from './cost/scale-cases.ts';

// The defaults, and those with --quick, as a user would write them.
const costDefaults = {
  full: {
    ...{ pairs: '0,1000,8000', clients: '0,3,100,2000', rounds: '9', starts: '21', exits: '15' },
    counts: '20',
    ...{ intervals: '100ms,10ms,1ms', window: '1m', leftOut: '3,100' },
    processes: '0,300,3000,10000',
    scale:
      'clients:100,clients:2000,clients:10000,clients:20000,silent:20000,unix:100,unix:2000,' +
      'unrelated:8000,unrelated:60000,waits:100',
  },
  quick: {
    ...{ pairs: '0,8000', clients: '3', rounds: '5', starts: '7', exits: '4' },
    counts: '3',
    ...{ intervals: '100ms,10ms,1ms', window: '4s', leftOut: 'none' },
    processes: 'none',
    scale: 'none',
  },
} as const;

/** The options of `bench cost`, with the defaults of a full or of a quick run. */
export function costOptions(isQuick: boolean) {
  const standard = costDefaults[isQuick ? 'quick' : 'full'];
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
      ascending(whole(0, 20_000)),
    ),
    rounds: single('<number>', 'rounds for each method and size', standard.rounds, whole(1, 1000)),
    intervals: single(
      '<durations>',
      'intervals of wait, or none',
      standard.intervals,
      noneOr(listOf((text) => parseDuration(text, 1))),
    ),
    window: single('<duration>', 'measuring time at each interval', standard.window, (text) =>
      parseDuration(text, 1000),
    ),
    counts: single(
      '<number>',
      'counts from Node.js in each round',
      standard.counts,
      whole(0, 1000),
    ),
    'left-out': single(
      '<numbers>',
      'connections not counted, or none',
      standard.leftOut,
      noneOr(listOf((text) => whole(1, 10_000)(text))),
    ),
    processes: single(
      '<numbers>',
      'more processes at a start, or none',
      standard.processes,
      noneOr(ascending(whole(0, 100_000))),
    ),
    scale: single(
      '<cases>',
      'cases of many sockets, or none',
      standard.scale,
      noneOr(listOf(parseScaleCase)),
    ),
    starts: single('<number>', 'starts to measure', standard.starts, whole(0, 1000)),
    exits: single('<number>', 'exits to measure', standard.exits, whole(0, 1000)),
    json: single('<file>', 'write all results', 'none', parseFile),
    svg: single('<file>', 'write a chart', 'none', parseFile),
    markdown: single('<file>', 'write the tables', 'none', parseFile),
  };
}

export type CostOptionValues = OptionValues<ReturnType<typeof costOptions>>;

// The same for `bench accuracy`.
const accuracyDefaults = {
  full: {
    ...{ lifetimes: '1ms,5ms,20ms,50ms,100ms,500ms,2s,mix,sparse', phase: '12s' },
    ...{ intervals: '1ms,10ms,100ms,500ms', periods: '0s,100ms,500ms,1s,2s,5s,10s' },
    methods: 'tracked-events,tracked,dump,procfs,ss,netstat',
  },
  quick: {
    ...{ lifetimes: '1ms,20ms,100ms', phase: '1500ms' },
    ...{ intervals: '10ms,100ms', periods: '0s,100ms,500ms' },
    methods: 'tracked-events,tracked,dump,ss',
  },
} as const;

const mixes = ['mix', 'sparse'] as const;
const longestMs = 60_000;

/**
 * The options of `bench accuracy`, with the defaults of a full or of a quick run.
 *
 * @param methodNames the names that `--methods` may have.
 */
export function accuracyOptions(isQuick: boolean, methodNames: readonly string[]) {
  const standard = accuracyDefaults[isQuick ? 'quick' : 'full'];
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
    methods: single('<names>', 'methods to compare', standard.methods, listOf(oneOf(methodNames))),
    intervals: single(
      '<durations>',
      'intervals of the detectors',
      standard.intervals,
      ascending(upTo(1)),
    ),
    'quiet-periods': single(
      '<durations>',
      'quiet periods of the verdicts',
      standard.periods,
      ascending(upTo(0)),
    ),
    phase: single('<duration>', "duration of each lifetime's phase", standard.phase, upTo(500)),
    rate: single('<number>', 'connections a second', '40', whole(1, 500)),
    background: single('<number>', 'connections a second to other ports', '10', whole(0, 500)),
    seed: single('<number>', 'seed of the random connections', '1', whole(0, 2 ** 31)),
    json: single('<file>', 'write all results', 'none', parseFile),
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
