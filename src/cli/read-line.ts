import { parseArgs } from 'node:util';
import type { Mistake } from '../options/bad-value.ts';
import { nearest } from '../options/nearest.ts';
import type { Flags, OptionSpecs } from '../options/read-options.ts';

/** A command line with mistakes in it, as far as it could be read. */
export interface ReadLine {
  readonly flags: Flags;
  readonly switches: readonly string[];
  readonly mistakes: readonly Mistake[];
}

/**
 * Reads what it can of a command line, words that are neither an option nor its value being mistakes.
 *
 * @param switches options without a value.
 */
export function readLine(
  args: readonly string[],
  specs: OptionSpecs,
  switches: readonly string[],
): ReadLine {
  const names = [...Object.keys(specs), ...switches];
  const options = Object.fromEntries([
    ...Object.keys(specs).map((name) => [name, { type: 'string' }] as const),
    ...switches.map((name) => [name, { type: 'boolean' }] as const),
  ]);
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const flags: Record<string, string | readonly string[]> = {};
  const given: string[] = [];

  const take = (name: string, rawName: string, value: string | undefined): string | null => {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (spec === undefined) {
      return `unknown option ${JSON.stringify(rawName)}${didYouMean(name, names)}`;
    }
    if (value === undefined) {
      return `--${name}: expected ${spec.argument} but received nothing`;
    }
    flags[name] = spec.isList ? [...(flags[name] ?? []), value] : value;
    return null;
  };
  const complaints = tokens.flatMap((token) => {
    if (token.kind === 'positional') {
      return [`unexpected argument ${JSON.stringify(token.value)}`];
    }
    if (token.kind === 'option' && switches.includes(token.name)) {
      given.push(token.name);
      return [];
    }
    return token.kind === 'option' ? (take(token.name, token.rawName, token.value) ?? []) : [];
  });
  const mistakes = complaints.map((message) => {
    return { level: 'error' as const, message, instead: 'going on without it', isOurs: true };
  });
  return { flags, switches: given, mistakes };
}

function didYouMean(name: string, names: readonly string[]): string {
  const meant = nearest(name, names);
  return meant === null ? '' : ` (did you mean --${meant}?)`;
}
