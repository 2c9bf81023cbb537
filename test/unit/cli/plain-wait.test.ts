import { describe, expect, it } from 'vitest';
import { plainWaitFlags } from '../../../src/cli/plain-wait.ts';

describe('a command line that is read without commander', () => {
  it.for([
    [[], {}],
    [['wait'], {}],
    [['wait', '--interval', '1s'], { interval: '1s' }],
    [['--interval=1s', '--interval=2s'], { interval: '2s' }],
    [['--addr', 'tcp://a:1', '--addr=tcp://b:2'], { addr: ['tcp://a:1', 'tcp://b:2'] }],
    [['wait', '--log-prefix=', '--log-to=a=b'], { 'log-prefix': '', 'log-to': 'a=b' }],
    [['--log-prefix=--help'], { 'log-prefix': '--help' }],
  ] as const)('is one that waits: %j', ([argv, flags]) => {
    expect({ ...plainWaitFlags(argv) }).toEqual(flags);
  });

  it.for([
    [['status']],
    [['bench', 'cost']],
    [['--help']],
    [['wait', '-h']],
    [['--version']],
    [['wait', '--interval']],
    [['wait', '--log-prefix', '--help']],
    [['wait', '--no-interval']],
    [['wait', '--json']],
    [['wait', 'wait']],
    [['--interval', '1s', 'status']],
  ] as const)('is no other, and no mistake: %j', ([argv]) => {
    expect(plainWaitFlags(argv)).toBeNull();
  });
});
