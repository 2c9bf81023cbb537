import { describe, expect, it } from 'vitest';
import { defaultEndpoints, namedEndpoints, parseEndpoint } from '../../../src/options/endpoint.ts';
import { type Environment, readOptions, readSettings } from '../../../src/options/read.ts';
import { waitOptions } from '../../../src/options/table.ts';
import { findUnknown } from '../../../src/options/unknown-variables.ts';
import { parseCidrs, parseWholeNumber } from '../../../src/options/values.ts';

describe('parseEndpoint', () => {
  it.each([
    ['tcp://0.0.0.0:1234', 1234],
    ['tcp://:8372', 8372],
    ['tcp://[::]:12345', 12345],
    ['tcp://buildkitd.build.svc:1', 1],
  ])('takes the port of %s', (address, localPort) => {
    expect(parseEndpoint(address)).toEqual({ kind: 'tcp', address, localPort });
  });

  it.each([
    ['unix:///run/buildkit/buildkitd.sock', '/run/buildkit/buildkitd.sock'],
    ['unix://@buildkit', '@buildkit'],
    [`unix:///${'x'.repeat(106)}`, `/${'x'.repeat(106)}`],
    [`unix://@${'x'.repeat(107)}`, `@${'x'.repeat(107)}`],
  ])('takes the path of %s', (address, path) => {
    expect(parseEndpoint(address)).toEqual({ kind: 'unix', address, path });
  });

  it.each([
    ['', 'an address such as'],
    ['1234', 'an address such as'],
    ['/run/buildkit/buildkitd.sock', 'an address such as'],
    ['http://localhost:1234', 'an address such as'],
    ['docker-container://builder', 'an address such as'],
    ['fd://', 'give what the socket unit listens on'],
    ['tcp://0.0.0.0', 'an address such as'],
    ['tcp://0.0.0.0:', 'an address such as'],
    ['tcp://0.0.0.0:0', 'an address with a port from 1 to 65535'],
    ['tcp://0.0.0.0:65536', 'an address with a port from 1 to 65535'],
    ['tcp://0.0.0.0:1234/', 'an address such as'],
    ['tcp://::1:1234', 'an address such as'],
    ['tcp://[zz]:1234', 'an IPv6 address within the brackets'],
    ['unix://', 'the path absolute'],
    ['unix:///', 'the path absolute'],
    ['unix://run/buildkitd.sock', 'the path absolute'],
    ['unix:///a\nb', 'without control characters'],
    [`unix:///${'x'.repeat(107)}`, 'at most 107 bytes'],
    [`unix://@${'x'.repeat(108)}`, 'at most 107 bytes'],
    [`unix:///${'ü'.repeat(54)}`, 'at most 107 bytes'],
  ])('refuses %j', (address, expected) => {
    expect(() => parseEndpoint(address)).toThrow(expected);
  });
});

describe('parseCidrs', () => {
  const isIgnored = parseCidrs(['10.0.0.0/8', '192.168.1.7', 'fd00::/8', '0.0.0.0/32']);

  it.each(['10.255.0.1', '192.168.1.7', 'fd12::1', '::ffff:10.0.0.1'])('finds %s', (address) => {
    expect(isIgnored(address)).toBe(true);
  });

  it.each(['11.0.0.1', '192.168.1.8', 'fe80::1', '::1', '0.0.0.1'])(
    'does not find %s',
    (address) => {
      expect(isIgnored(address)).toBe(false);
    },
  );

  it('takes a prefix of zero for everything of that family, and nothing of the other', () => {
    expect(parseCidrs(['0.0.0.0/0'])('203.0.113.9')).toBe(true);
    expect(parseCidrs(['0.0.0.0/0'])('2001:db8::1')).toBe(false);
    expect(parseCidrs([])('10.0.0.1')).toBe(false);
    expect(parseCidrs(['::/0'])('2001:db8::1')).toBe(true);
    expect(parseCidrs(['::/0', '::/90', '::ffff:10.0.0.5'])('10.0.0.1')).toBe(false);
    expect(parseCidrs(['::ffff:10.0.0.0/104'])('10.0.0.1')).toBe(true);
    expect(parseCidrs(['::ffff:a00:0/104'])('11.0.0.1')).toBe(false);
  });

  it.each([
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    'fd00::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    'x',
    'fe80::1%eth0',
    '10.0.0.0/+8',
  ])('refuses %j', (text) => {
    expect(() => parseCidrs([text])).toThrow('expected an IP address or a CIDR block');
  });
});

describe('parseWholeNumber', () => {
  it.each(['', ' 1', '1 ', '-1', '1.0', '1e2', '0x1', '101', '9'.repeat(20)])(
    'refuses %j',
    (text) => {
      expect(() => parseWholeNumber(text, 0, 100)).toThrow('a whole number from 0 to 100');
    },
  );
});

describe('where an option comes from', () => {
  const intervalOf = (flags: Record<string, string>, env: Environment) =>
    readOptions(waitOptions, flags, env).interval;
  const scripted = { CHECK_FREQUENCY_MS: '700' };
  const variable = { ...scripted, BUILDKIT_DRAIN_INTERVAL: '600ms' };

  it('is the flag, then the variable, then the setting of the script, then the default', () => {
    expect(intervalOf({ interval: '500ms' }, variable)).toBe(500);
    expect(intervalOf({}, variable)).toBe(600);
    expect(intervalOf({}, scripted)).toBe(700);
    expect(intervalOf({}, {})).toBe(100);
  });

  it('is not a variable that is empty', () => {
    expect(intervalOf({}, { BUILDKIT_DRAIN_INTERVAL: '', CHECK_FREQUENCY_MS: '' })).toBe(100);
  });

  it('is named in the error about its value', () => {
    expect(() => intervalOf({ interval: '5' }, {})).toThrow(
      /^--interval: expected a duration with its unit, .* received "5"$/,
    );
    expect(() => intervalOf({}, { BUILDKIT_DRAIN_INTERVAL: '5' })).toThrow(
      /^BUILDKIT_DRAIN_INTERVAL: /,
    );
  });

  it('is the default where a variable that others set as well does not fit', () => {
    const env = { CHECK_FREQUENCY_MS: '5s', LOG_FORMAT: 'logfmt', DEBUG: 'express:*' };
    const { values, mistakes } = readSettings(waitOptions, {}, env);
    expect(values).toMatchObject({ interval: 100, 'log-format': 'json', 'log-level': 'info' });
    // DEBUG is read by many programs, and each in its own way: that is no mistake.
    expect(mistakes.map(({ message, isOurs }) => [message.split(':')[0], isOurs])).toEqual([
      ['CHECK_FREQUENCY_MS', false],
      ['LOG_FORMAT', false],
    ]);
  });

  it.each([
    ['1', 'debug'],
    ['true', 'debug'],
    ['yes', 'debug'],
    ['0', 'info'],
    ['false', 'info'],
    ['*', 'info'],
    ['2', 'info'],
  ])('makes DEBUG=%s the level %s', (text, level) => {
    expect(readOptions(waitOptions, {}, { DEBUG: text })['log-level']).toBe(level);
  });

  it('is reported with each value, and with the default used instead', () => {
    const env = { BUILDKIT_DRAIN_TIMEOUT: '3480', BUILDKIT_DRAIN_ADDR: 'x', LOG_FORMAT: 'text' };
    const { values, settings, mistakes } = readSettings(waitOptions, { interval: '1s' }, env);
    expect(values).toMatchObject({ timeout: { ms: null }, addr: [], interval: 1000 });
    const of = (name: string) => settings.find((each) => each.name === name);
    expect(of('interval')).toEqual({ name: 'interval', text: '1s', source: '--interval' });
    expect(of('log-format')).toMatchObject({ text: 'text', source: 'LOG_FORMAT' });
    expect(of('timeout')).toMatchObject({ text: 'none', source: null });
    expect(of('addr')).toMatchObject({ text: '', source: null });
    expect(mistakes.map(({ instead, isOurs }) => [instead, isOurs])).toEqual([
      ['going on without it', true],
      ['going on with the default: none', true],
    ]);
  });

  it('gives the settings of the script their meaning there', () => {
    const env = {
      WAIT_UNTIL_NO_BUILDS_SEEN_FOR_X_SECONDS: '20',
      LOG_FORMAT: 'text',
      LOG_PREFIX: '[PreStop Hook]',
      DEBUG: '1',
    };
    expect(readOptions(waitOptions, {}, env)).toMatchObject({
      'quiet-period': 20_000,
      'log-format': 'text',
      'log-prefix': '[PreStop Hook]',
      'log-level': 'debug',
    });
  });

  it('may be a list with commas, in the variable of a repeatable option', () => {
    const env = { BUILDKIT_DRAIN_ADDR: 'tcp://0.0.0.0:1, unix:///run/b.sock' };
    expect(readOptions(waitOptions, {}, env).addr).toMatchObject([
      { localPort: 1 },
      { path: '/run/b.sock' },
    ]);
  });
});

describe('a list in a variable', () => {
  const addr = (text: string) => readOptions(waitOptions, {}, { BUILDKIT_DRAIN_ADDR: text }).addr;

  it.each(['tcp://:1,', ',tcp://:1', 'tcp://:1, ,', ' tcp://:1 '])(
    'has no empty parts: %j',
    (text) => {
      expect(addr(text)).toMatchObject([{ localPort: 1 }]);
    },
  );

  it.each([',', ' ', ' , '])('of commas only is empty: %j', (text) => {
    expect(addr(text)).toEqual([]);
  });
});

describe('a variable that resembles an option', () => {
  it.each([
    ['BUILDKIT_DRAIN_TIMOUT', ' (did you mean BUILDKIT_DRAIN_TIMEOUT?)'],
    ['BUILDKIT_DRAIN_QUIETPERIOD', ' (did you mean BUILDKIT_DRAIN_QUIET_PERIOD?)'],
    ['BUILDKIT_DRAIN_LISTENS', ' (did you mean BUILDKIT_DRAIN_LISTEN?)'],
    ['BUILDKIT_DRAIN_NAMESPACE_OF_PODS', ''],
    ['BUILDKIT_DRAIN_PORT', ''],
  ])('but is none is reported with a suggestion: %s', (name, hint) => {
    expect(findUnknown({ [name]: '5' }).map(({ message }) => message)).toEqual([
      `${name} is not a setting of buildkit-drain${hint}`,
    ]);
  });

  it.each([
    'BUILDKIT_DRAIN_TIMEOUT',
    'BUILDKIT_DRAIN_LISTEN',
    'BUILDKIT_DRAIN_SERVICE_HOST',
    'BUILDKIT_DRAIN_SERVICE_PORT',
    'BUILDKIT_DRAIN_SERVICE_PORT_HTTP',
    'BUILDKIT_DRAIN_PORT',
    'BUILDKIT_DRAIN_PORT_9234_TCP',
    'BUILDKIT_DRAIN_PORT_9234_TCP_PROTO',
    'BUILDKIT_DRAIN_WEB_SERVICE_HOST',
    'BUILDKIT_DRAIN_WEB_PORT_80_TCP_ADDR',
    'BUILDKITD_TIMEOUT',
  ])('is no mistake where it is one, or of a Service: %s', (name) => {
    expect(findUnknown({ [name]: 'tcp://10.0.0.1:9234' })).toEqual([]);
  });
});

describe('the endpoints of the environment', () => {
  const named = (env: Environment) => {
    const { endpoints, ignored } = namedEndpoints(env);
    return [...endpoints.map(({ address }) => address), ...ignored];
  };
  const standard = (env: Environment) => defaultEndpoints(env).map(({ address }) => address);

  it('are those of clients and of the script', () => {
    expect(named({ BUILDKIT_HOST: 'tcp://:8', BUILDKITD_PORT: '8372' })).toEqual([
      'tcp://:8',
      'tcp://0.0.0.0:8372',
    ]);
    expect(named({ BUILDKIT_HOST: '', BUILDKITD_PORT: '' })).toEqual([]);
  });

  it('are by default those of buildkitd', () => {
    expect(standard({})).toEqual(['tcp://0.0.0.0:1234', 'unix:///run/buildkit/buildkitd.sock']);
  });

  it('have the socket of rootless buildkitd', () => {
    expect(standard({ XDG_RUNTIME_DIR: '/run/user/1000' })[2]).toBe(
      'unix:///run/user/1000/buildkit/buildkitd.sock',
    );
  });

  it('are not misled by what Kubernetes sets for a Service called buildkitd', () => {
    expect(named({ BUILDKITD_PORT: 'tcp://10.0.0.1:8372' })).toEqual([]);
  });

  it.each([
    ['BUILDKIT_HOST', 'kube-pod://builder'],
    ['BUILDKIT_HOST', 'docker-container://b'],
    ['BUILDKIT_HOST', 'tcp://host'],
    ['BUILDKIT_HOST', 'ssh://me@host'],
    ['BUILDKIT_HOST', 'npipe:////./pipe/buildkitd'],
    ['BUILDKIT_HOST', 'unix://relative.sock'],
    ['BUILDKIT_HOST', 'rubbish'],
    ['BUILDKITD_PORT', '0'],
    ['BUILDKITD_PORT', 'http'],
  ])('never restrict the wait: %s=%s is ignored with a warning', (variable, value) => {
    expect(named({ [variable]: value })).toEqual([
      { variable, reason: expect.stringContaining(`but received "${value}"`) },
    ]);
  });
});
