import type { Command } from 'commander';
import type { CommandContext } from '../../src/cli/process-context.ts';
import { addBenchAccuracy } from './accuracy.ts';
import { addBenchCost } from './cost.ts';

/** Adds `buildkit-drain bench`, for those command lines alone that need it. */
export function addBench(program: Command, { version, process, exit }: CommandContext): void {
  const bench = program
    .command('bench')
    .description('Measure how well looking works on this very node.');
  addBenchCost(bench, version, process, exit);
  addBenchAccuracy(bench, version, process, exit);
}
