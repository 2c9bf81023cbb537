import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isOldNode, oldestNode } from '../../../src/messages/problems.ts';

test('the oldest Node.js is that of package.json', () => {
  const file = new URL('../../../package.json', import.meta.url);
  const { engines } = JSON.parse(readFileSync(file, 'utf8')) as { engines: { node: string } };
  expect(engines.node).toBe(`>=${oldestNode}`);
  expect(['v16.20.2', 'v18.20.8', 'v20.16.0'].map(isOldNode)).toEqual([true, true, true]);
  expect(['v20.17.0', 'v20.19.5', 'v22.0.0', 'v26.1.0'].some(isOldNode)).toBe(false);
});
