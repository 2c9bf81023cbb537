import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, expectTypeOf, it } from 'vitest';
import {
  type ConnectionsUpdate,
  countConnections,
  type Endpoint,
  type EndpointSnapshot,
  openBackend,
  openMonitor,
  parseEndpoint,
  type SkippedBackend,
  type TcpEndpoint,
  type TrackedEndpoint,
  type UnixEndpoint,
  waitForDrain,
  watchConnections,
} from '../../src/index.ts';

// What a user's program says. The compiler reads it; nothing runs it.

function usesBackends(either: Endpoint, text: string): void {
  const tcp = parseEndpoint('tcp://127.0.0.1:8080');
  const unix = parseEndpoint('unix:///run/some.sock');
  expectTypeOf(tcp).toEqualTypeOf<TcpEndpoint>();
  expectTypeOf(unix).toEqualTypeOf<UnixEndpoint>();
  expectTypeOf(parseEndpoint(text)).toEqualTypeOf<Endpoint>();

  using sockDiag = openBackend('sock-diag');
  using open = sockDiag.open(tcp);
  expectTypeOf(open.poll()).toEqualTypeOf<EndpointSnapshot>();
  open
    .traffic()
    .get(open.poll().connections[0] ?? neverNull())
    ?.bytesReceived?.toFixed();
  open.takeEnded().map(({ peer }) => peer);
  open.onEnd(() => {});
  // @ts-expect-error The kernel keeps no traffic of unix sockets.
  sockDiag.open(unix).traffic();
  // @ts-expect-error It may be of a unix socket.
  sockDiag.open(either).traffic();
  const opened = sockDiag.open(either);
  if ('traffic' in opened) {
    expectTypeOf(opened).toExtend<TrackedEndpoint>();
  }

  using procfs = openBackend('procfs', { netDirectory: '/proc/1/net' });
  expectTypeOf(procfs.open(tcp).poll()).toEqualTypeOf<EndpointSnapshot>();
  // @ts-expect-error Its tables have no traffic.
  procfs.open(tcp).traffic();
  // @ts-expect-error That is procfs's option.
  openBackend('sock-diag', { netDirectory: '/proc/net' });
  // @ts-expect-error There is no such backend.
  openBackend('netlink');

  using first = openBackend();
  expectTypeOf(first.skipped).toEqualTypeOf<SkippedBackend | null>();
  expectTypeOf(first.open(tcp).poll()).toEqualTypeOf<EndpointSnapshot>();
  // @ts-expect-error It may be procfs.
  first.open(tcp).traffic();
  if (first.name === 'sock-diag') {
    first.open(tcp).traffic();
  }
}

declare function neverNull(): never;

async function watches(signal: AbortSignal): Promise<void> {
  await using watch = watchConnections('tcp://127.0.0.1:8080', { intervalMs: 50, signal });
  for await (const update of watch) {
    expectTypeOf(update).toEqualTypeOf<ConnectionsUpdate>();
    if (update.kind === 'counted') {
      update.arrived.concat(update.left).map(({ peer }) => peer?.length);
    } else {
      update.error.code.startsWith('ERR_');
      // @ts-expect-error What has arrived is unknown.
      update.arrived;
    }
  }
  const { done, value } = await watch.next();
  if (!done) {
    expectTypeOf(value).toEqualTypeOf<ConnectionsUpdate>();
  }
  // @ts-expect-error It would be no limit of time.
  watchConnections('tcp://127.0.0.1:8080', { timeoutMs: 1 });
}

function counts(): number {
  const counted = countConnections('tcp://127.0.0.1:8080');
  // @ts-expect-error It may be unknown.
  counted.count.toFixed();
  if (counted.count === null) {
    throw counted.error;
  }
  counted.skipped?.reason.length;
  return counted.count;
}

async function waits(): Promise<void> {
  using monitor = openMonitor({ addresses: ['tcp://127.0.0.1:1234'] });
  expectTypeOf(monitor.traffic().size).toBeNumber();
  const outcome = await waitForDrain({ timeoutMs: 1000, builds: 'off' });
  if (outcome.kind === 'timed-out') {
    expectTypeOf(outcome.quietForMs).toEqualTypeOf<number | null>();
  }
  // @ts-expect-error It is quietPeriodMs.
  await waitForDrain({ quietPeriod: 1 });
}

it('has types that say what is there, and what may not be', () => {
  expect([usesBackends, watches, counts, waits]).toHaveLength(4);
  const file = fileURLToPath(import.meta.url);
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const config = ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile).config;
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram([file], options);
  const errors = ts
    .getPreEmitDiagnostics(program, program.getSourceFile(file))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  expect(errors).toEqual([]);
});
