import { describe, expect, it } from 'vitest';
import { printedBy, runScript } from '../support/addon-script.ts';

async function printed(script: string): Promise<string[]> {
  const output = await printedBy(
    runScript(`
      const { closeAbstract, listenAbstract, SockDiag, TcpTracker, UnixTracker } = loadAddon();
      const fixture = await openFixture();
      const { port, name } = fixture;
      ${script}
      fixture.close();`),
  );
  return output.split('\n');
}

const withoutNew = "TypeError: Class constructors cannot be invoked without 'new'";
const illegal = 'TypeError: Illegal invocation';
const noPort = 'TypeError: Expected an integer from 1 to 65535 for localPort';
const noName = 'TypeError: Expected a Uint8Array of at least one byte for name';
const noCookies = 'TypeError: Expected a Float64Array for cookies';
const noCallback = 'TypeError: Expected a function or null for callback';

const misuses: readonly (readonly [string, string])[] = [
  ['SockDiag()', withoutNew],
  ['TcpTracker(1)', withoutNew],
  ['UnixTracker(name)', withoutNew],
  ['TcpTracker.call(new TcpTracker(1), 2)', withoutNew],
  ['TcpTracker.prototype.poll()', illegal],
  ['TcpTracker.prototype.poll.call(undefined)', illegal],
  ['TcpTracker.prototype.poll.call({})', illegal],
  ['TcpTracker.prototype.poll.call(new UnixTracker(name))', illegal],
  ['TcpTracker.prototype.poll.call(Object.create(new TcpTracker(1)))', illegal],
  ['new Proxy(new TcpTracker(1), {}).poll()', illegal],
  ['SockDiag.prototype.close.call(new TcpTracker(1))', illegal],
  ['UnixTracker.prototype.sockets.call(new SockDiag())', illegal],
  ['new TcpTracker()', noPort],
  ['new TcpTracker(0)', noPort],
  ['new TcpTracker(65536)', noPort],
  ['new TcpTracker(1.5)', noPort],
  ['new TcpTracker(NaN)', noPort],
  ['new TcpTracker(-Infinity)', noPort],
  ["new TcpTracker('1')", noPort],
  ['new TcpTracker(1n)', noPort],
  ['new TcpTracker({ valueOf: () => 1 })', noPort],
  ['new SockDiag().tcp()', noPort],
  ['new SockDiag().tcp(-1)', noPort],
  ['new SockDiag().tcp(Symbol())', noPort],
  ['new UnixTracker()', noName],
  ["new UnixTracker('/run/x')", noName],
  ['new UnixTracker(new Uint8Array())', noName],
  ['new UnixTracker(new Uint16Array(8))', noName],
  ['new UnixTracker(new DataView(new ArrayBuffer(8)))', noName],
  ['new UnixTracker(new ArrayBuffer(8))', noName],
  [
    'const a = new Uint8Array(8); structuredClone(a, { transfer: [a.buffer] }); new UnixTracker(a)',
    noName,
  ],
  ['new SockDiag().unix(null)', noName],
  ["listenAbstract('name')", noName],
  ['new TcpTracker(1).onDestroyed()', noCallback],
  ["new TcpTracker(1).onDestroyed('call')", noCallback],
  ['const t = new TcpTracker(1); t.close(); t.poll()', 'Error: This TcpTracker is closed'],
  ['const t = new TcpTracker(1); t.close(); t.sockets()', 'Error: This TcpTracker is closed'],
  ['const t = new TcpTracker(1); t.close(); t.ids()', 'Error: This TcpTracker is closed'],
  ['const t = new TcpTracker(1); t.close(); t.traffic()', 'Error: This TcpTracker is closed'],
  ['new TcpTracker(1).sockets([1])', noCookies],
  ['new TcpTracker(1).sockets(new Float32Array(1))', noCookies],
  ['const t = new TcpTracker(1); t.close(); t.takeEnded()', 'Error: This TcpTracker is closed'],
  [
    'const t = new TcpTracker(1); t.close(); t.seenBetweenPolls()',
    'Error: This TcpTracker is closed',
  ],
  [
    'const t = new TcpTracker(1); t.close(); t.portsBetweenPolls()',
    'Error: This TcpTracker is closed',
  ],
  ['const t = new TcpTracker(1); t.close(); t.mode()', 'Error: This TcpTracker is closed'],
  [
    'const t = new TcpTracker(1); t.close(); t.onDestroyed(() => {})',
    'Error: This TcpTracker is closed',
  ],
  ['const t = new UnixTracker(name); t.close(); t.poll()', 'Error: This UnixTracker is closed'],
  ['const t = new UnixTracker(name); t.close(); t.sockets()', 'Error: This UnixTracker is closed'],
  ['const s = new SockDiag(); s.close(); s.tcp(1)', 'Error: This SockDiag is closed'],
  ['const s = new SockDiag(); s.close(); s.tcpListeners()', 'Error: This SockDiag is closed'],
  ['const s = new SockDiag(); s.close(); s.unix(name)', 'Error: This SockDiag is closed'],
];

describe.concurrent('the addon', () => {
  it('answers misuse with an error that says what it expected, and keeps working', async () => {
    const tries = misuses.map(
      ([code]) =>
        `try { ${code}; console.log('no error'); } catch (error) { console.log(String(error)); }`,
    );
    const answers = await printed(`${tries.map((each) => `{ ${each} }`).join('\n')}
      gc();
      const tracker = new TcpTracker(port);
      tracker.poll();
      console.log(tracker.sockets().length);`);
    const actual = misuses.map(([code], index) => [code, answers[index]]);
    expect(actual).toEqual(misuses);
    expect(answers.at(-1)).toBe('1');
  });

  it('can be closed twice, and shows an empty port before the first poll', async () => {
    expect(
      await printed(`for (const each of [new SockDiag(), new TcpTracker(port), new UnixTracker(name)]) {
          each.close();
          each.close();
        }
        const tracker = new TcpTracker(port);
        console.log(tracker.sockets().length, tracker.ids().length, tracker.traffic().length, tracker.mode());`),
    ).toEqual(['0 0 0 first']);
  });

  // To give an object a property may run a script.
  it.each([
    ['TcpTracker', 'new TcpTracker(port)', (object: string) => `${object}.sockets()`],
    ['UnixTracker', 'new UnixTracker(name)', (object: string) => `${object}.sockets()`],
    ['SockDiag, of TCP,', 'new SockDiag()', (object: string) => `${object}.tcp(port)`],
    ['SockDiag, of unix,', 'new SockDiag()', (object: string) => `${object}.unix(name)`],
  ])('may be closed by a setter that a %s runs into while it answers', async (_, create, ask) => {
    expect(
      await printed(`const clients = [await fixture.arrive(), await fixture.arriveByUnix()];
        const object = ${create};
        object.poll?.();
        let times = 0;
        Object.defineProperty(Object.prototype, 'inode', {
          set() { times += 1; object.close(); gc(); },
          configurable: true,
        });
        ${ask('object')};
        console.log(times);
        delete Object.prototype.inode;
        for (const client of clients) await client.leave();`),
    ).toEqual(['2']);
  });

  it('hands on what such a setter throws', async () => {
    expect(
      await printed(`const client = await fixture.arrive();
        const tracker = new TcpTracker(port);
        tracker.poll();
        Object.defineProperty(Object.prototype, 'peerPort', { set() { throw new Error('mine'); } });
        try { tracker.sockets(); } catch (error) { console.log(error.message); }
        await client.leave();`),
    ).toEqual(['mine']);
  });

  it('survives a callback that closes its own object, and one that drops it', async () => {
    expect(
      await printed(`for (const misuse of [
          (tracker) => tracker.close(),
          (tracker) => { tracker.onDestroyed(null); gc(); },
          (tracker) => tracker.onDestroyed(() => {}),
          (tracker) => { tracker.close(); tracker = undefined; gc(); },
        ]) {
          const client = await fixture.arrive();
          let tracker = new TcpTracker(port);
          tracker.poll();
          const called = new Promise((resolve) => {
            tracker.onDestroyed(() => { const it = tracker; tracker = undefined; misuse(it); resolve(); });
          });
          await client.leave();
          await called;
          gc();
          console.log('called');
        }`),
    ).toEqual(Array(4).fill('called'));
  });

  it('bears hooks of async_hooks that close an object in the midst of its calls', async () => {
    expect(
      await printed(`import { createHook } from 'node:async_hooks';
        for (const hook of ['init', 'before', 'after']) {
          const client = await fixture.arrive();
          const tracker = new TcpTracker(port);
          tracker.poll();
          let times = 0;
          const ids = new Set();
          const hooks = createHook({
            init(id, type) { if (type === 'buildkit-drain:destroyed') { ids.add(id); if (hook === 'init') { times += 1; tracker.close(); } } },
            before(id) { if (ids.has(id) && hook === 'before') { times += 1; tracker.close(); } },
            after(id) { if (ids.has(id) && hook === 'after') { times += 1; tracker.close(); } },
          }).enable();
          tracker.onDestroyed(() => {});
          await client.leave();
          for (let i = 0; i < 200 && times === 0; i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
          hooks.disable();
          console.log(hook, times);
        }`),
    ).toEqual(['init 1', 'before 1', 'after 1']);
  });
});
