import { BadValueError } from './bad-value.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Values as given on the command line, by option name; a repeatable option's as a list. */
export type Flags = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One option: a flag, an environment variable, and for some the old script's setting. */
export interface OptionSpec<Value> {
  readonly argument: string;
  readonly summary: string;
  /** The default as one would write it; empty for none. */
  readonly standard: string;
  readonly isList: boolean;
  readonly parse: (texts: readonly string[]) => Value;
  readonly script?: ScriptSetting<Value> | undefined;
}

/** A setting of the shell script that this tool replaces, under its name there. */
export interface ScriptSetting<Value> {
  readonly name: string;
  readonly parse: (text: string) => Value;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec<unknown>>>;

export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: ReturnType<Specs[Name]['parse']>;
};

/** A mistake in how the program was called: which option, what was expected, what was received. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'ERR_USAGE';
}

export function single<Value>(
  argument: string,
  summary: string,
  standard: string,
  parse: (text: string) => Value,
  script?: ScriptSetting<Value>,
): OptionSpec<Value> {
  const parseLast = (texts: readonly string[]): Value => parse(texts.at(-1) ?? '');
  return { argument, summary, standard, isList: false, parse: parseLast, script };
}

export function list<Value>(
  argument: string,
  summary: string,
  parse: (texts: readonly string[]) => Value,
): OptionSpec<Value> {
  return { argument, summary, standard: '', isList: true, parse };
}

/** The environment variable of an option; of a repeatable one it holds a list with commas. */
function variableOf(option: string): string {
  return `BUILDKIT_DRAIN_${option.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * The values of all options. A flag wins over its environment variable, that over the script's
 * setting, and that over the default. An empty variable is as good as none.
 *
 * @throws UsageError
 */
export function readOptions<Specs extends OptionSpecs>(
  specs: Specs,
  flags: Flags,
  env: Environment,
): OptionValues<Specs> {
  const values = Object.entries(specs).map(([name, spec]) => [
    name,
    readOption(name, spec, flags[name], env),
  ]);
  return Object.fromEntries(values) as OptionValues<Specs>;
}

function readOption(
  name: string,
  spec: OptionSpec<unknown>,
  flag: string | readonly string[] | undefined,
  env: Environment,
): unknown {
  if (flag !== undefined) {
    return parseFrom(`--${name}`, () => spec.parse([flag].flat()));
  }
  const variable = variableOf(name);
  const text = env[variable];
  if (text) {
    const texts = spec.isList ? text.split(',').map((part) => part.trim()) : [text];
    return parseFrom(variable, () => spec.parse(texts));
  }
  const { script } = spec;
  const scriptText = script && env[script.name];
  if (script && scriptText) {
    return parseFrom(script.name, () => script.parse(scriptText));
  }
  return spec.parse(spec.isList ? [] : [spec.standard]);
}

/** Names the option, or the variable, in the error about its value. @throws UsageError */
export function parseFrom<Value>(source: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (error instanceof BadValueError) {
      throw new UsageError(`${source}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
