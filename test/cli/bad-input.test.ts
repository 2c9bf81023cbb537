import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/command-names.ts';
import { cliPath, parseLog } from '../support/cli.ts';
import { type Ended, run } from '../support/running.ts';

function cli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return run([process.execPath, cliPath, ...args], { env }).ended;
}

const duration = 'a duration such as 100ms, 10s, 5m or 1h30m';
const unit = (value: string) =>
  `a duration with its unit, such as ${value}ms, ${value}s or ${value}m,`;
const address = 'an address such as tcp://0.0.0.0:1234 or unix:///run/buildkit/buildkitd.sock';
const cidr = 'an IP address or a CIDR block such as 10.0.0.0/8 or fd00::/8';

/** Every option, what it expects, and values that are something else. */
const wrongValues: readonly (readonly [string, string, readonly string[]])[] = [
  ['interval', `${duration} from 1ms up to 168h`, ['', '0ms', '0.5ms', '-1s', '169h', 'fast']],
  ['quiet-period', `${duration} up to 168h`, ['', '-5s', '1e3s', '10 s', '.5s', 'none']],
  ['timeout', `${duration} from 1ms up to 168h`, ['', '0s', 'never', '5 min', '8d']],
  ['min-wait', `${duration} up to 168h`, ['1w', '-1s', '999999h']],
  ['probe-grace', `${duration} up to 168h`, ['', '-1s', 'off']],
  ['ignore-silent', `${duration} from 45000ms up to 168h`, ['', '44s', '0s', 'on', 'OFF']],
  ['ignore-unreachable', `${duration} from 30000ms up to 168h`, ['', '29s', 'none']],
  ['progress-every', `${duration} from 100ms up to 168h`, ['0s', '99ms', 'none']],
  ['interval', `${unit('5')} from 1ms up to 168h`, ['5']],
  ['timeout', `${unit('3480')} from 1ms up to 168h`, ['3480']],
  ['quiet-period', `${unit('1.5')} up to 168h`, ['1.5']],
  [
    'max-connections',
    'a whole number from 0 to 1000000',
    ['', '-1', '1.5', 'many', '1000001', '0x10', '1e3', ' 1'],
  ],
  [
    'addr',
    address,
    ['', 'localhost:1234', 'http://x:1', 'tcp://host', 'tcp://:', 'unix://relative', 'fd://3'],
  ],
  [
    'pid',
    'a whole number from 1 to 4194304',
    ['', '0', '-1', '1.5', '0x10', '4194305', 'self', 'buildkitd', ' 1'],
  ],
  ['addr', '', ['tcp://host:0', 'tcp://host:65536']],
  ['addr', 'an IPv6 address within the brackets', ['tcp://[zz]:1', 'tcp://[127.0.0.1]:1234']],
  ['addr', 'a socket path of at most 107 bytes', [`unix:///${'p'.repeat(107)}`]],
  ['addr', 'a socket path without control characters', ['unix:///run/a\nb']],
  [
    'ignore-peer',
    cidr,
    ['', '10.0.0.0/33', 'fd00::/129', '10.0.0.0/8/8', '10.0.0', 'host', '10.0.0.0/', '::1%lo'],
  ],
  ['backend', 'one of auto, sock-diag, procfs', ['', 'netstat', 'AUTO', 'sock_diag']],
  ['on-unknown', 'one of hold, exit', ['', 'wait', 'Hold', '0']],
  ['log-format', 'one of json, text', ['', 'xml', 'JSON']],
  ['log-level', 'one of debug, info, warn, error', ['', 'loud', 'warning', '3']],
  [
    'log-to',
    'auto, stderr, pod, or the path of a file with a / in it',
    ['', 'stdout', 'log', '/var/'],
  ],
];

const cases = wrongValues.flatMap(([option, expected, values]) =>
  values.map((value) => [option, value, expected] as const),
);

describe.concurrent('an option with a wrong value', () => {
  it.for(cases)('exits 2 and says so: --%s %j', async ([option, value, expected], context) => {
    // It has nothing else, had anything been begun.
    const directory = mkdtempSync(join(tmpdir(), 'drain-test-'));
    context.onTestFinished(() => rmSync(directory, { recursive: true }));
    const log = join(directory, 'log');
    const others = option === 'log-to' ? [] : ['--log-to', log];
    const { code, stdout, stderr } = await cli(['wait', ...others, `--${option}`, value]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const [message, hint, ...rest] = stderr.split('\n');
    expect(message).toContain(`buildkit-drain: --${option}: expected ${expected}`);
    expect(message?.endsWith(` but received ${JSON.stringify(value)}`)).toBe(true);
    expect([hint, rest]).toEqual(['Try: buildkit-drain wait --help', ['']]);
    const said = option === 'log-to' ? [] : parseLog(readFileSync(log, 'utf8'));
    expect(said.map(({ event, level, exitCode }) => [event, level, exitCode])).toEqual(
      option === 'log-to' ? [] : [['failed', 'error', 2]],
    );
  });

  it('is refused though it is the second of two', async () => {
    const { code, stderr } = await cli(['--addr', 'tcp://0.0.0.0:1234', '--addr', 'nonsense']);
    expect(code).toBe(2);
    expect(stderr).toContain('but received "nonsense"');
  });

  it.for([
    ['--addr', 'nonsense'],
    ['--ignore-peer', 'nonsense'],
    ['--backend', 'nonsense'],
  ])('is refused by status as well: %s', async (args) => {
    const { code, stdout, stderr } = await cli(['status', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^buildkit-drain: ${args[0]}: expected .* but received`));
  });
});

// Of each option one wrong value; an empty variable is as good as none.
const ownVariables = wrongValues
  .filter(([option], index) => wrongValues.findIndex(([other]) => other === option) === index)
  .map(([option, expected, values]) => {
    const value = values.find((each) => each !== '') ?? '';
    const variable = `BUILDKIT_DRAIN_${option.toUpperCase().replaceAll('-', '_')}`;
    return [variable, value, expected, value] as const;
  });

const otherVariables = [
  ['BUILDKIT_DRAIN_ADDR', 'tcp://0.0.0.0:1234,nonsense', address, 'nonsense'],
  ['BUILDKIT_DRAIN_IGNORE_PEER', '10.0.0.0/8,nonsense', cidr, 'nonsense'],
] as const;

describe.concurrent('an environment variable with a wrong value', () => {
  it.for([...ownVariables, ...otherVariables])(
    'exits 2 and says so: %s=%s',
    async ([variable, value, expected, named]) => {
      const { code, stdout, stderr } = await cli([], { [variable]: value });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      const [message, hint, ...rest] = stderr.split('\n');
      expect(message).toContain(`buildkit-drain: ${variable}: expected ${expected}`);
      expect(message?.endsWith(` but received ${JSON.stringify(named)}`)).toBe(true);
      expect([hint, rest]).toEqual(['Try: buildkit-drain wait --help', ['']]);
    },
  );
});

describe.concurrent('a command line that is not understood', () => {
  it.for([
    [['--adress', 'tcp://0.0.0.0:1234'], 'unknown option "--adress"', 'wait '],
    [['wait', '--quiet'], 'unknown option "--quiet" (did you mean --quiet-period?)', 'wait '],
    [['--addr'], '--addr: expected <endpoint> but received nothing', 'wait '],
    [['wait', 'now'], 'unexpected argument "now"', 'wait '],
    [['drain'], 'unknown command "drain"', ''],
    [['stat', '--json'], 'unknown command "stat" (did you mean status?)', ''],
    [['stat', '--help'], 'unknown command "stat" (did you mean status?)', ''],
    [['help', 'stat'], 'unknown command "stat" (did you mean status?)', ''],
    [['status', '--interval', '1s'], 'unknown option "--interval"', 'status '],
    [['status', 'now'], 'too many arguments', 'status '],
    [['watch', '--quiet-period', '1s'], 'unknown option "--quiet-period"', 'watch '],
  ] as const)(
    'exits 2, gives the reason, and names the help to read: %s',
    async ([args, expected, of]) => {
      const { code, stdout, stderr } = await cli(args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`buildkit-drain: ${expected}`);
      expect(stderr).toContain(`\nTry: buildkit-drain ${of}--help\n`);
      expect(stderr).not.toContain('"timestamp"');
    },
  );
});

describe.concurrent('--help', () => {
  it.for([
    [['--help']],
    [['help']],
    [['wait', '--help']],
    [['help', 'wait']],
    [['status', '--help']],
    [['watch', '--help']],
    [['doctor', '--help']],
    [['ready', '--help']],
    [['run', '--help']],
  ] as const)('fits a screen: %s', async ([args]) => {
    const { code, stdout, stderr } = await cli(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    // An option takes one line, so that the eye finds it.
    expect(lines.filter((line) => /^ {10}/.test(line))).toEqual([]);
    expect(lines.length - 1).toBeLessThanOrEqual(50);
  });

  it('lists every command with a sentence', async () => {
    const { stdout } = await cli(['--help']);
    for (const [name, sentence] of Object.entries(commands)) {
      expect(stdout).toMatch(new RegExp(`^  ${name} +${sentence}$`, 'm'));
    }
    expect(await cli(['help'])).toMatchObject({ code: 0, stdout });
  });

  it('is that of a command of a command, too', async () => {
    const { stdout } = await cli(['bench', 'cost', '--help']);
    expect(stdout).toContain('buildkit-drain bench cost ');
    expect(await cli(['help', 'bench', 'cost'])).toMatchObject({ code: 0, stdout });
  });

  it('shows every option of wait with its default', async () => {
    const { stdout } = await cli(['--interval=1s', '--help']);
    expect(await cli(['help', 'wait'])).toMatchObject({ code: 0, stdout });
    for (const option of new Set(cases.map(([name]) => name))) {
      expect(stdout).toContain(`--${option} <`);
    }
    for (const standard of [
      '100ms',
      '10s',
      'none',
      '0s',
      '0',
      'hold',
      '30s',
      'json',
      'info',
      'auto',
    ]) {
      expect(stdout).toContain(`(${standard})`);
    }
  });

  it('is beside --version, which prints the version of the package', async () => {
    const file = new URL('../../package.json', import.meta.url);
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    for (const flag of ['--version', '-V']) {
      expect(await cli([flag])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
    }
  });
});
