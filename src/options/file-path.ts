import { BadValueError } from './bad-value.ts';

/** The path of a file, or null for the word none. @throws BadValueError */
export function parseFile(text: string): string | null {
  if (text === '' || text.endsWith('/') || text.includes('\0')) {
    throw new BadValueError('the path of a file, or none,', text);
  }
  return text === 'none' ? null : text;
}
