import { BadValueError } from './bad-value.ts';

const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const number = String.raw`\d+(?:\.\d+)?`;
const form = new RegExp(
  `^(?:(?<d>${number})d)?(?:(?<h>${number})h)?(?:(?<m>${number})m(?:in)?(?!s))?` +
    `(?:(?<s>${number})s)?(?:(?<ms>${number})ms)?$`,
);
const withoutUnit = new RegExp(`^${number}$`);

// Node's timers count to 2^31 milliseconds, some 24 days, and fire at once beyond.
const longestMs = 7 * unitMs.d;

/**
 * The milliseconds of a duration such as `100ms`, `1.5s`, `58min` or `1h30m`: numbers with their
 * units, the larger unit first. Fractions of a millisecond are rounded.
 *
 * @throws BadValueError when it is of another form, shorter than `shortestMs` or longer than a week.
 */
export function parseDuration(text: string, shortestMs = 0): number {
  const range = `${shortestMs > 0 ? ` from ${shortestMs}ms` : ''} up to 168h`;
  if (withoutUnit.test(text)) {
    throw new BadValueError(
      `a duration with its unit, such as ${text}ms, ${text}s or ${text}m,${range}`,
      text,
    );
  }
  const parts = form.exec(text)?.groups;
  const durationMs = Object.entries(unitMs).reduce(
    (sum, [unit, ms]) => sum + Number(parts?.[unit] ?? 0) * ms,
    0,
  );
  const isInRange = durationMs >= shortestMs && durationMs <= longestMs;
  if (text === '' || parts === undefined || !isInRange) {
    throw new BadValueError(`a duration such as 100ms, 10s, 5m or 1h30m${range}`, text);
  }
  return Math.round(durationMs);
}
