/** Values with commas between them; what stands there twice is measured once. */
export function listOf<Value>(parse: (text: string) => Value): (text: string) => readonly Value[] {
  return (text) => [...new Set(text.split(',').map((part) => parse(part.trim())))];
}

export function ascending(parse: (text: string) => number): (text: string) => readonly number[] {
  return (text) => listOf(parse)(text).toSorted((one, other) => one - other);
}

export function noneOr(
  parse: (text: string) => readonly number[],
): (text: string) => readonly number[] {
  return (text) => (text === 'none' ? [] : parse(text));
}
