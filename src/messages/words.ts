import type { TrackedConnection, TrackedConnections } from '../drain/tracked.ts';

const mostNames = 10;

const unitMs = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/** `1 client is connected`, `no client is connected`, `2 clients are connected`. */
export function clientsAreConnected(count: number): string {
  return `${clients(count)} ${count > 1 ? 'are' : 'is'} connected`;
}

export function clients(count: number): string {
  return count === 0 ? 'no client' : count === 1 ? '1 client' : `${count} clients`;
}

/** A duration as the options take it: 90 000 ms are `1m30s`. Fractions of 1 ms are dropped. */
export function formatDuration(durationMs: number): string {
  let rest = Math.floor(durationMs);
  let text = '';
  for (const [unit, ms] of Object.entries(unitMs)) {
    const count = Math.floor(rest / ms);
    rest -= count * ms;
    text += count > 0 ? `${count}${unit}` : '';
  }
  return text === '' ? '0s' : text;
}

/** Seconds for people: to the tenth below ten seconds, whole above. */
export function shortDuration(durationMs: number): string {
  const isShort = durationMs < 10_000;
  return isShort
    ? `${(Math.floor(durationMs / 100) / 10).toString()}s`
    : formatDuration(Math.floor(durationMs / 1000) * 1000);
}

const byteUnits = ['kB', 'MB', 'GB', 'TB'];

/** `870 B`, `1.1 kB`, `12 MB`: rounded down, to two digits at least. */
export function formatBytes(count: number): string {
  let rest = count;
  let unit = 'B';
  for (const larger of byteUnits) {
    if (rest < 1000) {
      break;
    }
    rest /= 1000;
    unit = larger;
  }
  const digits = unit === 'B' || rest >= 10 ? Math.floor(rest) : Math.floor(rest * 10) / 10;
  return `${digits} ${unit}`;
}

/** The first ten connections by name, each with a note. */
export function namesOf(
  tracked: TrackedConnections,
  note: (entry: TrackedConnection) => string,
): string {
  return listed(tracked, (entry) => {
    const noted = note(entry);
    return `${connectionName(entry)}${noted === '' ? '' : ` (${noted})`}`;
  });
}

export function connectionName({ connection }: TrackedConnection): string {
  return connection.peer ?? `a client of ${connection.endpoint}`;
}

/** The first ten of a list, and how many more there are. */
export function listed<Item>(items: readonly Item[], text: (item: Item) => string): string {
  const names = items.slice(0, mostNames).map(text);
  const rest = items.length - names.length;
  return rest > 0 ? `${names.join(', ')} and ${rest} more` : names.join(', ');
}

/** `a, b and c` */
export function joined(parts: readonly string[]): string {
  const last = parts.at(-1) ?? 'nothing';
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`;
}

/** Added to an error where some connections were found all the same. */
export function atLeast(seen: number): string {
  return seen > 0 ? `; at least ${clientsAreConnected(seen)}` : '';
}

export function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

// Characters that act on a terminal or on how a line is shown, and are not seen themselves.
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * A text without control characters, marks of direction or line separators. Names of sockets,
 * processes and builds are chosen by others: they must not add lines, nor rewrite them.
 */
export function visible(text: string): string {
  return text.replace(invisible, escaped);
}

/** A value as one line of JSON whose strings are visible. */
export function visibleJson(value: unknown): string {
  return visible(JSON.stringify(value));
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
