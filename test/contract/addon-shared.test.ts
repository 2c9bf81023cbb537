import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printedBy, runScript } from '../support/addon-script.ts';

/** What a script printed that runs in a Node.js of its own, which may open 1,024 descriptors. */
function printed(script: string): Promise<string> {
  const source = `
    const addon = loadAddon();
    const before = descriptors().length;
    const more = () => descriptors().length - before;
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    ${script}`;
  return printedBy(runScript(source, ['sh', '-c', 'ulimit -n 1024 && exec "$@"', 'sh']));
}

/** Three endpoints, of which the last two have one and two clients, and a tracker of each of those. */
const two = `
  const daemon = await startEndpoints(3);
  const [, mine, theirs] = daemon.addresses.map((port) => new addon.TcpTracker(port));
  const calls = { mine: 0, theirs: 0 };
  mine.poll();
  theirs.poll();
  const clients = (tracker) => tracker.sockets().filter(({ state }) => state !== 'listen').length;
  const call = () => {
    mine.onDestroyed(() => { calls.mine += 1; });
    theirs.onDestroyed(() => { calls.theirs += 1; });
  };
  const end = () => { mine.close(); theirs.close(); return daemon.end(); };
  /** Until then the event loop reads nothing. */
  const block = (ms, what = () => {}) => { for (const until = Date.now() + ms; Date.now() < until; ) what(); };`;

describe.concurrent('trackers of one environment', () => {
  it('share three descriptors, which are closed with the last tracker', async () => {
    expect(
      await printed(`const tcp = [1, 2, 3].map((port) => new addon.TcpTracker(port));
        const unix = ['a', 'b'].map((name) => new addon.UnixTracker(Buffer.from('/nowhere/' + name)));
        const counts = [];
        for (const each of [...tcp, ...unix]) { each.poll(); counts.push(more()); }
        for (const each of [...tcp, ...unix]) { each.close(); counts.push(more()); }
        const again = new addon.TcpTracker(1);
        again.poll();
        console.log(...counts, more());`),
    ).toBe('3 3 3 3 3 3 3 2 2 0 3');
  });

  it('are called back about ends that another one has read', async () => {
    expect(
      await printed(`${two} call();
        daemon.ask('leave');
        block(500, () => theirs.poll());
        console.log(calls.mine, calls.theirs, clients(theirs));
        await waitFor('the callback', () => calls.mine > 0);
        await sleep(100);
        console.log(calls.mine, mine.takeEnded().length, theirs.takeEnded().length);
        mine.poll();
        console.log(clients(mine), mine.seenBetweenPolls(), theirs.seenBetweenPolls());
        await end();`),
    ).toBe('0 0 0\n1 1 2\n0 0 0');
  });

  it('are called back about ends that had been read before the callback was set', async () => {
    expect(
      await printed(`${two}
        daemon.ask('leave');
        block(500, () => theirs.poll());
        call();
        await waitFor('the callback', () => calls.mine > 0);
        console.log(calls.theirs);
        await end();`),
    ).toBe('0');
  });

  it('are all called back after an overflow of the queue of events, and later as before', async () => {
    expect(
      await printed(`${two}
        const first = new addon.TcpTracker(daemon.addresses[0]);
        first.poll();
        call();
        daemon.ask('churn 6000');
        // The queue holds some 1,600 events, and each connection makes one of this port.
        const file = '/proc/net/netlink';
        const { readFileSync } = await import('node:fs');
        const dropped = () => readFileSync(file, 'utf8').split('\\n').slice(1, -1)
          .reduce((sum, line) => sum + Number(line.trim().split(/\\s+/)[8]), 0);
        const start = dropped();
        while (dropped() === start) block(20);
        await waitFor('both callbacks', () => calls.mine > 0 && calls.theirs > 0);
        await daemon.done();
        await sleep(200);
        for (const each of [first, mine, theirs]) each.poll();
        console.log(clients(first), clients(mine), clients(theirs));
        calls.mine = 0;
        daemon.ask('leave');
        await waitFor('the next callback', () => calls.mine > 0);
        first.close();
        await end();`),
    ).toBe('0 1 2');
  });

  it('may all be closed by the callback of one', async () => {
    expect(
      await printed(`${two}
        let calls_ = 0;
        for (const each of [mine, theirs]) {
          each.onDestroyed(() => { calls_ += 1; mine.close(); theirs.close(); gc(); });
        }
        daemon.ask('leave');
        await waitFor('a callback', () => calls_ > 0);
        console.log(calls_, more());
        await daemon.end();`),
    ).toMatch(/^1 \d$/);
  });

  it('are apart from those of another thread, which may end first', async () => {
    const result = `
      const tracker = new addon.TcpTracker(port);
      tracker.poll();
      tracker.onDestroyed(() => {});
      parent.on('message', () => parent.close());
      parent.postMessage('ready');`;
    expect(
      await printed(`${two} call();
        const worker = startWorker(${JSON.stringify(result)}, { port: daemon.addresses[1] });
        const alone = more();
        await new Promise((resolve) => worker.once('message', resolve));
        console.log(more() - alone);
        worker.postMessage('end');
        await new Promise((resolve) => worker.once('exit', resolve));
        console.log(more() - alone);
        daemon.ask('leave');
        await waitFor('both callbacks', () => calls.mine > 0 && calls.theirs > 0);
        await end();`),
    ).toBe('3\n0');
  });
});

// Of each process 250: it needs up to three descriptors for each.
describe('1,000 endpoints in a process with 1,024 descriptors', () => {
  const check = (create: string, folders: string): string => `
    const folders = ${folders};
    const daemons = await Promise.all(folders.map((folder) => startEndpoints(250, folder)));
    const addresses = daemons.flatMap(({ addresses }) => addresses);
    const trackers = addresses.map((address) => ${create});
    const sum = () => trackers.reduce((total, tracker, index) => {
      tracker.poll();
      const sockets = tracker.sockets();
      const accepted = sockets.accepted ?? sockets.filter(({ state }) => state === 'established');
      const listeners = sockets.listeners ?? sockets.filter(({ state }) => state === 'listen');
      const expected = isFull ? (index % 250) % 3 : 0;
      return total + Number(accepted.length !== expected || listeners.length !== 1);
    }, 0);
    let isFull = true;
    const open = more();
    for (let i = 0; i < 3; i += 1) console.log(sum());
    const whileOpen = more() - open;
    for (const daemon of daemons) daemon.ask('leave');
    for (const daemon of daemons) await daemon.done();
    isFull = false;
    console.log(sum(), trackers.length);
    const beforeClose = more();
    for (const tracker of trackers) tracker.close();
    console.log(whileOpen, beforeClose - more());
    for (const daemon of daemons) await daemon.end();`;
  const right = (descriptors: number): string => `0\n0\n0\n0 1000\n${descriptors} ${descriptors}`;

  it('are counted over TCP, with three descriptors', async () => {
    expect(
      await printed(
        check('new addon.TcpTracker(address)', '[undefined, undefined, undefined, undefined]'),
      ),
    ).toBe(right(3));
  });

  it('are counted over unix sockets, with one descriptor', async () => {
    const folders = [1, 2, 3, 4].map(() => mkdtempSync(join(tmpdir(), 'buildkit-drain-')));
    try {
      expect(
        await printed(
          check('new addon.UnixTracker(Buffer.from(address))', JSON.stringify(folders)),
        ),
      ).toBe(right(1));
    } finally {
      for (const folder of folders) {
        rmSync(folder, { recursive: true });
      }
    }
  });
});
