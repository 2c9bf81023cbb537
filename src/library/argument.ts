import { inspect } from 'node:util';

/** Throws where a value is not what it has to be; `name` says which one it is. */
export type Check = (value: unknown, name: string) => void;

const longestShown = 80;

function refusal(kind: ErrorConstructor, expected: string, name: string, value: unknown): Error {
  const text = inspect(value, { depth: 0, breakLength: Infinity });
  const shown = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  const message = `expected ${expected} for ${name} but received ${shown}`;
  return Object.assign(new kind(message), { code: 'ERR_BAD_VALUE' });
}

/** Of a wrong type. The code is that of `BadValueError`. */
function wrongType(expected: string, name: string, value: unknown): Error {
  return refusal(TypeError, expected, name, value);
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

export function oneOf(choices: readonly string[]): Check {
  const expected = choices.map((choice) => `'${choice}'`).join(' or ');
  return (value, name) => {
    if (typeof value !== 'string') {
      throw wrongType(expected, name, value);
    }
    if (!choices.includes(value)) {
      throw refusal(RangeError, expected, name, value);
    }
  };
}

export function nullOr(check: Check): Check {
  return (value, name) => value === null || check(value, name);
}

export function optional(check: Check): Check {
  return (value, name) => value === undefined || check(value, name);
}

/** An object, or what else has such properties. */
export function withFields(expected: string, fields: Readonly<Record<string, Check>>): Check {
  return (value, name) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
      throw wrongType(expected, name, value);
    }
    for (const [key, check] of Object.entries(fields)) {
      check((value as Record<string, unknown>)[key], `${name}.${key}`);
    }
  };
}

export function listOf(expected: string, check: Check, least = 0): Check {
  return (value, name) => {
    if (!Array.isArray(value)) {
      throw wrongType(expected, name, value);
    }
    if (value.length < least) {
      throw refusal(RangeError, expected, name, value);
    }
    for (const [index, item] of value.entries()) {
      check(item, `${name}[${index}]`);
    }
  };
}
