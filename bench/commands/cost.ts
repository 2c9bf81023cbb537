import { isatty } from 'node:tty';
import type { Command } from 'commander';
import { type ExitCode, exitCodes, interruptedBy } from '../../src/cli/exit-codes.ts';
import { addOptions, flagsOf } from '../../src/cli/flags.ts';
import type { ProcessContext } from '../../src/cli/process-context.ts';
import { readOptions } from '../../src/options/read-options.ts';
import { renderChart } from '../chart.ts';
import { measureCost } from '../cost.ts';
import { createProgress } from '../progress.ts';
import { renderJson, renderMarkdown, renderText } from '../render.ts';
import type { CostPlan } from '../types.ts';
import { type CostOptionValues, costOptions } from './cost-options.ts';
import { checkWritable, writeResult } from './result-files.ts';

const stderrDescriptor = 2;

// How long the polls of one round go on at least: longer is steadier.
const roundMs = { full: 100, quick: 50 } as const;

const costNotes = `
Makes sockets on the loopback interface, in a network namespace of its own where
that is allowed, and sends nothing anywhere else. A full run takes some six
minutes. Ctrl-C ends it, and prints what was measured by then.`;

const writers = {
  json: renderJson,
  svg: renderChart,
  markdown: renderMarkdown,
} as const;

const fileOptions = ['json', 'svg', 'markdown'] as const;

/** Adds `bench cost`. */
export function addBenchCost(
  bench: Command,
  version: string,
  context: ProcessContext,
  exit: (code: ExitCode) => void,
): void {
  const cost = bench
    .command('cost')
    .description('Measure what looking costs, beside other ways to look.')
    .option('--quick', 'fewer sizes, in less than a minute')
    .addHelpText('after', costNotes)
    .action(async ({ quick = false }: { quick?: boolean }, command: Command) => {
      const specs = costOptions(quick);
      const options = readOptions(specs, flagsOf(command, specs), {});
      exit(await benchCost(options, quick, version, context));
    });
  addOptions(cost, costOptions(false));
}

async function benchCost(
  options: CostOptionValues,
  isQuick: boolean,
  version: string,
  context: ProcessContext,
): Promise<ExitCode> {
  for (const name of fileOptions) {
    checkWritable({ option: name, path: options[name] });
  }
  const { env, signal, print, printError, self } = context;
  const progress = createProgress(isatty(stderrDescriptor), printError);
  const results = await measureCost({
    plan: planOf(options, isQuick),
    node: self.node,
    nodeVersion: self.nodeVersion,
    program: self.program,
    version,
    searchPath: env['PATH'] ?? '',
    now: () => new Date(),
    signal,
    onMessage: progress.hear,
    killGroup: self.killGroup,
  }).finally(progress.end);
  print(renderText(results));
  for (const name of fileOptions) {
    writeResult({ option: name, path: options[name] }, writers[name](results));
  }
  return signal.aborted ? interruptedBy(signal.reason) : exitCodes.done;
}

function planOf(options: CostOptionValues, isQuick: boolean): CostPlan {
  return {
    pairs: options.pairs,
    clients: options.clients,
    rounds: options.rounds,
    roundMs: roundMs[isQuick ? 'quick' : 'full'],
    intervalsMs: options.intervals,
    windowMs: options.window,
    starts: options.starts,
    exits: options.exits,
  };
}
