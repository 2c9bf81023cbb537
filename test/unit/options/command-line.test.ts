import { describe, expect, it } from 'vitest';
import { unknownCommand } from '../../../src/cli/command-names.ts';
import { readCommandLine } from '../../../src/options/command-line.ts';
import { waitOptions } from '../../../src/options/table.ts';

const read = (...args: readonly string[]) =>
  readCommandLine(args, waitOptions, { check: null, help: 'h' });

describe('a command line', () => {
  it.for([
    [[], {}],
    [['--interval', '1s'], { interval: '1s' }],
    [['--interval=1s', '--interval=2s'], { interval: '2s' }],
    [['--addr', 'tcp://a:1', '--addr=tcp://b:2'], { addr: ['tcp://a:1', 'tcp://b:2'] }],
    [['--log-prefix=', '--log-to=a=b'], { 'log-prefix': '', 'log-to': 'a=b' }],
    [['--log-prefix=--help'], { 'log-prefix': '--help' }],
  ] as const)('has the values of options: %j', ([args, flags]) => {
    expect(read(...args)).toEqual({ flags, switches: [], mistakes: [] });
  });

  it.for([
    [['--check'], ['check']],
    [['-h', '--interval=1s'], ['help']],
    [
      ['--help', '--check'],
      ['help', 'check'],
    ],
  ] as const)('has switches: %j', ([args, switches]) => {
    expect(read(...args)).toMatchObject({ switches, mistakes: [] });
  });

  it.for([
    [['--interval'], '--interval: expected <duration> but received nothing'],
    [['--intervall', '5s'], 'unknown option "--intervall" (did you mean --interval?)'],
    [['--interv=5s'], 'unknown option "--interv" (did you mean --interval?)'],
    [['--no-interval'], 'unknown option "--no-interval" (did you mean --interval?)'],
    [['--json'], 'unknown option "--json"'],
    [['-x'], 'unknown option "-x"'],
    [['wait'], 'unexpected argument "wait"'],
    [['--interval', '1s', 'status'], 'unexpected argument "status"'],
  ] as const)('reports mistakes, and reads the rest: %j', ([args, message]) => {
    const { flags, mistakes } = read('--timeout=5m', ...args);
    expect(flags['timeout']).toBe('5m');
    expect(mistakes[0]).toMatchObject({ message, isOurs: true });
  });
});

it.each([
  ['stat', 'unknown command "stat" (did you mean status?)'],
  ['wiat', 'unknown command "wiat" (did you mean wait?)'],
  ['hlep', 'unknown command "hlep" (did you mean help?)'],
  ['drain', 'unknown command "drain"'],
])('the unknown command %s is reported with the nearest command', (name, message) => {
  expect(unknownCommand(name)).toBe(message);
});
