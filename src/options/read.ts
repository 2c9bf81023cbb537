import { BadValueError, oneOf } from './values.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Values as given on the command line, by option name; a repeatable option's as a list. */
export type Flags = Readonly<Record<string, string | readonly string[] | undefined>>;

/** An invalid setting. */
export interface Mistake {
  readonly level: 'warn' | 'error';
  /** Its source, what was expected and what was received. */
  readonly message: string;
  /** What a command does instead if it goes on: `going on with the default: 10s`. */
  readonly instead: string;
  /** Whether it was meant for this tool, and not for another program that uses the same variable. */
  readonly isOurs: boolean;
}

/** The value of one option, and its source. */
export interface Setting {
  readonly name: string;
  readonly text: string;
  /** The flag or the variable that set it; null for the default. */
  readonly source: string | null;
}

/** One option: a flag, an environment variable, and for some the old script's setting. */
export interface OptionSpec<Value> {
  /** Empty for a switch: its flag stands for `true`. */
  readonly argument: string;
  readonly summary: string;
  /** The default as a user would write it; empty for none. */
  readonly standard: string;
  readonly isList: boolean;
  readonly parse: (texts: readonly string[]) => Value;
  readonly script?: ScriptSetting<Value> | undefined;
}

/** A setting of the shell script that this tool replaces, under its name there. */
export interface ScriptSetting<Value> {
  readonly name: string;
  /** Undefined where the value is not meant for this tool. */
  readonly parse: (text: string) => Value | undefined;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec<unknown>>>;

export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: ReturnType<Specs[Name]['parse']>;
};

/** A mistake in the call of the program: the option, what was expected, what was received. */
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

/** A flag without a value, off by default. Its variable is `true` or `false`. */
export function toggle(summary: string): OptionSpec<boolean> {
  const parse = oneOf(['false', 'true']);
  return single('', summary, 'false', (text) => parse(text) === 'true');
}

export function list<Value>(
  argument: string,
  summary: string,
  parse: (texts: readonly string[]) => Value,
): OptionSpec<Value> {
  return { argument, summary, standard: '', isList: true, parse };
}

/** The environment variable of an option; of a repeatable one it holds a list with commas. */
export function variableOf(option: string): string {
  return `BUILDKIT_DRAIN_${option.toUpperCase().replaceAll('-', '_')}`;
}

/** The text given for an option, and its source. */
interface Given<Value> {
  /** The flag or the variable. */
  readonly source: string;
  readonly texts: readonly string[];
  readonly parse: (texts: readonly string[]) => Value;
  readonly isOurs: boolean;
}

/** All values, with defaults instead of invalid ones. */
export interface Settings<Specs extends OptionSpecs> {
  readonly values: OptionValues<Specs>;
  readonly settings: readonly Setting[];
  readonly mistakes: readonly Mistake[];
}

/**
 * The values of all options. A flag wins over its environment variable, that over the script's
 * setting, and that over the default. An empty variable counts as unset, and so does an empty part of a list.
 * Never throws: an invalid value is a mistake, and the default is used.
 */
export function readSettings<Specs extends OptionSpecs>(
  specs: Specs,
  flags: Flags,
  env: Environment,
): Settings<Specs> {
  const mistakes: Mistake[] = [];
  const settings: Setting[] = [];
  const values = Object.entries(specs).map(([name, spec]) => {
    const given = givenTo(name, spec, flags[name], env);
    const value = given === null ? undefined : parseGiven(given, spec, mistakes);
    const isTaken = given !== null && value !== undefined;
    settings.push({
      name,
      text: isTaken ? given.texts.join(', ') : spec.standard,
      source: isTaken ? given.source : null,
    });
    return [name, isTaken ? value : spec.parse(spec.isList ? [] : [spec.standard])];
  });
  return { values: Object.fromEntries(values) as OptionValues<Specs>, settings, mistakes };
}

/**
 * The same for a command that a mistake ends. An invalid value in a variable of other programs counts as unset.
 *
 * @throws UsageError
 */
export function readOptions<Specs extends OptionSpecs>(
  specs: Specs,
  flags: Flags,
  env: Environment,
): OptionValues<Specs> {
  return withoutMistakes(readSettings(specs, flags, env)).values;
}

/** @throws UsageError where there is a mistake of ours. */
export function withoutMistakes<Read extends { readonly mistakes: readonly Mistake[] }>(
  read: Read,
): Read {
  const mistake = read.mistakes.find(({ isOurs }) => isOurs);
  if (mistake !== undefined) {
    throw new UsageError(mistake.message);
  }
  return read;
}

function givenTo(
  name: string,
  { isList, parse, script }: OptionSpec<unknown>,
  flag: string | readonly string[] | undefined,
  env: Environment,
): Given<unknown> | null {
  if (flag !== undefined) {
    return { source: `--${name}`, texts: [flag].flat(), parse, isOurs: true };
  }
  const variable = variableOf(name);
  const text = env[variable] ?? '';
  const texts = isList ? text.split(',').map((part) => part.trim()) : [text];
  const isThere = texts.filter((part) => part !== '');
  if (isThere.length > 0) {
    return { source: variable, texts: isThere, parse, isOurs: true };
  }
  const scriptText = script && env[script.name];
  return script && scriptText
    ? {
        source: script.name,
        texts: [scriptText],
        parse: () => script.parse(scriptText),
        isOurs: false,
      }
    : null;
}

/** Undefined where it is invalid. */
function parseGiven(
  { source, texts, parse, isOurs }: Given<unknown>,
  { standard }: OptionSpec<unknown>,
  mistakes: Mistake[],
): unknown {
  try {
    return parse(texts);
  } catch (error) {
    if (!(error instanceof BadValueError)) {
      throw error;
    }
    mistakes.push({
      level: isOurs ? 'error' : 'warn',
      message: `${source}: ${error.message}`,
      instead: standard === '' ? 'going on without it' : `going on with the default: ${standard}`,
      isOurs,
    });
    return undefined;
  }
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
