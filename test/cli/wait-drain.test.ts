import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startWait } from '../support/cli.ts';
import type { PeerProcess } from '../support/peer-process.ts';
import { it } from '../support/test.ts';

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkit.sock';

async function listen(daemon: PeerProcess, addresses: readonly string[]): Promise<string[]> {
  for (const address of addresses) {
    await daemon.listen(address);
  }
  return addresses.flatMap((address) => ['--addr', address]);
}

describe.concurrent('wait', () => {
  it.for([
    ['TCP', [tcp], [tcp, tcp]],
    ['a unix socket', [unix], [unix, unix]],
    ['TCP and a unix socket, the last one through TCP', [tcp, unix], [unix, tcp]],
    ['TCP and a unix socket, the last one through the unix socket', [unix, tcp], [tcp, unix]],
  ] as const)(
    'is drained a quiet period after the last client of %s has left',
    async ([, listened, [first, last]], { sandbox, daemon, clients }) => {
      const addr = await listen(daemon, listened);
      const early = await clients.connect(first);
      const late = await clients.connect(last);
      const wait = await startWait(sandbox, addr);
      await wait.counted(2);
      await clients.leave(early);
      await wait.counted(1);
      const leftMs = performance.now();
      await clients.leave(late);

      const { code, outcome, logs } = await wait.ended;
      expect(performance.now() - leftMs).toBeGreaterThanOrEqual(500);
      expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
      expect(logs.at(-1)).toMatchObject({ event: 'ended', mostConnections: 2, connections: 0 });
    },
  );

  it.for([
    [tcp, 'sock-diag'],
    [tcp, 'procfs'],
    [unix, 'sock-diag'],
    [unix, 'procfs'],
  ] as const)(
    'is drained when a stopped daemon has only clients in its queue that gave up (%s, by %s)',
    async ([address, backend], { sandbox, daemon, clients }) => {
      const addr = await listen(daemon, [address]);
      await daemon.process.signal('SIGSTOP');
      const probes = await clients.connect(address, 3);
      const builder = await clients.connect(address);
      await clients.say([...probes, ...builder], 'a word to somebody who does not listen');
      const wait = await startWait(sandbox, [...addr, '--backend', backend]);
      await wait.counted(4);
      await clients.leave(probes);
      await wait.counted(1);
      await clients.leave(builder);
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    },
  );

  it('names the clients that are connected, connect and leave', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    const [first] = await clients.connect(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp]);
    const started = await wait.event('started');
    expect(started.message).toContain(first?.name);
    expect(started).toMatchObject({
      connections: 1,
      clients: [{ endpoint: tcp, peer: first?.name }],
      endpoints: [{ address: tcp, backend: 'sock-diag', listening: true }],
    });
    const [second] = await clients.connect(tcp);
    expect(await wait.counted(2)).toMatchObject({ arrived: [{ peer: second?.name }], left: [] });
    await clients.leave(first ? [first] : []);
    expect(await wait.counted(1)).toMatchObject({ arrived: [], left: [{ peer: first?.name }] });
    await clients.leave(second ? [second] : []);
    expect((await wait.ended).code).toBe(0);
  });

  it('starts the quiet period over when a client comes back', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    const first = await clients.connect(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--quiet-period', '1200ms']);
    await wait.counted(1);
    await clients.leave(first);
    await wait.counted(0);
    await delay(700);
    const second = await clients.connect(tcp);
    await wait.counted(1);
    const leftMs = performance.now();
    await clients.leave(second);
    const { code, outcome } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(performance.now() - leftMs).toBeGreaterThanOrEqual(1200);
  });

  it('exits 3 at the deadline while a client is connected', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--timeout', '1s']);
    const { code, outcome, logs } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 3, outcome: 'timed-out' });
    expect(logs.at(-1)).toMatchObject({ level: 'error', connections: 1 });
    expect(logs.at(-1)?.['waitedMs']).toBeGreaterThanOrEqual(1000);
  });

  it.for([
    ['TCP', tcp],
    ['a unix socket', unix],
  ] as const)(
    'waits for a client of %s that the daemon has not accepted yet',
    async ([, address], { sandbox, daemon, clients }) => {
      await daemon.listen(address);
      await daemon.process.signal('SIGSTOP');
      const some = await clients.connect(address);
      const wait = await startWait(sandbox, ['--addr', address]);
      expect((await wait.counted(1)).message).toContain('not accepted yet');
      await delay(700);
      expect(wait.process.hasEnded()).toBe(false);
      await daemon.process.signal('SIGCONT');
      await clients.leave(some);
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    },
  );

  it.for([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)(
    'that gets %s exits %i, and names the clients that are still connected',
    async ([signal, expected], { sandbox, daemon, clients }) => {
      await daemon.listen(tcp);
      const [client] = await clients.connect(tcp);
      const wait = await startWait(sandbox, ['--addr', tcp, '--interval', '1h']);
      await wait.counted(1);
      await wait.process.signal(signal);
      const { code, outcome, logs } = await wait.ended;
      expect({ code, outcome }).toEqual({ code: expected, outcome: 'interrupted' });
      expect(logs.at(-1)?.message).toContain(client?.name);
    },
  );

  it('counts the TCP clients that came and went between two polls', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--interval', '1h', '--timeout', '2s']);
    await wait.counted(0);
    for (let times = 0; times < 3; times += 1) {
      await clients.leave(await clients.connect(tcp));
    }
    const { logs } = await wait.ended;
    expect(logs.at(-1)).toMatchObject({ mostConnections: 0, seenBetweenPolls: 3 });
  });

  it('is woken by the end of a TCP client before the next poll is due', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    const some = await clients.connect(tcp, 2);
    const wait = await startWait(sandbox, ['--addr', tcp, '--interval', '1h', '--timeout', '20s']);
    await wait.counted(2);
    await clients.leave(some);
    const { outcome, logs } = await wait.ended;
    expect(outcome).toBe('drained');
    expect(logs.at(-1)?.['waitedMs']).toBeLessThan(20_000);
  });

  it('can be done twice at the same time', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    const some = await clients.connect(tcp);
    const waits = await Promise.all([
      startWait(sandbox, ['--addr', tcp]),
      startWait(sandbox, ['--addr', tcp, '--backend', 'procfs']),
      startWait(sandbox, ['--addr', tcp, '--timeout', '900ms']),
    ]);
    await Promise.all(waits.map((wait) => wait.counted(1)));
    expect(await waits[2]?.ended).toMatchObject({ code: 3 });
    await clients.leave(some);
    expect(await waits[0]?.ended).toMatchObject({ code: 0, outcome: 'drained' });
    expect(await waits[1]?.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });
});
