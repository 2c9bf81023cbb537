import { expect, test } from 'vitest';
import { drainDefaults } from '../../src/drain/defaults.ts';
import { readOptions } from '../../src/options/read-options.ts';
import { waitOptions } from '../../src/options/wait-options.ts';

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
    onBlind: options['on-blind'],
    progressEveryMs: options['progress-every'],
  });
});
