import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Cli, startCli } from '../support/cli.ts';
import {
  counterRows,
  discoveryRows,
  eventRows,
  type FaultRow,
  faultsPage,
  markRows,
  procfsTcpRows,
  procfsUnixRows,
  questionRows,
  tcpMemoryRows,
  unixMemoryRows,
} from '../support/fault-table.ts';
import { type ErrnoName, type Fault, type Faults, openFaults } from '../support/faults.ts';
import { startClients, startDaemon } from '../support/peer-process.ts';
import { ownPid } from '../support/pids.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkit.sock';
const quietPeriodMs = 120;

interface Case {
  readonly name: string;
  readonly faults: readonly Fault[];
  readonly outcome: FaultRow['outcome'];
  /** What the log is to say of it, and null where it is to say nothing. */
  readonly says: string | null;
}

function casesOf(rows: readonly FaultRow[]): Case[] {
  return rows.flatMap(({ fault, errnos = ['' as ErrnoName], faults, outcome, message }) =>
    errnos.map((errno) => ({
      name: `${fault} ${errno}`,
      faults: faults(errno),
      outcome,
      // A warning takes a while to be taken back: one of a kind is enough.
      says:
        outcome === 'counted' && errno !== errnos[0]
          ? null
          : (message?.replace('ERRNO', errno) ?? null),
    })),
  );
}

function wait(sandbox: Sandbox, faults: Faults, ...args: readonly string[]): Promise<Cli> {
  const quick = ['--interval', '10ms', '--quiet-period', `${quietPeriodMs}ms`, '--builds', 'off'];
  const log = ['--log-to', 'stderr', '--progress-every', '100ms'];
  return startCli(sandbox, ['wait', ...quick, ...log, ...args], { env: faults.env });
}

/** When what a wait does once, right after its first look, is done: Node.js itself dies without memory. */
async function settled(running: Cli): Promise<void> {
  await running.counted(1);
  await running.event('progress', 1);
}

/** Has a fault befall a wait that has a client, for longer than its quiet period. */
async function befall(running: Cli, faults: Faults, each: Case): Promise<void> {
  const known = running.logs().length;
  const news = (): string[] =>
    running
      .logs()
      .slice(known)
      .map(({ message }) => message);
  const events = (): unknown[] =>
    running
      .logs()
      .slice(known)
      .map(({ event }) => event);
  const heard = (what: string, read: () => boolean): Promise<unknown> =>
    waitFor(
      `${what} in "${each.name}", where the log says\n${news().join('\n')}`,
      () => {
        expect(running.process.hasEnded(), each.name).toBe(false);
        return read();
      },
      8000,
    );
  const { says } = each;

  faults.set(...each.faults);
  await heard('a strike', () => Number(faults.strikes().at(-1)) > 0);
  if (says !== null) {
    await heard(`the words "${says}"`, () => news().some((message) => message.includes(says)));
  }
  await delay(quietPeriodMs + 40);
  expect(running.process.hasEnded(), each.name).toBe(false);
  faults.set();
  if (each.outcome === 'failed') {
    await heard('its sight back', () => events().includes('count-recovered'));
  } else {
    expect(events(), each.name).not.toContain('count-failed');
    const isTakenBack = (): boolean =>
      events().filter((event) => event === 'backend-degraded').length === 2;
    await (says === null || heard('the warning taken back', isTakenBack));
  }
}

function expectDrained(running: Cli, leave: () => Promise<void>): Promise<void> {
  return expectAllDrained([running], leave);
}

async function expectAllDrained(waits: readonly Cli[], leave: () => Promise<void>): Promise<void> {
  expect(waits.map((each) => each.process.hasEnded())).not.toContain(true);
  const leftMs = performance.now();
  await leave();
  for (const running of waits) {
    expect(await running.ended).toMatchObject({ code: 0, outcome: 'drained' });
    expect(performance.now() - leftMs).toBeGreaterThanOrEqual(quietPeriodMs);
  }
}

describe.concurrent('a wait with a client continues during every fault, and ends after it,', () => {
  it.for([
    ['by sock-diag over tcp', tcp, 'sock-diag', questionRows],
    ['by sock-diag over unix', unix, 'sock-diag', questionRows],
    ['by the counter of new connections', tcp, 'sock-diag', counterRows],
    ['by sock-diag without memory over unix', unix, 'sock-diag', unixMemoryRows],
    ['by procfs over tcp', tcp, 'procfs', procfsTcpRows],
    ['by procfs over unix', unix, 'procfs', procfsUnixRows],
  ] as const)(
    '%s',
    { timeout: 300_000 },
    async ([, address, backend, rows], { sandbox, daemon, clients }) => {
      await daemon.listen(address);
      const some = await clients.connect(address);
      // Where the kernel tells of the ends of connections, looks are a second apart.
      const faults = openFaults(sandbox, { call: 'bind', effect: 'EPERM' });
      const running = await wait(sandbox, faults, '--addr', address, '--backend', backend);
      await settled(running);
      for (const each of casesOf(rows)) {
        await befall(running, faults, each);
      }
      await expectDrained(running, () => clients.leave(some));
    },
  );

  it('of the events that the kernel sends', { timeout: 300_000 }, async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    for (const { name, faults: some } of casesOf(eventRows)) {
      const [stays, leaves] = await clients.connect(tcp, 2);
      const faults = openFaults(sandbox, ...some);
      const running = await wait(sandbox, faults, '--addr', tcp);
      await running.counted(2);
      await clients.leave(leaves === undefined ? [] : [leaves]);
      await running.counted(1);
      await waitFor(`a strike of "${name}"`, () => Number(faults.strikes().at(-1)) > 0);
      await expectDrained(running, () => clients.leave(stays === undefined ? [] : [stays]));
      expect(
        running.logs().map(({ event }) => event),
        name,
      ).not.toContain('count-failed');
    }
  });

  it('of the drain marker', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    for (const { name, faults: some, says } of casesOf(markRows)) {
      const client = await clients.connect(tcp);
      const running = await wait(sandbox, openFaults(sandbox, ...some), '--addr', tcp);
      const told = await running.event('drain-marker-failed');
      if (says !== null) {
        expect(told.message, name).toBe(says);
      }
      await delay(quietPeriodMs + 40);
      await expectDrained(running, () => clients.leave(client));
    }
  });

  it('of telling whether a given process is in another network namespace', async ({ sandbox }) => {
    const apart = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
    const daemon = await startDaemon(sandbox, { through: apart });
    await daemon.listen(tcp);
    const pid = ownPid(daemon.process);
    const inIt = ['nsenter', `--net=/proc/${pid}/ns/net`];
    const clients = await startClients(sandbox, { through: inIt });
    // Here somebody else listens on that port, and has no client.
    await (await startDaemon(sandbox, { name: 'other' })).listen(tcp);
    const some = await clients.connect(tcp);
    const faults = openFaults(sandbox, {
      call: 'statx',
      by: 'any',
      on: `/proc/${pid}/net`,
      effect: 'EMFILE',
    });
    const running = await wait(sandbox, faults, '--addr', tcp, '--pid', pid);
    await running.counted(1);
    expect(faults.strikes()).toEqual([expect.any(Number)]);
    expect(faults.strikes()[0]).toBeGreaterThan(0);
    await delay(quietPeriodMs + 40);
    await expectDrained(running, () => clients.leave(some));
  });

  it('of memory for the clients that come', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    const first = await clients.connect(tcp);
    const [each] = casesOf(tcpMemoryRows);
    const faults = openFaults(sandbox, { call: 'bind', effect: 'EPERM' });
    const running = await wait(sandbox, faults, '--addr', tcp, '--backend', 'sock-diag');
    await settled(running);
    faults.set(...(each?.faults ?? []));
    const others = await clients.connect(tcp, 40);
    expect(await running.event('count-failed')).toMatchObject({ error: { code: 'ENOMEM' } });
    await delay(quietPeriodMs + 40);
    faults.set();
    await running.counted(41);
    await expectDrained(running, () => clients.leave([...first, ...others]));
  });

  it('of memory for the first poll', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    const some = await clients.connect(tcp);
    // Node-API's own few bytes for an object are not ours to fail.
    const faults = openFaults(sandbox, { call: 'malloc', on: '4000', effect: 'ENOMEM' });
    const running = await wait(sandbox, faults, '--addr', tcp, '--backend', 'sock-diag');
    const { message } = await running.event('started');
    expect(message).toContain('sock_diag: malloc failed with ENOMEM');
    await delay(quietPeriodMs + 40);
    faults.set();
    await running.counted(1);
    await expectDrained(running, () => clients.leave(some));
  });

  it('of looking for the daemon', { timeout: 300_000 }, async ({ sandbox, daemon, clients }) => {
    // Nobody would look there who has not found it, and where one would look nobody is connected.
    await daemon.listen('tcp://127.0.0.1:8372');
    await (await sandbox.start(['mkdir', '/run/buildkit'])).ended;
    await daemon.listen('unix:///run/buildkit/buildkitd.sock');
    const pid = ownPid(daemon.process);
    const suffer = async ({ name, faults: some, says }: Case): Promise<Cli> => {
      const faults = openFaults(sandbox, ...some.map((fault) => onDaemon(fault, pid)));
      const running = await wait(sandbox, faults);
      await waitFor(`the words "${says}" in "${name}"`, () => {
        expect(running.process.hasEnded(), name).toBe(false);
        return running.logs().some(({ message }) => message.includes(says ?? ''));
      });
      await delay(quietPeriodMs + 40);
      expect(running.process.hasEnded(), name).toBe(false);
      faults.set();
      await running.counted(1);
      return running;
    };
    for (const row of discoveryRows) {
      const some = await clients.connect('tcp://127.0.0.1:8372');
      const waits = await Promise.all(casesOf([row]).map(suffer));
      await expectAllDrained(waits, () => clients.leave(some));
    }
  });
});

describe.concurrent('a wait with a client, when a fault stays for ever', () => {
  const lasting = questionRows
    .filter(({ outcome, faults }) => outcome === 'failed' && !faults('EIO').some(isNowAndThen))
    .flatMap((row) => casesOf([row]).slice(0, 1))
    .map((each) => ({ ...each, faults: each.faults.filter(({ when }) => when !== 'first 1') }));

  it('changes to procfs and says why', { timeout: 300_000 }, async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(unix);
    const some = await clients.connect(unix);
    const start = async ({ name, faults, says }: Case): Promise<Cli> => {
      const running = await wait(sandbox, openFaults(sandbox, ...faults), '--addr', unix);
      const { reason } = await running.event('backend-chosen');
      expect(reason, name).toBe(says);
      await running.counted(1);
      return running;
    };
    await expectAllDrained(await inTurns(lasting, start), () => clients.leave(some));
  });

  it('exits 4 at its deadline when the only backend fails', {
    timeout: 300_000,
  }, async ({ sandbox, daemon, clients }) => {
    await daemon.listen(unix);
    await clients.connect(unix);
    await inTurns(lasting, async ({ name, faults, says }) => {
      const args = ['--addr', unix, '--backend', 'sock-diag', '--timeout', '500ms'];
      const { code, outcome, logs } = await (
        await wait(sandbox, openFaults(sandbox, ...faults), ...args)
      ).ended;
      expect({ name, code, outcome }).toEqual({ name, code: 4, outcome: 'unknown' });
      expect(logs.at(-1)?.message).toContain(says);
    });
  });
});

test('docs/faults-injected.md has all of these faults', async () => {
  await expect(faultsPage()).toMatchFileSnapshot('../../docs/faults-injected.md');
});

function onDaemon(fault: Fault, pid: string): Fault {
  return fault.on === undefined ? fault : { ...fault, on: fault.on.replace('PID', pid) };
}

function isNowAndThen({ when = 'always' }: Fault): boolean {
  return when.startsWith('every');
}

/** A few at a time. */
async function inTurns<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += 4) {
    results.push(...(await Promise.all(items.slice(at, at + 4).map(act))));
  }
  return results;
}
