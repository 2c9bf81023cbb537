import { BadValueError } from './bad-value.ts';

const unitMs = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const form = /^(?:(?<h>\d+)h)?(?:(?<m>\d+)m(?!s))?(?:(?<s>\d+)s)?(?:(?<ms>\d+)ms)?$/;

// Node's timers count to 2^31 milliseconds, some 24 days, and fire at once beyond.
const longestMs = 7 * 24 * unitMs.h;

/**
 * The milliseconds of a duration such as `100ms`, `10s`, `5m` or `1h30m`: whole numbers with their
 * units, the larger unit first.
 *
 * @throws BadValueError when it is of another form, shorter than `shortestMs` or longer than a week.
 */
export function parseDuration(text: string, shortestMs = 0): number {
  const parts = form.exec(text)?.groups;
  const durationMs = Object.entries(unitMs).reduce(
    (sum, [unit, ms]) => sum + Number(parts?.[unit] ?? 0) * ms,
    0,
  );
  const isInRange = durationMs >= shortestMs && durationMs <= longestMs;
  if (text === '' || parts === undefined || !isInRange) {
    const range = shortestMs > 0 ? ` from ${shortestMs}ms` : '';
    throw new BadValueError(`a duration such as 100ms, 10s, 5m or 1h30m${range} up to 168h`, text);
  }
  return durationMs;
}
