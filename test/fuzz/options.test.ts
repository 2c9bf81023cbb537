import { isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration } from '../../src/messages/words.ts';
import { defaultEndpoints, namedEndpoints, parseEndpoint } from '../../src/options/endpoint.ts';
import { readSettings, type UsageError } from '../../src/options/read.ts';
import { waitOptions } from '../../src/options/table.ts';
import {
  BadValueError,
  parseCidrs,
  parseDuration,
  parseWholeNumber,
} from '../../src/options/values.ts';
import { foreignText, holds } from '../support/fuzz.ts';

const weekMs = 7 * 24 * 3_600_000;

/** What comes of a text; null where it is refused in the one declared way. */
function valueOrNull<Value>(
  parse: () => Value,
  declared: typeof BadValueError | typeof UsageError = BadValueError,
): Value | null {
  try {
    return parse();
  } catch (error) {
    expect(error).toBeInstanceOf(declared);
    expect((error as Error).message).toContain('expected');
    return null;
  }
}

const almostDuration = fc
  .array(
    fc.oneof(fc.nat({ max: 100_000 }).map(String), fc.constantFrom('h', 'm', 's', 'ms', '.')),
    {
      maxLength: 8,
    },
  )
  .map((parts) => parts.join(''));

describe('a duration', () => {
  it('is read as it is written', () => {
    holds([fc.nat({ max: weekMs })], (durationMs) => {
      expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
    });
  });

  it('of any text is whole milliseconds in its range, or refused', () => {
    holds([fc.oneof(foreignText, almostDuration), fc.nat({ max: 1000 })], (text, shortestMs) => {
      const durationMs = valueOrNull(() => parseDuration(text, shortestMs));
      if (durationMs !== null) {
        expect(Number.isInteger(durationMs)).toBe(true);
        expect(durationMs).toBeGreaterThanOrEqual(shortestMs);
        expect(durationMs).toBeLessThanOrEqual(weekMs);
      }
    });
  });
});

describe('a whole number', () => {
  it('of any text is what its digits mean, or refused', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789+-e.x '), maxLength: 20 });
    holds([fc.oneof(foreignText, digits)], (text) => {
      const value = valueOrNull(() => parseWholeNumber(text, 1, 65535));
      const isPlain = /^0*[1-9][0-9]{0,4}$/.test(text) && text.length <= 15;
      expect(value).toBe(isPlain && Number(text) <= 65535 ? Number(text) : null);
    });
  });
});

const toNumber = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

describe('blocks of addresses', () => {
  it('hold the addresses that begin with their bits', () => {
    holds([fc.ipV4(), fc.nat({ max: 32 }), fc.ipV4()], (block, bits, address) => {
      const size = 2 ** (32 - bits);
      const isWithin = Math.floor(toNumber(block) / size) === Math.floor(toNumber(address) / size);
      expect(parseCidrs([`${block}/${bits}`])(address)).toBe(isWithin);
      expect(parseCidrs([block])(address)).toBe(block === address);
    });
  });

  it('of any text are blocks or refused, and of IPv6 hold no IPv4 address but mapped ones', () => {
    const almost = fc
      .tuple(
        fc.oneof(fc.ipV4Extended(), fc.ipV6(), foreignText),
        fc.oneof(fc.nat().map(String), foreignText),
      )
      .map((parts) => parts.join('/'));
    holds([fc.oneof(foreignText, almost)], (text) => {
      const holdsIn = valueOrNull(() => parseCidrs([text]));
      const [address = ''] = text.split('/');
      if (holdsIn !== null && !address.toLowerCase().includes('ffff:')) {
        expect(holdsIn(isIPv4(address) ? 'fd00::1' : '10.0.0.1')).toBe(false);
      }
    });
  });
});

describe('an endpoint', () => {
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6().map((ip) => `[${ip}]`),
    fc.domain(),
    fc.constant(''),
  );

  it('is read as it is written', () => {
    holds([host, fc.integer({ min: 1, max: 65535 })], (name, port) => {
      const address = `tcp://${name}:${port}`;
      expect(parseEndpoint(address)).toEqual({ kind: 'tcp', address, localPort: port });
    });
  });

  it('of any text has a port or a path that a socket can have, or is refused', () => {
    const almost = fc
      .tuple(
        fc.constantFrom('tcp://', 'unix://', 'unix:///', 'unix://@', 'fd://'),
        foreignText,
        foreignText,
      )
      .map((parts) => parts.join(''));
    holds([fc.oneof(foreignText, almost)], (text) => {
      const endpoint = valueOrNull(() => parseEndpoint(text));
      if (endpoint?.kind === 'tcp') {
        expect(endpoint.localPort).toBeGreaterThan(0);
        expect(endpoint.localPort).toBeLessThan(65536);
      } else if (endpoint?.kind === 'unix') {
        expect(endpoint.path).toMatch(/^[/@][^\0\n]/s);
        expect(Buffer.byteLength(endpoint.path.replace(/^@/, ''))).toBeLessThan(108);
      }
      expect(endpoint?.address ?? text).toBe(text);
    });
  });
});

describe('an environment', () => {
  const ours = Object.keys(waitOptions).map(
    (name) => `BUILDKIT_DRAIN_${name.toUpperCase().replaceAll('-', '_')}`,
  );
  const others = ['BUILDKIT_HOST', 'BUILDKITD_PORT', 'XDG_RUNTIME_DIR', 'CHECK_FREQUENCY_MS'];
  const script = ['WAIT_UNTIL_NO_BUILDS_SEEN_FOR_X_SECONDS', 'LOG_FORMAT', 'LOG_PREFIX', 'DEBUG'];
  const value = fc.oneof(
    foreignText,
    almostDuration,
    fc.constantFrom('none', 'off', 'auto', '0', '1', 'tcp://10.0.0.1:1234', '10.0.0.0/8', 'json'),
  );
  const names = fc.constantFrom(...ours, ...others, ...script);

  it('of any values gives every option a value, and names each variable that is wrong', () => {
    holds([fc.dictionary(names, value, { maxKeys: 4 })], (env) => {
      const { values, mistakes } = readSettings(waitOptions, {}, env);
      const unset = Object.entries(values).filter(([, each]) => each === undefined);
      expect(unset).toEqual([]);
      for (const { message, isOurs } of mistakes) {
        expect(message).toMatch(isOurs ? /^BUILDKIT_DRAIN_\w+: expected / : /^[A-Z_]+: expected /);
      }
      const { endpoints, ignored } = namedEndpoints(env);
      expect(endpoints.length + ignored.length).toBeLessThan(3);
      expect(defaultEndpoints(env).length).toBeGreaterThan(1);
    });
  });
});
