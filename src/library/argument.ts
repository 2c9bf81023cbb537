import { inspect } from 'node:util';
import { BadValueError, choiceOfText } from '../options/values.ts';

/** Throws if a value is not as expected; `name` says which argument it is. */
export type Check = (value: unknown, name: string) => void;

const longestShown = 80;

function refusal(kind: ErrorConstructor, expected: string, name: string, value: unknown): Error {
  const text = inspect(value, { depth: 0, breakLength: Infinity });
  const shown = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  const message = `expected ${expected} for ${name} but received ${shown}`;
  return Object.assign(new kind(message), { code: 'ERR_BAD_VALUE' });
}

/** For a value of the wrong type. The code is that of `BadValueError`. */
function wrongType(expected: string, name: string, value: unknown): Error {
  return refusal(TypeError, expected, name, value);
}

/** A `BadValueError` about this argument, so that it says which one is meant; other errors as they are. */
export function aboutArgument(name: string, value: unknown, error: unknown): unknown {
  return error instanceof BadValueError ? refusal(RangeError, error.expected, name, value) : error;
}

export function ofType(
  type: 'string' | 'boolean' | 'function',
  expected: string = `a ${type}`,
): Check {
  return (value, name) => {
    if (typeof value !== type) {
      throw wrongType(expected, name, value);
    }
  };
}

export function numberWithin(expected: string, isWithin: (value: number) => boolean): Check {
  return (value, name) => {
    if (typeof value !== 'number') {
      throw wrongType(expected, name, value);
    }
    if (!isWithin(value)) {
      throw refusal(RangeError, expected, name, value);
    }
  };
}

export function choiceOf(choices: readonly string[]): Check {
  const expected = choiceOfText(choices);
  return (value, name) => {
    if (typeof value !== 'string') {
      throw wrongType(expected, name, value);
    }
    if (!choices.includes(value)) {
      throw refusal(RangeError, expected, name, value);
    }
  };
}

/** A text that the command line would take, refused in the same words. */
export function parsedBy(parse: (text: string) => unknown): Check {
  const text = ofType('string');
  return (value, name) => {
    text(value, name);
    try {
      parse(value as string);
    } catch (error) {
      throw aboutArgument(name, value, error);
    }
  };
}

export function nullOr(check: Check): Check {
  return (value, name) => value === null || check(value, name);
}

export function optional(check: Check): Check {
  return (value, name) => value === undefined || check(value, name);
}

type Fields = Readonly<Record<string, Check>>;

/** Any object with these properties. */
export function withFields(expected: string, fields: Fields): Check {
  return (value, name) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
      throw wrongType(expected, name, value);
    }
    for (const [key, check] of Object.entries(fields)) {
      check((value as Record<string, unknown>)[key], `${name}.${key}`);
    }
  };
}

/** Options, each of which may be missing. One that does not exist is a mistake in its name. */
export function optionsOf(fields: Fields): Check {
  const names = Object.keys(fields);
  const optionals = names.map((name) => [name, optional(fields[name] as Check)] as const);
  const check = withFields('options', Object.fromEntries(optionals));
  return (value, name) => {
    check(value, name);
    for (const key of Object.keys(value as object)) {
      if (!names.includes(key)) {
        const expected = names.length === 0 ? 'no options' : `an option (${names.join(', ')})`;
        throw refusal(RangeError, expected, name, key);
      }
    }
  };
}

/** Neither of the two without the other. */
export function bothOrNeither(one: string, other: string): Check {
  return (value, name) => {
    const fields = value as Record<string, unknown>;
    if ([one, other].filter((field) => (fields[field] ?? null) !== null).length === 1) {
      throw refusal(RangeError, `${one} and ${other}, or neither,`, name, value);
    }
  };
}

export function arrayOf(expected: string, check: Check): Check {
  return (value, name) => {
    if (!Array.isArray(value)) {
      throw wrongType(expected, name, value);
    }
    for (const [index, item] of value.entries()) {
      check(item, `${name}[${index}]`);
    }
  };
}
