import { describe, expect, it } from 'vitest';
import * as library from '../../src/index.ts';
import { tcpEndpoint, unixEndpoint } from './support/samples.ts';

const backend = {
  name: 'procfs',
  open: () => ({ poll: () => empty, tcp: null, close: () => {} }),
} as const;
const empty = { revision: 1, listenerInodes: [5], connections: [] };
const daemon: library.DaemonWatch = {
  remember: () => {},
  state: () => ({ kind: 'dead', wasThere: true }),
  ownersOf: () => [],
  haveNoOthers: () => false,
};
const poller = library.withFallback(tcpEndpoint, [backend], () => {});
const watched = { endpoint: tcpEndpoint, isAssumed: false, poller };
const sampler = library.createSampler([watched], daemon);
const input: library.DrainInput = {
  sampler,
  builds: null,
  config: { ...library.drainDefaults, quietPeriodMs: 1, builds: 'off' },
  clock: library.createMonotonicClock(),
  signal: new AbortController().signal,
  onEvent: () => {},
};
const configured = (changes: object): object => ({
  ...input,
  config: { ...input.config, ...changes },
});

type Call = (...args: never[]) => unknown;
const withoutArguments: readonly string[] = ['createMonotonicClock', 'createSockDiagBackend'];

/** What each function is called with, and what is said to it. */
const refused: Readonly<Record<string, readonly (readonly [unknown[], string, Error])[]>> = {
  parseEndpoint: [[[1234], 'a string for text but received 1234', new TypeError()]],
  createProcfsBackend: [[[], 'a string for netDirectory but received undefined', new TypeError()]],
  withFallback: [
    [
      ['tcp://0.0.0.0:1', [backend], () => {}],
      "for endpoint but received 'tcp://0.0.0.0:1'",
      new TypeError(),
    ],
    [
      [{ ...tcpEndpoint, localPort: '1' }, [backend], () => {}],
      "for endpoint.localPort but received '1'",
      new TypeError(),
    ],
    [
      [{ ...tcpEndpoint, localPort: 65536 }, [backend], () => {}],
      'a whole number from 1 to 65535 for endpoint.localPort but received 65536',
      new RangeError(),
    ],
    [
      [{ ...tcpEndpoint, kind: 'udp' }, [backend], () => {}],
      "'tcp' or 'unix' for endpoint.kind but received 'udp'",
      new RangeError(),
    ],
    [
      [{ ...unixEndpoint, path: null }, [backend], () => {}],
      'a string for endpoint.path but received null',
      new TypeError(),
    ],
    [
      [tcpEndpoint, [], () => {}],
      'a list of at least one backend for backends but received []',
      new RangeError(),
    ],
    [
      [tcpEndpoint, [{ name: 'mine' }], () => {}],
      'a function for backends[0].open but received undefined',
      new TypeError(),
    ],
    [[tcpEndpoint, [backend]], 'a function for notify but received undefined', new TypeError()],
  ],
  watchDaemon: [
    [[null, true], 'a string for procRoot but received null', new TypeError()],
    [['/proc', 'no'], "a boolean for inPod but received 'no'", new TypeError()],
    [['/proc', true, { defer: 1 }], 'a function for options.defer but received 1', new TypeError()],
  ],
  createSampler: [
    [
      [[], daemon],
      'a list of at least one endpoint to watch for watched but received []',
      new RangeError(),
    ],
    [[watched, daemon], 'for watched but received', new TypeError()],
    [
      [[{ ...watched, poller: null }], daemon],
      'what withFallback returns for watched[0].poller but received null',
      new TypeError(),
    ],
    [[[watched]], 'what watchDaemon returns for daemon but received undefined', new TypeError()],
  ],
  createBuildsClient: [
    [[], 'options for options but received undefined', new TypeError()],
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
  openBuilds: [
    [[[], null], 'a function for daemonsOf but received []', new TypeError()],
    [[() => []], 'a source of TLS files for tls but received undefined', new TypeError()],
  ],
  findEndpoints: [
    [[], 'a string for procRoot but received undefined', new TypeError()],
    [
      ['/proc', { pid: 1.5 }],
      'a whole number from 1 on for options.pid but received 1.5',
      new RangeError(),
    ],
  ],
  drain: [
    [[], 'for input but received undefined', new TypeError()],
    [
      [{ ...input, sampler: {} }],
      'a function for input.sampler.sample but received undefined',
      new TypeError(),
    ],
    [[{ ...input, builds: undefined }], 'for input.builds but received undefined', new TypeError()],
    [
      [{ ...input, signal: {} }],
      'a boolean for input.signal.aborted but received undefined',
      new TypeError(),
    ],
    [
      [{ ...input, onEvent: null }],
      'a function for input.onEvent but received null',
      new TypeError(),
    ],
    [
      [configured({ intervalMs: Number.NaN })],
      'a number of milliseconds from 1 to 2147483647 for input.config.intervalMs but received NaN',
      new RangeError(),
    ],
    [
      [configured({ intervalMs: 0 })],
      'for input.config.intervalMs but received 0',
      new RangeError(),
    ],
    [
      [configured({ intervalMs: '100ms' })],
      "for input.config.intervalMs but received '100ms'",
      new TypeError(),
    ],
    [
      [configured({ quietPeriodMs: Infinity })],
      'for input.config.quietPeriodMs but received Infinity',
      new RangeError(),
    ],
    [
      [configured({ quietPeriodMs: -1 })],
      'for input.config.quietPeriodMs but received -1',
      new RangeError(),
    ],
    [
      [configured({ timeoutMs: undefined })],
      'for input.config.timeoutMs but received undefined',
      new TypeError(),
    ],
    [
      [configured({ maxConnections: 0.5 })],
      'a whole number from 0 on for input.config.maxConnections but received 0.5',
      new RangeError(),
    ],
    [
      [configured({ builds: 'no' })],
      "'auto' or 'off' or 'require' for input.config.builds but received 'no'",
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
    expect([...functions.keys()].sort()).toEqual(
      [...Object.keys(refused), ...withoutArguments].sort(),
    );
  });

  it('shows no more of a large value than a line', () => {
    const call = (): unknown => library.parseEndpoint({ text: 'x'.repeat(10_000) } as never);
    expect(call).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{1,150}$/) }));
  });

  it('waits with what it takes', async () => {
    expect(await library.drain(input)).toMatchObject({ kind: 'drained' });
  });

  it.each([
    ['sock-diag', library.createSockDiagBackend()],
    ['procfs', library.createProcfsBackend('/proc/net')],
  ])('has a backend, %s, that opens endpoints alone, and polls none that is closed', (_, own) => {
    expect(() => own.open({ kind: 'tcp', localPort: 0 } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_VALUE' }),
    );
    for (const endpoint of [tcpEndpoint, unixEndpoint]) {
      const open = own.open(endpoint);
      if (open.tcp !== null) {
        expect(() => open.tcp?.onEnd('no' as never)).toThrow(
          expect.objectContaining({ code: 'ERR_BAD_VALUE' }),
        );
      }
      expect(open.poll()).toMatchObject({ connections: [] });
      open.close();
      open.close();
      expect(() => open.poll()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
    }
  });

  it('does not count without anything to look at', async () => {
    const { createSampler } = await import('../../src/monitor/sampler.ts');
    const nothing = {
      ...{ targets: [], open: () => poller, rediscovery: null, now: () => 0 },
      onListenerGone: () => {},
    };
    expect(createSampler({ ...nothing, daemon }).sample()).toMatchObject({ kind: 'gone' });
    const alive = {
      ...daemon,
      state: () => ({ kind: 'unknown', reason: 'it is hidden' }) as const,
    };
    expect(createSampler({ ...nothing, daemon: alive }).sample()).toMatchObject({
      kind: 'failed',
      error: { code: 'ERR_NO_LISTENER' },
    });
  });
});
