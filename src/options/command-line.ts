import { parseArgs } from 'node:util';
import type { Flags, Mistake, OptionSpecs } from './read.ts';

/** A command line, as far as it could be read. */
export interface CommandLine {
  readonly flags: Flags;
  readonly switches: readonly string[];
  readonly mistakes: readonly Mistake[];
}

/**
 * Reads a command line. Never throws: an unknown option, a missing value, and a word that is neither an option nor its
 * value are mistakes.
 *
 * @param switches options without a value, each with its short form or null.
 */
export function readCommandLine(
  args: readonly string[],
  specs: OptionSpecs,
  switches: Readonly<Record<string, string | null>>,
): CommandLine {
  const names = [...Object.keys(specs), ...Object.keys(switches)];
  const options = Object.fromEntries([
    ...Object.keys(specs).map((name) => [name, { type: 'string' }] as const),
    ...Object.entries(switches).map(
      ([name, short]) => [name, { type: 'boolean', ...(short !== null && { short }) }] as const,
    ),
  ]);
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const flags: Record<string, string | readonly string[]> = {};
  const given: string[] = [];

  const take = (name: string, rawName: string, value: string | undefined): string | null => {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (spec === undefined) {
      return `unknown option ${JSON.stringify(rawName)}${didYouMean(name, names, '--')}`;
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
    if (token.kind === 'option' && Object.hasOwn(switches, token.name)) {
      if (token.value !== undefined) {
        return [`--${token.name}: expected no value but received ${JSON.stringify(token.value)}`];
      }
      given.push(token.name);
      return [];
    }
    return token.kind === 'option' ? (take(token.name, token.rawName, token.value) ?? []) : [];
  });
  return { flags, switches: given, mistakes: complaints.map(ignoredMistake) };
}

/** A mistake without an effect on any option. */
export function ignoredMistake(message: string): Mistake {
  return { level: 'error', message, instead: 'going on without it', isOurs: true };
}

/** ` (did you mean --interval?)`, or nothing where no name is similar. */
export function didYouMean(name: string, names: readonly string[], prefix = ''): string {
  const meant = nearest(name, names);
  return meant === null ? '' : ` (did you mean ${prefix}${meant}?)`;
}

/** The name that begins with a mistyped one, or the most similar one; null where none is similar enough. */
export function nearest(name: string, names: readonly string[]): string | null {
  const longer = names.find((each) => name.length > 1 && each.startsWith(name));
  if (longer !== undefined) {
    return longer;
  }
  const most = Math.max(name.length > 3 ? 2 : 1, Math.floor(name.length / 3));
  let best: { readonly name: string; readonly distance: number } | null = null;
  for (const each of names) {
    const distance = editDistance(name, each);
    if (distance <= most && distance < (best?.distance ?? Infinity)) {
      best = { name: each, distance };
    }
  }
  return best?.name ?? null;
}

/** How many characters must be inserted, removed or replaced. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [line, character] of [...one].entries()) {
    const next = [line + 1];
    for (let at = 1; at <= other.length; at += 1) {
      const replaced = (row[at - 1] ?? 0) + (other[at - 1] === character ? 0 : 1);
      next.push(Math.min(replaced, (row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
