import { describe, expect, it } from 'vitest';
import { printedBy, runScript } from '../support/addon-script.ts';

const node = (script: string) => runScript(`import { once } from 'node:events'; ${script}`);
const printed = (script: string) => printedBy(node(script));

/** Of a worker or the main thread: objects of each kind, and a callback that is waited for. */
const openAll = `
  const tracker = new addon.TcpTracker(port);
  const unixTracker = new addon.UnixTracker(name);
  const sockDiag = new addon.SockDiag();
  const pollAll = () => {
    tracker.poll();
    tracker.sockets();
    tracker.ids();
    tracker.traffic();
    tracker.portsBetweenPolls();
    unixTracker.poll();
    unixTracker.sockets();
    sockDiag.tcp(port);
    sockDiag.tcpListeners();
    sockDiag.unix(name);
  };
  pollAll();`;
/** Nothing but its close and the end of its thread ends this one. */
const listen = "const listener = addon.listenAbstract(Buffer.from('test/' + Math.random()));";
const onMain =
  'const fixture = await openFixture(); const { port, name } = fixture; const addon = loadAddon();';

describe.concurrent('threads', () => {
  it('poll at the same time, each with its own objects, and see the same', async () => {
    const result = `${openAll}
      for (let i = 0; i < 100; i += 1) pollAll();
      const established = () => tracker.sockets().filter(({ state }) => state === 'established');
      parent.on('message', () => {
        pollAll();
        parent.postMessage([established().length, unixTracker.sockets().accepted.length]);
        parent.close();
      });`;
    expect(
      await printed(`const fixture = await openFixture();
        const workers = [1, 2, 3, 4].map(() => startWorker(${JSON.stringify(result)}, fixture));
        for (let i = 0; i < 50; i += 1) await (await fixture.arrive()).leave();
        const lasting = [await fixture.arrive(), await fixture.arrive(), await fixture.arriveByUnix()];
        for (const worker of workers) {
          worker.postMessage('poll');
          console.log(...await messagesOf(worker));
        }
        for (const client of lasting) await client.leave();
        fixture.close();`),
    ).toBe(Array(4).fill('[ 2, 1 ] 0').join('\n'));
  });

  it('can be terminated while they poll and wait for callbacks, and leave nothing open', async () => {
    const result = `${openAll}
      tracker.onDestroyed(() => parent.postMessage('ended'));
      const on = () => { for (let i = 0; i < 20; i += 1) pollAll(); setImmediate(on); };
      on();`;
    expect(
      await printed(`const fixture = await openFixture();
        const round = async (i) => {
          const worker = startWorker(${JSON.stringify(result)}, fixture);
          await once(worker, 'online');
          const client = await fixture.arrive();
          setTimeout(() => client.leave(), 10 + i);
          await new Promise((resolve) => setTimeout(resolve, 10 + (i * 7) % 20));
          await worker.terminate();
        };
        await round(0);
        const before = descriptors().length;
        for (let i = 0; i < 12; i += 4) await Promise.all([0, 1, 2, 3].map((j) => round(i + j)));
        await waitFor('all is closed', () => descriptors().length <= before);
        fixture.close();
        console.log('closed');`),
    ).toBe('closed');
  });

  it('can be terminated from within a callback that does not end', async () => {
    const result = `${openAll}
      ${listen}
      tracker.onDestroyed(() => { parent.postMessage('called'); for (;;) pollAll(); });
      parent.on('message', () => {});
      parent.postMessage('armed');`;
    expect(
      await printed(`const fixture = await openFixture();
        const before = descriptors().length;
        const client = await fixture.arrive();
        const worker = startWorker(${JSON.stringify(result)}, fixture);
        await once(worker, 'message');
        await client.leave();
        await once(worker, 'message');
        await worker.terminate();
        await waitFor('all is closed', () => descriptors().length <= before);
        fixture.close();
        console.log('closed');`),
    ).toBe('closed');
  });

  it('can end while a callback is due', async () => {
    const result = `${openAll}
      tracker.onDestroyed(() => parent.postMessage('called'));
      parent.once('message', () => {
        // The event comes while this thread is kept from its event loop.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
        process.exit(7);
      });`;
    expect(
      await printed(`const fixture = await openFixture();
        const client = await fixture.arrive();
        const worker = startWorker(${JSON.stringify(result)}, fixture);
        worker.on('message', (said) => console.log(said));
        worker.postMessage('end');
        await client.leave();
        console.log(...await once(worker, 'exit'));
        fixture.close();`),
    ).toBe('7');
  });

  it('can load the addon again after the only thread with it has ended', async () => {
    const result = `${openAll}
      tracker.onDestroyed(() => {});
      parent.postMessage(tracker.sockets().length);`;
    expect(
      await printed(`const fixture = await openFixture();
        for (let i = 0; i < 3; i += 1) {
          const worker = startWorker(${JSON.stringify(result)}, fixture);
          console.log(...await messagesOf(worker));
        }
        fixture.close();`),
    ).toBe(Array(3).fill('1 0').join('\n'));
  });

  it('learn of an error thrown by a callback as of any other', async () => {
    const result = `${openAll}
      tracker.onDestroyed(() => { throw new Error('mine'); });
      parent.on('message', () => tracker.poll());
      parent.postMessage('armed');`;
    expect(
      await printed(`const fixture = await openFixture();
        const client = await fixture.arrive();
        const worker = startWorker(${JSON.stringify(result)}, fixture);
        await once(worker, 'message');
        worker.on('error', (error) => { console.log(error.message); fixture.close(); });
        await client.leave();`),
    ).toBe('mine');
  });
});

describe.concurrent('a process', () => {
  it.each([
    ['at once', 'process.exit(7);'],
    ['from a callback', 'tracker.onDestroyed(() => process.exit(7)); await client.leave();'],
    [
      'with a callback due',
      `client.leave().then(() => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
        process.exit(7);
      });`,
    ],
    [
      'at its end',
      "process.on('exit', () => { pollAll(); process.exitCode = 7; }); process.exit();",
    ],
  ])('that exits %s with everything open has the exit code that it asked for', async (_, end) => {
    const result = `${openAll} tracker.onDestroyed(() => {}); setInterval(pollAll, 1);`;
    const { code, signal, stderr } = await node(`${onMain}
      const client = await fixture.arrive();
      await once(startWorker(${JSON.stringify(result)}, fixture), 'online');
      ${openAll}
      tracker.onDestroyed(() => {});
      ${end}
      setInterval(() => {}, 1000);`);
    expect({ code, signal, stderr }).toEqual({ code: 7, signal: null, stderr: '' });
  });

  it('hands nothing that the addon has open to a program that it starts', async () => {
    const [own, inherited] = (
      await printed(`import { spawnSync } from 'node:child_process';
        ${onMain}
        const before = new Set(descriptors());
        ${openAll}
        ${listen}
        tracker.onDestroyed(() => {});
        const own = descriptors().filter((each) => !before.has(each));
        console.log(own.length);
        const ls = spawnSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' }).stdout;
        console.log(own.filter((each) => ls.includes(each)).length);
        fixture.close();`)
    ).split('\n');
    // Of the trackers their questions, the events and the counter; of SockDiag its questions; the listener.
    expect(own).toBe('5');
    expect(inherited).toBe('0');
  });

  it('gets back the descriptors of objects that were never closed and are no longer referenced', async () => {
    expect(
      await printed(`${onMain}
        const before = descriptors().length;
        const openAndForget = () => { ${openAll} return descriptors().length - before; };
        let most = 0;
        for (let i = 0; i < 10; i += 1) most = Math.max(most, openAndForget());
        console.log(most > 0);
        await waitFor('all is closed', () => { gc(); return descriptors().length === before; });
        console.log('closed');
        fixture.close();`),
    ).toBe('true\nclosed');
  });

  it('closes a listener once, and nothing but a listener', async () => {
    expect(
      await printed(`${onMain}
        const before = descriptors().length;
        const open = [1, 2, 3].map(() => { ${listen} return listener; });
        const opened = () => descriptors().length - before;
        addon.closeAbstract(open[0]);
        console.log(opened());
        addon.closeAbstract(open[0]);
        for (const other of [-1, 0, 1e9, NaN, '3', undefined]) addon.closeAbstract(other);
        console.log(opened());
        open.forEach(addon.closeAbstract);
        console.log(opened());
        fixture.close();`),
    ).toBe('2\n2\n0');
  });

  it('keeps an object that its own callback refers to, until that is not waited for any more', async () => {
    expect(
      await printed(`${onMain}
        const arm = () => {
          const tracker = new addon.TcpTracker(port);
          tracker.poll();
          tracker.onDestroyed(() => { console.log('called'); tracker.onDestroyed(null); });
        };
        const client = await fixture.arrive();
        const before = descriptors().length;
        arm();
        for (let i = 0; i < 5; i += 1) { gc(); await new Promise(setImmediate); }
        await client.leave();
        await waitFor('all is closed', () => { gc(); return descriptors().length < before; });
        fixture.close();`),
    ).toBe('called');
  });

  it('may load it several times, in several contexts, and use the one with the other', async () => {
    expect(
      await printed(`import { runInNewContext } from 'node:vm';
        ${onMain}
        const loadAnew = () => {
          const module = { exports: {} };
          process.dlopen(module, process.env.ADDON);
          return module.exports;
        };
        const other = loadAnew();
        console.log(other.TcpTracker !== addon.TcpTracker);
        const inContext = runInNewContext('load()', { load: loadAnew });
        const results = [addon, other, inContext].map(({ TcpTracker }) => {
          const tracker = runInNewContext('new TcpTracker(port)', { TcpTracker, port });
          tracker.poll();
          return tracker;
        });
        for (const tracker of results) {
          for (const { TcpTracker } of [addon, other, inContext]) {
            try { TcpTracker.prototype.poll.call(tracker); } catch (error) { if (!/Illegal invocation/.test(error.message)) throw error; }
          }
          console.log(tracker.sockets().length);
          tracker.close();
        }
        fixture.close();`),
    ).toBe('true\n1\n1\n1');
  });
});
