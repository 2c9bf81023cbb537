import { parseArgs } from 'node:util';
import type { Flags } from '../options/read-options.ts';
import { waitOptions } from '../options/wait-options.ts';

/**
 * The options of a command line that asks to wait, and for nothing else: what hooks say. Null for
 * any other, mistakes among them, which is for commander to read and to answer. Loading commander is
 * what a start would cost most.
 */
export function plainWaitFlags(argv: readonly string[]): Flags | null {
  const options = Object.fromEntries(
    Object.entries(waitOptions).map(([name, { isList }]) => [
      name,
      { type: 'string', multiple: isList } as const,
    ]),
  );
  try {
    const { values } = parseArgs({ args: argv.slice(argv[0] === 'wait' ? 1 : 0), options });
    return values as Flags;
  } catch {
    return null;
  }
}
