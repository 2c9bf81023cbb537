import { quantileOf } from './growth.ts';
import type { SoakResult } from './soak.ts';

/** Whether nothing was found that must not be. */
export function isClean({ record, growth }: SoakResult): boolean {
  return record.findings.length === 0 && growth.every(({ verdict }) => verdict !== 'growing');
}

/** The result as lines for people. */
export function resultText(result: SoakResult): string {
  const { record, growth } = result;
  return [
    ...[...record.stats]
      .toSorted()
      .map(([what, number]) => `${String(number).padStart(9)}  ${what}`),
    '',
    ...lateness(record.lateMs),
    '',
    'process        figure          2nd quarter  last quarter  slope per hour        verdict',
    ...growth.map((each) =>
      [
        each.process.padEnd(14),
        each.name.padEnd(15),
        String(Math.round(each.secondQuarter)).padStart(11),
        String(Math.round(each.lastQuarter)).padStart(13),
        `${each.slopePerHour.toFixed(1)} ± ${each.slopeError.toFixed(1)}`.padStart(21),
        ` ${each.verdict}`,
      ].join(' '),
    ),
    '',
    ...record.cutShort.map((text) => `CUT SHORT ${text}`),
    ...record.latecomers.map((text) => `LATE ${text}`),
    ...record.findings.map(
      ({ kind, subject, text }) => `${kind.toUpperCase()} ${subject}: ${text}`,
    ),
    isClean(result) ? 'Nothing was found.' : `${record.findings.length} findings.`,
  ].join('\n');
}

function lateness(lateMs: SoakResult['record']['lateMs']): string[] {
  return Object.entries(lateMs).map(([which, all]) => {
    const at = (fraction: number): string => quantileOf(all, fraction).toFixed(0);
    return `late by (ms), ${which}, ${all.length} waits: least ${at(0)}, median ${at(0.5)}, 90 % ${at(0.9)}, 99 % ${at(0.99)}, most ${at(1)}`;
  });
}

/** The result as JSON. */
export function resultJson({ record, ...others }: SoakResult): string {
  const { stats, findings, lateMs, latecomers, cutShort } = record;
  const value = {
    ...others,
    stats: Object.fromEntries(stats),
    findings,
    lateMs,
    latecomers,
    cutShort,
  };
  return `${JSON.stringify(value, null, 1)}\n`;
}
