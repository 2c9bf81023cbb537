import { type Command, Option } from 'commander';
import type { Flags, OptionSpecs } from '../options/read.ts';
import { optionGroups } from '../options/table.ts';

/** Adds options to a command, each under its heading in the help. */
export function addOptions(command: Command, specs: OptionSpecs): void {
  for (const [name, spec] of Object.entries(specs)) {
    const { argument, summary, standard, isList } = spec;
    const standardNote = standard === '' || argument === '' ? '' : ` (${standard})`;
    const option = new Option(`--${name} ${argument}`.trimEnd(), `${summary}${standardNote}`);
    const [heading] = Object.entries(optionGroups).find(([, of]) => of.includes(spec)) ?? [];
    if (heading !== undefined) {
      option.helpGroup(heading);
    }
    command.addOption(isList ? option.argParser(collect) : option);
  }
}

/** The values of those options on the command line. */
export function flagsOf(command: Command, specs: OptionSpecs): Flags {
  const given: Record<string, string | readonly string[] | true | undefined> = command.opts();
  return Object.fromEntries(
    Object.keys(specs).map((name) => {
      const value = given[new Option(`--${name}`).attributeName()];
      return [name, value === true ? 'true' : value];
    }),
  );
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}
