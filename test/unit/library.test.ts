import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import * as library from '../../src/index.ts';
import { logOptions, waitOptions } from '../../src/options/table.ts';
import { tcpEndpoint, unixEndpoint } from './support/samples.ts';

const waitForDrainOptions = [
  ...['addresses', 'pid', 'backend', 'env', 'notify', 'intervalMs', 'quietPeriodMs', 'timeoutMs'],
  ...['minWaitMs', 'maxConnections', 'probeGraceMs', 'ignoreSilentMs', 'ignoreUnreachableMs'],
  ...['builds', 'onUnknown', 'progressEveryMs', 'ignorePeers', 'tls', 'signal', 'onEvent'],
];

type Call = (...args: never[]) => unknown;

/** What each function is called with, and what is said to it. */
const refused: Readonly<Record<string, readonly (readonly [unknown[], string, Error])[]>> = {
  parseEndpoint: [[[1234], 'a string for text but received 1234', new TypeError()]],
  openBackend: [
    [['netlink'], "one of sock-diag, procfs for name but received 'netlink'", new RangeError()],
    [[null], 'one of sock-diag, procfs for name but received null', new TypeError()],
    [
      ['procfs', { netDirectory: 1 }],
      'a string for options.netDirectory but received 1',
      new TypeError(),
    ],
    [
      ['sock-diag', { netDirectory: '/proc/net' }],
      "no options for options but received 'netDirectory'",
      new RangeError(),
    ],
  ],
  countConnections: [
    [[], 'a string for address but received undefined', new TypeError()],
    [[8080], 'a string for address but received 8080', new TypeError()],
    [['localhost:80'], "for address but received 'localhost:80'", new RangeError()],
  ],
  watchConnections: [
    [[null], 'a string for address but received null', new TypeError()],
    [['tcp://127.0.0.1:0'], 'a port from 1 to 65535 for address but', new RangeError()],
    [['tcp://127.0.0.1:80', null], 'options for options but received null', new TypeError()],
    [
      ['tcp://127.0.0.1:80', { intervalMs: 0 }],
      'for options.intervalMs but received 0',
      new RangeError(),
    ],
    [
      ['tcp://127.0.0.1:80', { intervalMs: Number.NaN }],
      'for options.intervalMs but received NaN',
      new RangeError(),
    ],
    [
      ['tcp://127.0.0.1:80', { intervalMs: null }],
      'for options.intervalMs but received null',
      new TypeError(),
    ],
    [
      ['tcp://127.0.0.1:80', { signal: new EventTarget() }],
      'a boolean for options.signal.aborted but received undefined',
      new TypeError(),
    ],
    [
      ['tcp://127.0.0.1:80', { interval: 1 }],
      "an option (intervalMs, signal) for options but received 'interval'",
      new RangeError(),
    ],
  ],
  openMonitor: [
    [[null], 'options for options but received null', new TypeError()],
    [
      [{ addresses: 'tcp://0.0.0.0:1' }],
      "a list of addresses such as tcp://0.0.0.0:1234 for options.addresses but received 'tcp://0.0.0.0:1'",
      new TypeError(),
    ],
    [
      [{ addresses: [tcpEndpoint] }],
      'a string for options.addresses[0] but received {',
      new TypeError(),
    ],
    [
      [{ addresses: ['tcp://0.0.0.0:1', 'tcp://0.0.0.0:65536'] }],
      "for options.addresses[1] but received 'tcp://0.0.0.0:65536'",
      new RangeError(),
    ],
    [
      [{ pid: 4_194_304 }],
      'the pid of a running process for options.pid but received 4194304',
      new RangeError(),
    ],
    [
      [{ pid: '1' }],
      "a whole number from 1 to 4194304 for options.pid but received '1'",
      new TypeError(),
    ],
    [
      [{ backend: 'netlink' }],
      "one of auto, sock-diag, procfs for options.backend but received 'netlink'",
      new RangeError(),
    ],
    [[{ env: 'A=1' }], 'process.env for options.env but received', new TypeError()],
    [[{ notify: 1 }], 'a function for options.notify but received 1', new TypeError()],
    [
      [{ address: [] }],
      "an option (addresses, pid, backend, env, notify) for options but received 'address'",
      new RangeError(),
    ],
  ],
  createBuildsClient: [
    [[], 'options for options but received undefined', new TypeError()],
    [
      [{ endpoint: 'tcp://0.0.0.0:1' }],
      "for options.endpoint but received 'tcp://0.0.0.0:1'",
      new TypeError(),
    ],
    [
      [{ endpoint: { ...tcpEndpoint, localPort: '1' } }],
      "for options.endpoint.localPort but received '1'",
      new TypeError(),
    ],
    [
      [{ endpoint: { ...tcpEndpoint, localPort: 65536 } }],
      'a whole number from 1 to 65535 for options.endpoint.localPort but received 65536',
      new RangeError(),
    ],
    [
      [{ endpoint: { ...tcpEndpoint, kind: 'udp' } }],
      "one of tcp, unix for options.endpoint.kind but received 'udp'",
      new RangeError(),
    ],
    [
      [{ endpoint: { ...unixEndpoint, path: null } }],
      'a string for options.endpoint.path but received null',
      new TypeError(),
    ],
    [
      [{ endpoint: tcpEndpoint, tls: { ca: 1 } }],
      'a string for options.tls.ca but received 1',
      new TypeError(),
    ],
    [
      [{ endpoint: tcpEndpoint, timeoutMs: 0 }],
      'for options.timeoutMs but received 0',
      new RangeError(),
    ],
  ],
  discoverEndpoints: [
    [[], 'a string for procRoot but received undefined', new TypeError()],
    [
      ['/proc', { pid: 1.5 }],
      'a whole number from 1 to 4194304 for options.pid but received 1.5',
      new RangeError(),
    ],
  ],
  waitForDrain: [
    [[7], 'options for options but received 7', new TypeError()],
    [
      [{ addresses: ['tcp://0.0.0.0'] }],
      "for options.addresses[0] but received 'tcp://0.0.0.0'",
      new RangeError(),
    ],
    [
      [{ pid: 4_194_304 }],
      'the pid of a running process for options.pid but received 4194304',
      new RangeError(),
    ],
    [
      [{ tls: { ca: '/etc/' } }],
      "the path of a PEM file for options.tls.ca but received '/etc/'",
      new RangeError(),
    ],
    [[{ tls: { key: 1 } }], 'a string for options.tls.key but received 1', new TypeError()],
    [
      [{ tls: { cert: '/tls/cert.pem', key: null } }],
      'cert and key, or neither, for options.tls but received',
      new RangeError(),
    ],
    [
      [{ tls: { serverName: '' } }],
      "a host name such as buildkitd.example.com, or an IP address for options.tls.serverName but received ''",
      new RangeError(),
    ],
    [
      [{ tls: { read: async () => null } }],
      "an option (ca, cert, key, serverName) for options.tls but received 'read'",
      new RangeError(),
    ],
    [
      [{ ignorePeers: ['10.0.0.0/8', '10.0.0.0/33'] }],
      "an IP address or a CIDR block such as 10.0.0.0/8 or fd00::/8 for options.ignorePeers[1] but received '10.0.0.0/33'",
      new RangeError(),
    ],
    [
      [{ ignorePeers: '10.0.0.0/8' }],
      'a list of IP addresses or CIDR blocks for options.ignorePeers but received',
      new TypeError(),
    ],
    [[{ pid: Number.NaN }], 'for options.pid but received NaN', new RangeError()],
    [
      [{ progressEveryMs: 99 }],
      'from 100ms up to 168h for options.progressEveryMs',
      new RangeError(),
    ],
    [[{ timeoutMs: 604_800_001 }], 'from 1ms up to 168h for options.timeoutMs', new RangeError()],
    [
      [{ signal: {} }],
      'a boolean for options.signal.aborted but received undefined',
      new TypeError(),
    ],
    [[{ onEvent: null }], 'a function for options.onEvent but received null', new TypeError()],
    [
      [{ intervalMs: Number.NaN }],
      'a number of milliseconds from 1ms up to 168h for options.intervalMs but received NaN',
      new RangeError(),
    ],
    [[{ intervalMs: 0 }], 'for options.intervalMs but received 0', new RangeError()],
    [[{ intervalMs: '100ms' }], "for options.intervalMs but received '100ms'", new TypeError()],
    [
      [{ quietPeriodMs: Infinity }],
      'for options.quietPeriodMs but received Infinity',
      new RangeError(),
    ],
    [[{ quietPeriodMs: -1 }], 'for options.quietPeriodMs but received -1', new RangeError()],
    [[{ timeoutMs: '5m' }], "for options.timeoutMs but received '5m'", new TypeError()],
    [
      [{ maxConnections: 0.5 }],
      'a whole number from 0 to 1000000 for options.maxConnections but received 0.5',
      new RangeError(),
    ],
    [
      [{ ignoreUnreachableMs: 1000 }],
      'a number of milliseconds from 30000ms up to 168h for options.ignoreUnreachableMs but received 1000',
      new RangeError(),
    ],
    [
      [{ builds: 'no' }],
      "one of auto, off, require for options.builds but received 'no'",
      new RangeError(),
    ],
    [
      [{ quietPeriod: 1 }],
      `an option (${waitForDrainOptions.join(', ')}) for options but received 'quietPeriod'`,
      new RangeError(),
    ],
  ],
};

const cases = Object.entries(refused).flatMap(([name, calls]) =>
  calls.map(([args, said, kind]) => [name, said, kind, args] as const),
);

const functions = new Map(
  Object.entries(library).filter(
    ([name, value]) => typeof value === 'function' && !/^[A-Z]/.test(name),
  ),
);

const badValue = expect.objectContaining({ code: 'ERR_BAD_VALUE' });
const closed = expect.objectContaining({ code: 'ERR_CLOSED' });

async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return error;
  }
}

describe('the library', () => {
  it.each(cases)('%s refuses what it can’t use: expected %s', async (name, said, kind, args) => {
    const call = functions.get(name) as Call;
    const error = await thrownBy(() => call(...(args as never[])));
    expect(error).toBeInstanceOf(kind.constructor);
    expect(error).toMatchObject({
      code: 'ERR_BAD_VALUE',
      message: expect.stringMatching(/^expected /),
    });
    expect((error as Error).message).toContain(said);
  });

  it('has no function that takes anything whatever', () => {
    expect([...functions.keys()].sort()).toEqual(Object.keys(refused).sort());
  });

  it('refuses null in every option of a wait that has no off', async () => {
    const nullable = ['pid', 'timeoutMs', 'ignoreSilentMs', 'ignoreUnreachableMs'];
    for (const name of waitForDrainOptions) {
      const error = await thrownBy(() =>
        library.waitForDrain({ signal: AbortSignal.abort(), [name]: null }),
      );
      const isRefused =
        error instanceof TypeError && (error as { code?: string }).code === 'ERR_BAD_VALUE';
      expect([name, isRefused]).toEqual([name, !nullable.includes(name)]);
    }
  });

  it('takes in a wait what the command takes, but for the log', async () => {
    const named: Readonly<Record<string, string>> = {
      addr: 'addresses',
      'ignore-peer': 'ignorePeers',
      ...Object.fromEntries(['ca', 'cert', 'key', 'server-name'].map((n) => [`tls-${n}`, 'tls'])),
    };
    const camel = (name: string): string =>
      name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const flags = Object.keys(waitOptions).filter((name) => !(name in logOptions));
    for (const flag of flags) {
      const names = [named[flag] ?? camel(flag), `${camel(flag)}Ms`];
      expect(
        waitForDrainOptions.some((option) => names.includes(option)),
        flag,
      ).toBe(true);
    }
  });

  it('shows no more of a large value than a line', () => {
    const call = (): unknown => library.parseEndpoint({ text: 'x'.repeat(10_000) } as never);
    expect(call).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{1,150}$/) }));
  });

  it('waits with what it takes', async ({ onTestFinished }) => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const events: string[] = [];
    const outcome = await library.waitForDrain({
      ...{ addresses: [address], quietPeriodMs: 50, builds: 'off', timeoutMs: 5000 },
      pid: undefined,
      onEvent: ({ kind }: library.DrainEvent) => events.push(kind),
    } as never);
    expect(outcome).toMatchObject({ kind: 'drained', seenBetweenPolls: 0, mostConnections: 0 });
    expect(events).toEqual(['started']);
    const stopped = await library.waitForDrain({ signal: AbortSignal.abort('enough') });
    expect(stopped).toMatchObject({ kind: 'interrupted', reason: 'enough' });
  });

  it('waits for no peer that is to be ignored', async ({ onTestFinished }) => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    await once(client, 'connect');
    const wait = (peer: string): Promise<library.WaitOutcome> =>
      library.waitForDrain({
        ...{ addresses: [`tcp://127.0.0.1:${port}`], ignorePeers: ['10.0.0.0/8', peer] },
        ...{ quietPeriodMs: 0, builds: 'off', timeoutMs: 300 },
      });
    expect(await wait('127.0.0.0/8')).toMatchObject({ kind: 'drained', mostConnections: 0 });
    expect(await wait('127.0.0.2')).toMatchObject({ kind: 'timed-out', mostConnections: 1 });
  });

  it('opens a monitor that counts, and that is closed at the end of a block', async ({
    onTestFinished,
  }) => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    await once(client, 'connect');
    let opened: library.Monitor;
    {
      using monitor = library.openMonitor({ addresses: [`tcp://127.0.0.1:${port}`] });
      opened = monitor;
      const sample = monitor.sample();
      expect(sample).toMatchObject({
        kind: 'counted',
        connections: [{ peer: `127.0.0.1:${client.localPort}` }],
      });
      expect(await monitor.daemonsOf(sample)).toMatchObject([{ listeners: [expect.any(Number)] }]);
    }
    for (const use of [
      () => opened.sample(),
      () => opened.isUnchanged(),
      () => opened.traffic(),
      () => opened.onEnd(() => {}),
    ]) {
      expect(use).toThrow(closed);
    }
    opened.close();
  });

  it('refuses a callback of a monitor that is no function', ({ onTestFinished }) => {
    const monitor = library.openMonitor({ addresses: [tcpEndpoint.address] });
    onTestFinished(() => monitor.close());
    expect(() => monitor.onEnd(null as never)).toThrow(badValue);
  });

  it('has a client of builds that is closed at the end of a block', async () => {
    let opened: library.BuildsClient;
    {
      using client = library.createBuildsClient({ endpoint: tcpEndpoint });
      opened = client;
    }
    expect(await opened.ask()).toMatchObject({ kind: 'unknown', error: { code: 'ERR_CLOSED' } });
  });
});
