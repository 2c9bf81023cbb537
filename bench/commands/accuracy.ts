import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Command } from 'commander';
import { type ExitCode, exitCodes, interruptedBy } from '../../src/cli/exit-codes.ts';
import { addOptions, flagsOf } from '../../src/cli/flags.ts';
import type { ProcessContext } from '../../src/cli/process-context.ts';
import { BadValueError } from '../../src/options/bad-value.ts';
import { parseFrom, readOptions } from '../../src/options/read-options.ts';
import { measureAccuracy } from '../accuracy/accuracy.ts';
import { compareText } from '../accuracy/compare.ts';
import { renderHtml } from '../accuracy/html.ts';
import { parseAccuracy } from '../accuracy/parse-results.ts';
import { accuracyHeadline, accuracySections } from '../accuracy/report.ts';
import { watchMeans } from '../accuracy/sources.ts';
import type { AccuracyPlan, AccuracyResults } from '../accuracy/types.ts';
import { createProgress } from '../progress.ts';
import { jsonByRowsOf, markdownOf, textOf } from '../tables.ts';
import { type AccuracyOptionValues, accuracyOptions } from './accuracy-options.ts';
import { checkWritable, writeResult } from './result-files.ts';

const stderrDescriptor = 2;
const meansNames = watchMeans.map(({ name }) => name);

const notes = `
Makes connections on the loopback interface and on a unix socket, in a network
namespace of its own where that is allowed, and sends nothing anywhere else. A
full run takes some ten minutes. Ctrl-C ends it, and keeps what is measured.
Means: ${meansNames.join(', ')}.`;

const writers = {
  json: jsonByRowsOf,
  html: renderHtml,
  markdown: (results: AccuracyResults) =>
    markdownOf(accuracyHeadline(results), accuracySections(results)),
} as const;

const fileOptions = ['json', 'html', 'markdown'] as const;

interface Switches {
  readonly quick?: boolean;
  readonly compare?: readonly string[];
}

/** Adds `bench accuracy`. */
export function addBenchAccuracy(
  bench: Command,
  version: string,
  context: ProcessContext,
  exit: (code: ExitCode) => void,
): void {
  const accuracy = bench
    .command('accuracy')
    .description('Measure how well connections are seen, beside other ways to look.')
    .option('--quick', 'fewer lifetimes and means, in less than 20 seconds')
    .option('--compare <files...>', 'measure nothing: set two files of --json side by side')
    .addHelpText('after', notes)
    .action(async ({ quick = false, compare }: Switches, command: Command) => {
      const specs = accuracyOptions(quick, meansNames);
      const options = readOptions(specs, flagsOf(command, specs), {});
      exit(
        compare === undefined
          ? await benchAccuracy(options, version, context)
          : compareFiles(compare, context.print),
      );
    });
  addOptions(accuracy, accuracyOptions(false, meansNames));
}

async function benchAccuracy(
  options: AccuracyOptionValues,
  version: string,
  { env, signal, print, printError, self }: ProcessContext,
): Promise<ExitCode> {
  for (const name of fileOptions) {
    checkWritable({ option: name, path: options[name] });
  }
  const progress = createProgress(isatty(stderrDescriptor), printError);
  const results = await measureAccuracy({
    ...{ plan: planOf(options), version, signal },
    ...{ node: self.node, nodeVersion: self.nodeVersion, program: self.program },
    searchPath: env['PATH'] ?? '',
    now: () => new Date(),
    onMessage: progress.hear,
    killGroup: self.killGroup,
  }).finally(progress.end);
  print(textOf(accuracyHeadline(results), accuracySections(results)));
  for (const name of fileOptions) {
    writeResult({ option: name, path: options[name] }, writers[name](results));
  }
  return signal.aborted ? interruptedBy(signal.reason) : exitCodes.done;
}

function planOf(options: AccuracyOptionValues): AccuracyPlan {
  return {
    seed: options.seed,
    lifetimes: options.lifetimes,
    means: options.means,
    intervalsMs: options.intervals,
    phaseMs: options.phase,
    ratePerSecond: options.rate,
    backgroundPerSecond: options.background,
    quietPeriodsMs: options['quiet-periods'],
  };
}

function compareFiles(paths: readonly string[], print: (text: string) => void): ExitCode {
  const [before, after] = parseFrom('--compare', () => {
    if (paths.length !== 2) {
      throw new BadValueError('two files of --json', paths.join(' '));
    }
    return paths.map(readResults);
  });
  if (before !== undefined && after !== undefined) {
    print(compareText(before, after));
  }
  return exitCodes.done;
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
