import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { parseFrom } from '../src/options/read.ts';
import { BadValueError } from '../src/options/values.ts';
import { compareText } from './accuracy/compare.ts';
import { renderHtml } from './accuracy/html.ts';
import { accuracyHeadline, accuracySections } from './accuracy/report.ts';
import { accuracyBenchmark, parseAccuracy } from './accuracy/results.ts';
import type { AccuracyPlan, AccuracyResults } from './accuracy/types.ts';
import { renderChart } from './cost/chart.ts';
import { renderJson, renderMarkdown, renderText } from './cost/report.ts';
import { costBenchmark } from './cost/results.ts';
import type { CostPlan } from './cost/types.ts';
import type { AccuracyOptionValues, CostOptionValues } from './options.ts';
import { jsonByRowsOf, markdownOf, reportText } from './render/tables.ts';
import { createProgress } from './runner/progress.ts';
import { checkWritable, writeResult } from './runner/result-files.ts';
import type { Benchmark, RunResults } from './runner/results.ts';
import { type RunInput, runBenchmark } from './runner/run.ts';

/** What a benchmark needs of the process that runs the command. */
export interface BenchContext extends Omit<RunInput<never>, 'plan' | 'now' | 'onMessage'> {
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
}

const stderrDescriptor = 2;

// The shortest duration of the polls of one round: longer is steadier.
const roundMs = { full: 100, quick: 50 } as const;

/** Runs `bench cost`, prints the tables and writes the files. @throws UsageError */
export async function runCost(
  options: CostOptionValues,
  isQuick: boolean,
  context: BenchContext,
): Promise<void> {
  const plan: CostPlan = {
    pairs: options.pairs,
    clients: options.clients,
    rounds: options.rounds,
    roundMs: roundMs[isQuick ? 'quick' : 'full'],
    counts: options.counts,
    intervalsMs: options.intervals,
    windowMs: options.window,
    leftOut: options['left-out'],
    processes: options.processes,
    scale: options.scale,
    starts: options.starts,
    exits: options.exits,
  };
  const writers = { json: renderJson, svg: renderChart, markdown: renderMarkdown };
  await measure(costBenchmark, plan, options, { text: renderText, ...writers }, context);
}

/** Runs `bench accuracy`, prints the tables and writes the files. @throws UsageError */
export async function runAccuracy(
  options: AccuracyOptionValues,
  context: BenchContext,
): Promise<void> {
  const plan: AccuracyPlan = {
    seed: options.seed,
    lifetimes: options.lifetimes,
    methods: options.methods,
    intervalsMs: options.intervals,
    phaseMs: options.phase,
    ratePerSecond: options.rate,
    backgroundPerSecond: options.background,
    quietPeriodsMs: options['quiet-periods'],
  };
  const renderers = {
    text: (results: AccuracyResults) =>
      reportText(accuracyHeadline(results), accuracySections(results)),
    json: jsonByRowsOf,
    html: renderHtml,
    markdown: (results: AccuracyResults) =>
      markdownOf(accuracyHeadline(results), accuracySections(results)),
  };
  await measure(accuracyBenchmark, plan, options, renderers, context);
}

/** Prints two files of `bench accuracy --json` side by side. @throws UsageError */
export function compareFiles(paths: readonly string[], print: (text: string) => void): void {
  const [before, after] = parseFrom('--compare', () => {
    if (paths.length !== 2) {
      throw new BadValueError('two files of --json', paths.join(' '));
    }
    return paths.map(readResults);
  });
  if (before !== undefined && after !== undefined) {
    print(compareText(before, after));
  }
}

type Format = 'json' | 'svg' | 'html' | 'markdown';

/** How the results are printed, and written to the file of each format. */
type Renderers<Results> = Readonly<Partial<Record<Format, (results: Results) => string>>> & {
  readonly text: (results: Results) => string;
};

async function measure<
  Plan,
  Measurement extends { readonly kind: string },
  Results extends RunResults<Plan>,
>(
  benchmark: Benchmark<Plan, Measurement, Results>,
  plan: Plan,
  paths: Readonly<Partial<Record<Format, string | null>>>,
  { text, ...writers }: Renderers<Results>,
  { print, printError, ...context }: BenchContext,
): Promise<void> {
  const files = Object.entries(writers).map(([option, render]) => {
    return { option, path: paths[option as Format] ?? null, render };
  });
  // Minutes of measuring must not end at a path that cannot be written.
  files.forEach(checkWritable);
  const progress = createProgress(isatty(stderrDescriptor), printError);
  const results = await runBenchmark(benchmark, {
    ...context,
    plan,
    now: () => new Date(),
    onMessage: progress.onMessage,
  }).finally(progress.end);
  print(text(results));
  for (const { render, ...file } of files) {
    writeResult(file, render(results));
  }
}

/** @throws BadValueError */
function readResults(path: string): AccuracyResults {
  const parsed = parseAccuracy(readText(path));
  if (parsed.kind === 'other') {
    throw new BadValueError(`a file of bench accuracy --json (${parsed.why})`, path);
  }
  return parsed.results;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BadValueError(`a file that can be read (${reason})`, path);
  }
}
