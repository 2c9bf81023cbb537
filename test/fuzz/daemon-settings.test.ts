import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { findProcess, processName, startedAs } from '../../src/backends/procfs/processes.ts';
import { scanProcesses } from '../../src/backends/procfs/scan.ts';
import { findSelf } from '../../src/doctor/facts.ts';
import {
  noSettings,
  parseCommandLine,
  parseConfigFile,
} from '../../src/monitor/daemon-settings.ts';
import { matchListeners } from '../../src/monitor/endpoints.ts';
import { bytesAsText, foreignText, holds, mutated } from '../support/fuzz.ts';

const procRoot = mkdtempSync(join(tmpdir(), 'drain-fuzz-'));
mkdirSync(join(procRoot, '7'));
mkdirSync(join(procRoot, 'self'));
afterAll(() => rmSync(procRoot, { recursive: true }));

const word = fc
  .oneof(
    foreignText,
    fc.constantFrom('--addr', '-addr', '--addr=', '--debugaddr', '--config', '--', '--root', '-h'),
  )
  .map((text) => text.replaceAll('\0', ''));

describe('the command line of a daemon', () => {
  it('has the addresses that it was given, in both ways of writing them', () => {
    const given = fc.array(fc.tuple(foreignText, fc.constantFrom('--addr', '-addr'), fc.boolean()));
    holds([given], (flags) => {
      const plain = flags.map(([text, ...rest]) => [text.replaceAll('\0', ''), ...rest] as const);
      const words = plain.flatMap(([text, flag, isJoined]) =>
        isJoined ? [`${flag}=${text}`] : [flag, text],
      );
      const line = ['buildkitd', ...words].map((each) => `${each}\0`).join('');
      expect(parseCommandLine(line).addresses).toEqual(plain.map(([text]) => text));
    });
  });

  it('of any words gives no address that is not in it', () => {
    holds([fc.array(word), fc.nat({ max: 3 })], (words, cutBytes) => {
      const whole = words.map((each) => `${each}\0`).join('');
      const line = whole.slice(0, whole.length - cutBytes);
      const { addresses, ...others } = parseCommandLine(line);
      for (const value of [...addresses, ...Object.values(others)]) {
        expect(value === null || line.includes(value)).toBe(true);
      }
    });
  });
});

const config = `
# comment
debug = true
[grpc]
  address = [ "tcp://0.0.0.0:1234", 'unix:///run/buildkit/buildkitd.sock' ]
  debugAddress = "127.0.0.1:6060"
  [grpc.tls]
    cert = "/etc/cert.pem"
[otel]
  socketPath = "/run/otel.sock"
[worker.oci]
  gckeepstorage = 9000
  labels = { "a" = "b", since = 1979-05-27T07:32:00Z }
[[worker.oci.gcpolicy]]
  keepDuration = 172800
`;

function settingsOrNull(text: string): ReturnType<typeof parseConfigFile> | null {
  try {
    return parseConfigFile(text);
  } catch (error) {
    // What stands in the file is another's, and no part of what is logged.
    expect((error as Error).message).toMatch(/^it is not TOML( \(line \d+, column \d+\))?$/);
    return null;
  }
}

describe('the file of a daemon', () => {
  it('has the addresses that were written to it', () => {
    // JSON's strings are TOML's, but for the escape of a lone surrogate and U+007F.
    const text = fc.string({ unit: 'grapheme' });
    holds([fc.array(text), text.filter((each) => each !== '')], (addresses, debugAddress) => {
      const list = addresses.map((each) => JSON.stringify(each)).join(', ');
      const file = `[grpc]\naddress = [${list}]\ndebugAddress = ${JSON.stringify(debugAddress)}\n`;
      expect(parseConfigFile(file)).toEqual({ ...noSettings, addresses, debugAddress });
    });
  });

  it('of any text is read or refused, without quoting the text', () => {
    const nested = fc
      .tuple(fc.constantFrom('[', '{a=', 'a.', '[[', '"""', '\n[a.'), fc.nat({ max: 3000 }))
      .map(([part, times]) => `x = ${part.repeat(times)}`);
    const changed = mutated(Buffer.from(config)).map((bytes) => bytes.toString());
    holds([fc.oneof(changed, changed, foreignText, nested)], (text) => {
      const settings = settingsOrNull(text);
      expect(settings?.addresses.every((each) => typeof each === 'string') ?? true).toBe(true);
    });
  });
});

describe('the listeners of a daemon', () => {
  it('that have a text for a name are each watched, and distinguished', () => {
    const name = fc
      .oneof(bytesAsText({ minLength: 1, maxLength: 20 }), foreignText)
      .map((text) => `/${Buffer.from(text).toString('latin1')}`.replaceAll('\0', ''));
    holds([fc.uniqueArray(name, { maxLength: 5 })], (names) => {
      const listeners = names.map((each, inode) => ({ kind: 'unix', inode, name: each }) as const);
      const { endpoints, unnameable } = matchListeners(listeners, noSettings);
      const others = names.filter((each) => /\/(otel-grpc\.sock|ssh_auth_sock)$/.test(each));
      expect(endpoints.length + unnameable.length + others.length).toBe(names.length);
      for (const { address } of endpoints) {
        expect(address).not.toMatch(/\p{Cc}/u);
      }
    });
  });
});

describe('the files of a process', () => {
  it('report when it was started, whatever its name is', () => {
    const comm = bytesAsText({ maxLength: 15 });
    holds([comm, fc.constantFrom('R', 'S', 'D', 'Z', 'X'), fc.nat()], (name, state, startTime) => {
      const zeros = '0 '.repeat(17);
      const stat = `7 (${name}) ${state} 1 ${zeros}${startTime} 0 0\n`;
      writeFileSync(join(procRoot, '7/stat'), stat, 'latin1');
      const expected = { pid: 7, parentPid: 1, startTime: String(startTime) };
      expect(findProcess(procRoot, 7)).toEqual('ZX'.includes(state) ? null : expected);
    });
  });

  it('of any bytes are of no harm', () => {
    const status = Buffer.from('Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n');
    const stat = Buffer.from(`7 (buildkitd) S 1 ${'0 '.repeat(17)}42 0 0\n`);
    const bytes = fc.oneof(fc.uint8Array(), mutated(stat), mutated(status));
    holds([bytes], (content) => {
      for (const file of ['7/stat', '7/comm', '7/cmdline', 'self/status']) {
        writeFileSync(join(procRoot, file), content);
      }
      const started = orCutShort(() => findProcess(procRoot, 7));
      expect(started === null || typeof started.startTime === 'string').toBe(true);
      expect(processName(procRoot, 7).length).toBeLessThanOrEqual(content.length);
      expect(startedAs(procRoot, 7)).not.toContain('\0');
      expect(orCutShort(() => scanProcesses(procRoot).daemons())?.length ?? 0).toBeLessThanOrEqual(
        1,
      );
      try {
        expect(findSelf(procRoot).uid).toBeGreaterThanOrEqual(0);
      } catch (error) {
        expect((error as Error).message).toContain('has no Uid or no CapEff');
      }
    });
  });
});

/** What is read, or null where it is reported as cut. */
function orCutShort<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    expect((error as Error).message).toMatch(/ is cut short$/);
    return null;
  }
}
