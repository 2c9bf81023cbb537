import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { drainDefaults } from '../../../src/drain/types.ts';
import { isOldNode, oldestNode } from '../../../src/messages/problems.ts';
import { readOptions } from '../../../src/options/read.ts';
import { waitOptions } from '../../../src/options/table.ts';

test('the defaults of the library are those of the command line', () => {
  const options = readOptions(waitOptions, {}, {});
  expect(drainDefaults).toEqual({
    intervalMs: options.interval,
    quietPeriodMs: options['quiet-period'],
    timeoutMs: options.timeout,
    minWaitMs: options['min-wait'],
    maxConnections: options['max-connections'],
    counts: expect.any(Function),
    probeGraceMs: options['probe-grace'],
    ignoreSilentMs: options['ignore-silent'],
    ignoreUnreachableMs: options['ignore-unreachable'],
    builds: options.builds,
    onUnknown: options['on-unknown'],
    progressEveryMs: options['progress-every'],
  });
});

test('the oldest Node.js is that of package.json', () => {
  const file = new URL('../../../package.json', import.meta.url);
  const { engines } = JSON.parse(readFileSync(file, 'utf8')) as { engines: { node: string } };
  expect(engines.node).toBe(`>=${oldestNode}`);
  expect(['v16.20.2', 'v18.20.8', 'v20.16.0'].map(isOldNode)).toEqual([true, true, true]);
  expect(['v20.17.0', 'v20.19.5', 'v22.0.0', 'v26.1.0'].some(isOldNode)).toBe(false);
});
