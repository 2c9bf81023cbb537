import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isoTime } from '../../../src/messages/iso-time.ts';

describe('a time in the log', () => {
  it('is what toISOString gives, for every year', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), (date) => {
        expect(isoTime(date)).toBe(date.toISOString());
      }),
    );
    for (const text of ['2026-01-02T03:04:05.006Z', '2024-02-29T23:59:59.999Z']) {
      expect(isoTime(new Date(text))).toBe(text);
    }
  });
});
