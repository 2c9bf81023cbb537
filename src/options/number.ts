import { BadValueError } from './bad-value.ts';

/** A whole number in decimal digits. @throws BadValueError when it is of another form or outside. */
export function parseWholeNumber(text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || value < least || value > most) {
    throw new BadValueError(`a whole number from ${least} to ${most}`, text);
  }
  return value;
}
