import { describe, expect, it } from 'vitest';
import type { Listener } from '../../../src/backends/procfs/listeners.ts';
import {
  type DaemonSettings,
  noSettings,
  parseCommandLine,
  parseConfigFile,
} from '../../../src/monitor/daemon-settings.ts';
import { matchListeners } from '../../../src/monitor/endpoints.ts';

function parsed(...words: readonly string[]) {
  return parseCommandLine(['buildkitd', ...words].map((word) => `${word}\0`).join(''));
}

describe('parseCommandLine', () => {
  it.each([
    [['--addr', 'tcp://:1']],
    [['--addr=tcp://:1']],
    [['-addr', 'tcp://:1']],
    [['-addr=tcp://:1']],
    [['--debug', '--addr', 'tcp://:1', '--rootless']],
  ])('takes %j', (words) => {
    expect(parsed(...words).addresses).toEqual(['tcp://:1']);
  });

  it('takes every address, in order', () => {
    expect(parsed('--addr', 'a', '-addr=b', '--addr=c=d').addresses).toEqual(['a', 'b', 'c=d']);
  });

  it('takes the last of what there is one of', () => {
    const words = [
      '--config',
      'a',
      '--config=b',
      '--debugaddr=c',
      '--otel-socket-path',
      'd',
    ].concat(['--root', 'e', '-root=f']);
    expect(parsed(...words)).toMatchObject({
      configPath: 'b',
      debugAddress: 'c',
      otelSocketPath: 'd',
      root: 'f',
    });
  });

  it.each([
    [['--addr']],
    [['--', '--addr', 'x']],
    [['addr', 'x']],
    [['---addr', 'x']],
    [['--addresses', 'x']],
    [['--Addr', 'x']],
    [['--no-addr=x']],
  ])('finds no address in %j', (words) => {
    expect(parsed(...words).addresses).toEqual([]);
  });

  it('does not take the value of one flag for another', () => {
    expect(parsed('--config', '--addr', 'x')).toMatchObject({
      configPath: '--addr',
      addresses: [],
    });
  });

  it.each(['', '\0', '\0\0\0', 'buildkitd', '--addr\0x', 'b\0--addr\n=x\0'])(
    'accepts %j',
    (text) => {
      expect(parseCommandLine(text).addresses).toEqual([]);
    },
  );
});

describe('parseConfigFile', () => {
  it('takes what buildkitd takes from it', () => {
    const text = `
debug = true
root = "/state"
[grpc]
  address = [ "tcp://0.0.0.0:1", "unix:///run/b.sock" ]
  debugAddress = "0.0.0.0:6060"
[otel]
  socketPath = "/run/otel.sock"
[worker.oci]
  address = ["tcp://:9"]`;
    expect(parseConfigFile(text)).toEqual({
      addresses: ['tcp://0.0.0.0:1', 'unix:///run/b.sock'],
      debugAddress: '0.0.0.0:6060',
      otelSocketPath: '/run/otel.sock',
      root: '/state',
    });
  });

  it.each([
    '',
    'grpc = 7',
    'grpc = [1]',
    '[grpc]\naddress = "tcp://:1"\ndebugAddress = 7',
    '[grpc]\naddress = [7, [1], {}]',
    'otel = "x"',
    '[__proto__]\naddress = ["x"]\n[grpc.__proto__]\naddress = ["x"]',
  ])('finds nothing in %j', (text) => {
    expect(parseConfigFile(text)).toEqual(noSettings);
  });

  it('reports where a text is no TOML, and does not quote it', () => {
    expect(() => parseConfigFile('a = 1\npassword = hunter2')).toThrow(
      /^it is not TOML \(line 2, column \d+\)$/,
    );
  });
});

describe('matchListeners', () => {
  const tcp = (localPort: number, localAddress = '::'): Listener => {
    return { kind: 'tcp', inode: localPort, localAddress, localPort };
  };
  const unix = (name: string): Listener => ({ kind: 'unix', inode: 1, name });
  const matched = (listeners: readonly Listener[], settings: Partial<DaemonSettings> = {}) => {
    const { endpoints, ...rest } = matchListeners(listeners, { ...noSettings, ...settings });
    return { addresses: endpoints.map(({ address }) => address), ...rest };
  };

  it('writes a listener as configured, else as the kernel has it', () => {
    const addresses = ['tcp://0.0.0.0:1', 'unix:///run/b.sock', 'fd://', 'nonsense'];
    const listeners = [tcp(1), tcp(2), unix('/run/b.sock'), unix('/run/c.sock'), unix('@d')];
    expect(matched(listeners, { addresses })).toEqual({
      addresses: [
        'tcp://0.0.0.0:1',
        'tcp://[::]:2',
        'unix:///run/b.sock',
        'unix:///run/c.sock',
        'unix://@d',
      ],
      unheard: [],
      unnameable: [],
    });
  });

  it('names configured addresses without a listener', () => {
    expect(matched([tcp(1)], { addresses: ['tcp://:1', 'tcp://:2'] }).unheard).toMatchObject([
      { address: 'tcp://:2' },
    ]);
  });

  it('takes listeners on one port for one endpoint', () => {
    expect(matched([tcp(1, '127.0.0.1'), tcp(1)]).addresses).toEqual(['tcp://127.0.0.1:1']);
  });

  it.each(['127.0.0.1:6060', ':6060', 'tcp://0.0.0.0:6060'])('leaves out debug at %s', (debug) => {
    expect(matched([tcp(6060), tcp(1)], { debugAddress: debug }).addresses).toEqual([
      'tcp://[::]:1',
    ]);
  });

  it('leaves out no listener for clients, whatever it is called besides', () => {
    const settings = { addresses: ['tcp://:1'], debugAddress: ':1', otelSocketPath: '/b' };
    expect(matched([tcp(1), unix('/a')], settings).addresses).toEqual(['tcp://:1', 'unix:///a']);
    const named = { addresses: ['unix:///run/otel-grpc.sock'] };
    expect(matched([unix('/run/otel-grpc.sock')], named).addresses).toEqual(named.addresses);
  });

  it.each([
    ['of traces by default', '/run/user/1000/buildkit/otel-grpc.sock', {}],
    ['of traces as configured', '/run/traces', { otelSocketPath: '/run/traces' }],
    ['of a build’s ssh agent', '/tmp/.buildkit-ssh-sock123/ssh_auth_sock', {}],
  ])('leaves out the socket %s', (_, path, settings) => {
    expect(matched([unix(path)], settings).addresses).toEqual([]);
  });

  it('takes the default name of traces for a client’s where traces are elsewhere', () => {
    const settings = { otelSocketPath: '/run/traces' };
    expect(matched([unix('/run/otel-grpc.sock')], settings).addresses).toEqual([
      'unix:///run/otel-grpc.sock',
    ]);
  });

  it('writes what would move a terminal’s cursor as a question mark, and keeps the path', () => {
    const { endpoints } = matchListeners([unix('/a\u001b[2J')], noSettings);
    expect(endpoints).toEqual([{ kind: 'unix', address: 'unix:///a?[2J', path: '/a\u001b[2J' }]);
  });

  it('knows a name in UTF-8, and reports one that is no text', () => {
    const name = Buffer.from('/run/bäcker').toString('latin1');
    expect(matched([unix(name), unix('/run/\xff')])).toMatchObject({
      addresses: ['unix:///run/bäcker'],
      unnameable: ['unix:///run/\ufffd'],
    });
  });
});
