import type { Command } from 'commander';
import { methodNames } from '../../../bench/accuracy/sources.ts';
import { type BenchContext, compareFiles, runAccuracy, runCost } from '../../../bench/main.ts';
import { accuracyOptions, costOptions } from '../../../bench/options.ts';
import { bundledNode } from '../../bundle/bundle.ts';
import { readOptions } from '../../options/read.ts';
import { exitCodes, interruptedBy } from '../exit-codes.ts';
import { addOptions, flagsOf } from '../flags.ts';
import type { CommandContext } from '../process-context.ts';

const costNotes = `
Opens sockets on the loopback interface, in a network namespace of its own where
that is allowed, and sends nothing anywhere else. A full run takes some twenty
minutes. Ctrl-C ends it, and prints what was measured by then.`;

const accuracyNotes = `
Opens connections on the loopback interface and on a unix socket, in a network
namespace of its own where that is allowed, and sends nothing anywhere else. A
full run takes some ten minutes. Ctrl-C ends it, and keeps what was measured.
Methods: ${methodNames.join(', ')}.`;

interface Switches {
  readonly quick?: boolean;
  readonly compare?: readonly string[];
}

/** Adds `buildkit-drain bench`. */
export function addBench(bench: Command, context: CommandContext): void {
  addCost(bench, context);
  addAccuracy(bench, context);
}

function addCost(bench: Command, context: CommandContext): void {
  const cost = bench
    .command('cost')
    .description('Measure what polling costs, compared with other methods.')
    .option('--quick', 'fewer sizes, in less than a minute')
    .addHelpText('after', costNotes)
    .action(async ({ quick = false }: Switches, command: Command) => {
      const specs = costOptions(quick);
      const options = readOptions(specs, flagsOf(command, specs), {});
      await runCost(options, quick, benchContext(context));
      exitOf(context);
    });
  addOptions(cost, costOptions(false));
}

function addAccuracy(bench: Command, context: CommandContext): void {
  const accuracy = bench
    .command('accuracy')
    .description('Measure how well connections are detected, compared with other methods.')
    .option('--quick', 'fewer lifetimes and methods, in less than 20 seconds')
    .option('--compare <files...>', 'measure nothing: print two files of --json side by side')
    .addHelpText('after', accuracyNotes)
    .action(async ({ quick = false, compare }: Switches, command: Command) => {
      const specs = accuracyOptions(quick, methodNames);
      const options = readOptions(specs, flagsOf(command, specs), {});
      if (compare === undefined) {
        await runAccuracy(options, benchContext(context));
      } else {
        compareFiles(compare, context.process.print);
      }
      exitOf(context);
    });
  addOptions(accuracy, accuracyOptions(false, methodNames));
}

function benchContext({ version, process }: CommandContext): BenchContext {
  const { env, signal, print, printError, self } = process;
  const { node, nodeVersion, program, killGroup } = self;
  return {
    ...{ version, signal, print, printError, node, nodeVersion, program, killGroup },
    isBundle: bundledNode() !== null,
    searchPath: env['PATH'] ?? '',
  };
}

function exitOf({ process: { signal }, exit }: CommandContext): void {
  exit(signal.aborted ? interruptedBy(signal.reason) : exitCodes.done);
}
