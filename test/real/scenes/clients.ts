import { setTimeout as delay } from 'node:timers/promises';
import { cutOff, joinSandboxes } from '../../support/network.ts';
import { quietPeriodMs, tcp, unix } from '../support/actors.ts';
import type { Scenes } from '../support/scenes.ts';

const silenceMs = 45_000;

/** Clients that are no builds, and clients that are lost. */
export const clients: Scenes = {
  'a build while a probe comes every second': async (stage) => {
    const daemon = await stage.startDaemon();
    await stage.build(daemon, tcp, { seconds: 4 });
    const probing = new AbortController();
    const probes = (async () => {
      while (!probing.signal.aborted) {
        const probe = await stage.enter(() => stage.actors.probe(stage.sandbox, unix));
        await probe.ended;
        await delay(1000, undefined, { signal: probing.signal }).catch(() => {});
      }
    })();
    await stage.judge(await stage.wait());
    probing.abort();
    await probes;
  },

  'a client that is killed': async (stage) => {
    const daemon = await stage.startDaemon();
    const client = await stage.build(daemon, tcp, { seconds: 30 });
    const wait = await stage.wait();
    await wait.counted(1);
    await client.process.signal('SIGKILL');
    await client.ended;
    await stage.judge(wait);
  },
};

/** Clients that fall silent. Each takes most of a minute or longer. */
export const silentClients: Scenes = {
  'a monitor that is left connected': async (stage) => {
    const daemon = await stage.startDaemon();
    await stage.enter(() => stage.actors.startMonitor(stage.sandbox, tcp));
    await stage.build(daemon, tcp);
    const wait = await stage.wait(...stage.silenceOptions());
    await stage.judge(wait, {
      heldAtLeastMs: silenceMs + quietPeriodMs,
      // Some seconds after the build the daemon has more to say of it, or a ping.
      heldAtMostMs: silenceMs + quietPeriodMs + 6000,
      rules: { 'not-counted': ({ message }) => / no traffic for 4[56]s/.test(message) },
    });
  },

  'a client that is stopped': async (stage) => {
    const daemon = await stage.startDaemon();
    const client = await stage.build(daemon, tcp, { seconds: 5 });
    const wait = await stage.wait(...stage.silenceOptions());
    await wait.counted(1);
    await client.process.signal('SIGSTOP');
    client.span.mayNotCount = true;
    const sinceMs = Date.now();
    // The daemon pings it until it gives its session up: v0.11 twice as long.
    const givenUpMs = stage.isBelieved() ? 43_000 : 85_000;
    await stage.judge(wait, {
      sinceMs,
      heldAtLeastMs: silenceMs + quietPeriodMs,
      heldAtMostMs: givenUpMs + silenceMs + quietPeriodMs + 2000,
      rules: { 'not-counted': ({ message }) => / no traffic for 4[56]s/.test(message) },
    });
  },

  'a client that is cut off': async (stage) => {
    const far = await stage.openSandbox();
    const [address] = await joinSandboxes(stage.sandbox, far);
    const daemon = await stage.startDaemon({ addresses: [unix, 'tcp://0.0.0.0:8372'] });
    const options = { seconds: 60, from: far };
    const client = await stage.build(daemon, `tcp://${address}:8372`, options);
    const wait = await stage.wait();
    await wait.counted(1);
    await cutOff(far);
    client.span.mayNotCount = true;
    const sinceMs = Date.now();
    await stage.judge(wait, {
      ...{ sinceMs, heldAtLeastMs: 20_000, heldAtMostMs: 35_000 },
      // It has left for the daemon alone.
      rules: { changed: ({ message }) => /^No client is connected.* Left: 192\./.test(message) },
    });
  },
};
