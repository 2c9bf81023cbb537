import { describe, expect, it } from 'vitest';
import { printedBy, runScript } from '../support/addon-script.ts';

/** Of a worker or the main thread: trackers, and a loop over them that is waited for. */
const openAll = `
  const tracker = new addon.TcpTracker(port);
  const unixTracker = new addon.UnixTracker(name);
  const loop = new addon.PollLoop();
  const begin = (changes, onEnd) => {
    const plan = { everyMs: 5, dueInMs: Infinity, longestGapMs: Infinity, sinceLastMs: 0, ...changes };
    for (let i = 0; i < 3; i += 1) tracker.poll();
    const pairs = [[tracker, tracker.poll()], [unixTracker, unixTracker.poll()]];
    if (plan.seesTraffic) tracker.traffic();
    const { everyMs, dueInMs, longestGapMs, sinceLastMs } = plan;
    const sees = [plan.seesTraffic === true, plan.seesBetween === true];
    return loop.start(pairs, everyMs, dueInMs, longestGapMs, sinceLastMs, ...sees, onEnd);
  };
  const over = (changes) => new Promise((resolve) => begin(changes, resolve));`;

const node = (script: string) =>
  runScript(`
    import { once } from 'node:events';
    import { setTimeout as delay } from 'node:timers/promises';
    const fixture = await openFixture();
    const { port, name } = fixture;
    const addon = loadAddon();
    ${script}`);
const printed = (script: string) => printedBy(node(script));

const aClient = `
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  await delay(20);`;

describe.concurrent('a loop over trackers is over', () => {
  it.each([
    ['when it is due', '', 'over({ dueInMs: 100 })', ''],
    ['when a client arrives', '', 'over({})', 'await fixture.arrive();'],
    ['when one arrives by the unix socket', '', 'over({})', 'await fixture.arriveByUnix();'],
    ['when a client leaves', aClient, 'over({})', 'client.destroy();'],
    [
      'when a byte comes, if it looks',
      aClient,
      'over({ seesTraffic: true })',
      "client.write('x');",
    ],
    [
      'when a client came and went, if it looks',
      '',
      'over({ everyMs: 50, seesBetween: true })',
      'await (await fixture.arrive()).leave();',
    ],
    [
      'after a gap',
      '',
      'over({ longestGapMs: 90 })',
      'for (const end = Date.now() + 200; Date.now() < end;);',
    ],
    ['after one before it', '', 'over({ everyMs: 50, longestGapMs: 100, sinceLastMs: 60 })', ''],
    ['when a tracker is closed', '', 'over({})', 'tracker.close();'],
    ['when the unix tracker is closed', '', 'over({})', 'unixTracker.close();'],
  ])('%s', async (_, before, begun, then) => {
    expect(
      await printed(`import { connect } from 'node:net';
        ${openAll}
        ${before}
        const begunMs = performance.now();
        const whenOver = ${begun};
        await delay(30);
        ${then}
        await whenOver;
        console.log(performance.now() - begunMs < 5000);
        process.exit();`),
    ).toBe('true');
  });

  it('not when a byte comes, or a client came and went, unless it looks', async () => {
    expect(
      await printed(`import { connect } from 'node:net';
        ${openAll}
        ${aClient}
        const whenOver = over({ dueInMs: 500, everyMs: 50 });
        client.write('x');
        const begunMs = performance.now();
        await (await fixture.arrive()).leave();
        await whenOver;
        console.log(performance.now() - begunMs > 400, loop.polls() > 0);
        process.exit();`),
    ).toBe('true true');
  });
});

describe.concurrent('a loop', () => {
  it('keeps the process alive and counts its polls by the clock of performance.now', async () => {
    const text = await printed(`${openAll}
      fixture.close();
      const begunMs = performance.now();
      begin({ everyMs: 20, dueInMs: 300 }, () => {
        const endedMs = performance.now() - begunMs;
        const lastMs = loop.lastMs();
        // No interval before the last poll, and the one after it, is longer than the machine is slow.
        console.log(loop.polls() > 3, lastMs < 300, endedMs >= 300, lastMs > 20 * loop.polls() - 1);
      });`);
    expect(text).toBe('true true true true');
  });

  it('ends without a call when it is stopped, closed or started again', async () => {
    expect(
      await printed(`${openAll}
        fixture.close();
        begin({ dueInMs: 20 }, () => console.log('stopped'));
        loop.stop();
        loop.stop();
        begin({ dueInMs: 20 }, () => console.log('replaced'));
        await over({ dueInMs: 30 });
        console.log(loop.polls() > 0);
        begin({ dueInMs: 20 }, () => console.log('closed'));
        loop.close();
        loop.close();
        await delay(60);
        try { loop.polls(); } catch (error) { console.log(error.message); }`),
    ).toBe('true\nThis PollLoop is closed');
  });

  it('may be stopped, started, closed and forgotten from its own callback', async () => {
    expect(
      await printed(`${openAll}
        fixture.close();
        let calls = 0;
        const again = () => {
          calls += 1;
          gc();
          if (calls < 5) begin({ dueInMs: 10 }, again);
          else { loop.stop(); loop.close(); tracker.close(); unixTracker.close(); console.log(calls); }
        };
        begin({ dueInMs: 10 }, again);`),
    ).toBe('5');
  });

  it('keeps itself and its trackers while it runs, and nothing after that', async () => {
    expect(
      await printed(`fixture.close();
        const before = descriptors().length;
        const openAndForget = () => { ${openAll} return over({ dueInMs: 100 }); };
        const whenOver = openAndForget();
        for (let i = 0; i < 10; i += 1) { gc(); await delay(5); }
        await whenOver;
        await waitFor('all is closed', () => { gc(); return descriptors().length === before; });
        console.log('closed');`),
    ).toBe('closed');
  });

  it.each([
    ['from its callback', 'begin({ dueInMs: 20 }, () => process.exit(7)); await delay(1000);'],
    ['while it runs', 'begin({}, () => {}); await delay(20); process.exit(7);'],
  ])('lets the process exit %s', async (_, script) => {
    const { code, signal, stderr } = await node(`${openAll} ${script}`);
    expect({ code, signal, stderr }).toEqual({ code: 7, signal: null, stderr: '' });
  });

  it('reports an error of its callback as any other', async () => {
    expect(
      await printed(`${openAll}
        fixture.close();
        process.on('uncaughtException', (error) => console.log(error.message));
        begin({ dueInMs: 10 }, () => { throw new Error('mine'); });`),
    ).toBe('mine');
  });

  it('ends with its thread, at any moment, and leaves nothing open', async () => {
    const body = `${openAll}
      const again = () => begin({ dueInMs: 3, everyMs: 1 }, again);
      again();
      parent.postMessage('runs');`;
    expect(
      await printed(`const round = async (i) => {
          const worker = startWorker(${JSON.stringify(body)}, fixture);
          await once(worker, 'message');
          await delay((i * 7) % 20);
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

  it('refuses what is no plan, and takes nothing of it', async () => {
    const times = 'TypeError: Expected times in milliseconds';
    const kinds = 'TypeError: Expected trackers, two booleans and a callback';
    const pairs = 'TypeError: Expected pairs of a tracker and its revision';
    const calls = [
      ['[], 0, 1, 1, 0, false, false, f', times],
      ['[], NaN, 1, 1, 0, false, false, f', times],
      ['[], Infinity, 1, 1, 0, false, false, f', times],
      ['[], 1, -1, 1, 0, false, false, f', times],
      ['[], 1, 1, 1, undefined, false, false, f', times],
      ['{}, 1, 1, 1, 0, false, false, f', kinds],
      ['[], 1, 1, 1, 0, 0, false, f', kinds],
      ['[], 1, 1, 1, 0, false, false', kinds],
      ['[1], 1, 1, 1, 0, false, false, f', pairs],
      ['[[]], 1, 1, 1, 0, false, false, f', pairs],
      ['[[{}, 1]], 1, 1, 1, 0, false, false, f', pairs],
      ['[[tracker, null]], 1, 1, 1, 0, false, false, f', pairs],
      ['[[new Proxy(tracker, {}), 1]], 1, 1, 1, 0, false, false, f', pairs],
      ['[[loop, 1]], 1, 1, 1, 0, false, false, f', pairs],
      [
        'Object.defineProperty([1], 0, { get() { throw new Error("mine"); } }), 1, 1, 1, 0, false, false, f',
        'Error: mine',
      ],
      [
        'Object.defineProperty([1], 0, { get() { loop.close(); return [tracker, 1]; } }), 1, 1, 1, 0, false, false, f',
        'Error: This PollLoop is closed',
      ],
    ];
    const script = calls.map(
      ([args]) =>
        `try { loop.start(${args}); console.log('started'); } catch (e) { console.log(String(e)); }`,
    );
    const output = await printed(`${openAll} const f = () => console.log('called');
      fixture.close(); ${script.join('\n')}`);
    expect(output.split('\n')).toEqual(calls.map(([, expected]) => expected));
  });
});
