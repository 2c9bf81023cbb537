import { expect, it } from 'vitest';
import { soak } from './soak.ts';

it('waits beside clients and faults at random end neither early nor wrongly', async ({
  annotate,
}) => {
  const { record, growth } = await soak({ seed: 372, lengthMs: 10_000, onProgress: annotate });
  expect(record.findings).toEqual([]);
  expect(growth.filter(({ verdict }) => verdict === 'growing')).toEqual([]);
  expect(record.stats.get('waits ended as drained with code 0')).toBeGreaterThan(3);
  expect(record.stats.get('lines judged')).toBeGreaterThan(0);
}, 240_000);
