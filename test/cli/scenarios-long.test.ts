import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import { type Buildkitd, startBuildkitd, startClient } from '../support/buildkitd.ts';
import { createAuthority } from '../support/certificates.ts';
import { machineMs } from '../support/machine-time.ts';
import { compiled } from '../support/native.ts';
import { cutOff, joinSandboxes } from '../support/network.ts';
import { it, type Scenario, startBuild } from '../support/scenario.ts';

// The rows of docs/cases.md that need most of a minute, all at the same time: what
// nobody hears from is a client for 45 s, or for 30 s, in any case.
vi.setConfig({ maxConcurrency: 20, testTimeout: 110_000 });

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkitd.sock';
const drained = { code: 0, outcome: 'drained' };
const silenceMs = 45_000;
const minute = 60_000;

/** Has a daemon with the keep-alives of Go, and with a limit for answers where that is given. */
async function replaceDaemon(
  { sandbox, buildkitd }: Scenario,
  userTimeoutMs?: number,
): Promise<Buildkitd> {
  await buildkitd.process.signal('SIGKILL');
  await buildkitd.process.ended;
  const LD_PRELOAD = compiled('accept_options', '-shared', '-fPIC');
  const limit = userTimeoutMs === undefined ? {} : { USER_TIMEOUT_MS: String(userTimeoutMs) };
  return startBuildkitd(sandbox, { env: { LD_PRELOAD, ...limit } });
}

/** A channel that was of use for a build, and is kept. */
async function leaveChannel({ buildkitd, build }: Scenario, address: string): Promise<void> {
  const client = await build(address, { ref: 'done', keepsChannel: true });
  await buildkitd.end('done');
  await client.line(1);
}

describe.concurrent('what holds the wait, in long cases', () => {
  it('a build of 60 s that says nothing, but for the beat of its session', async ({ scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(tcp);
    await build(tcp, { ref: 'one' });
    const waiting = await wait();
    await delay(minute);
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect(end.events.filter((event) => event !== 'progress')).toEqual([
      ...['daemon-found', 'started', 'builds', 'changed', 'builds', 'ended'],
    ]);
  });

  it('a session that keeps its build open, over a unix socket', async ({ scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(unix);
    await build(unix, { ref: 'one' });
    const waiting = await wait('--ignore-silent', '45s');
    await delay(minute);
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect(end.text).not.toContain('no longer counts');
  });

  it('a stopped client without a build', async ({ scenario }) => {
    const { sandbox, buildkitd, wait, endingSince } = scenario;
    await buildkitd.listen(tcp);
    const channel = await startClient(sandbox, 'idle', tcp);
    await channel.line(0);
    await channel.signal('SIGSTOP');
    const stoppedMs = machineMs();
    const waiting = await wait();
    const end = await endingSince(waiting, stoppedMs);
    expect(end).toMatchObject(drained);
    expect(end.heldMs).toBeGreaterThan(silenceMs);
    expect(end.text).toMatch(
      /no longer counts as a client: no traffic for 4\ds, and the daemon says that no build is running\./,
    );
  });

  it('a stopped client with a build that continues without it', async ({ scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(tcp);
    await buildkitd.behave({ beatMs: 500, patienceMs: 2000 });
    const client = await build(tcp, { ref: 'one' });
    const waiting = await wait();
    await client.signal('SIGSTOP');
    await delay(15_000);
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect(end.heldMs).toBeGreaterThan(silenceMs);
    expect(end.text).toContain('the daemon says that no build is running');
  });

  it('a client that is cut off, without TLS', async ({ scenario }) => {
    const { sandbox, openSandbox, wait, ending } = scenario;
    const far = await openSandbox();
    const [address] = await joinSandboxes(sandbox, far);
    const daemon = await replaceDaemon(scenario, 20_000);
    await daemon.listen('tcp://0.0.0.0:8372');
    await startBuild(far, daemon, `tcp://${address}:8372`, { ref: 'one' });
    const waiting = await wait();
    await waiting.event('builds');
    await cutOff(far);
    const end = await ending(waiting, daemon);
    expect(end).toMatchObject(drained);
    expect(end.text).not.toContain('no sign of life');
  });

  it.for([
    ['a client that is cut off, with TLS, where the daemon cannot be asked', false],
    ['a client that is cut off, with TLS, where the daemon says that its build runs', true],
  ] as const)('%s', async ([, canAsk], { scenario }) => {
    const { sandbox, openSandbox, wait, endingSince } = scenario;
    const far = await openSandbox();
    const [address] = await joinSandboxes(sandbox, far);
    const { ca, sign } = createAuthority(sandbox.directory);
    const daemon = await replaceDaemon(scenario);
    await daemon.listen('tcp://0.0.0.0:8372', sign('server', [`IP:${address}`, 'IP:127.0.0.1']));
    await startBuild(far, daemon, `tcp://${address}:8372`, { ref: 'one', tls: { ca } });
    const asking = canAsk ? ['--tls-ca', ca] : [];
    const waiting = await wait('--ignore-unreachable', '30s', '--timeout', '55s', ...asking);
    await waiting.event('builds');
    const cutMs = machineMs();
    await cutOff(far);
    const end = await endingSince(waiting, cutMs);
    expect(end.text).toMatch(/no longer counts as a client: no sign of life for 3\ds\./);
    // The daemon runs the build of a client that is no more: see the table.
    expect(await daemon.builds()).toEqual(['one']);
    expect(end).toMatchObject(canAsk ? { code: 3, outcome: 'timed-out' } : drained);
  });

  it('a channel that is kept after its build, over TCP', async ({ scenario }) => {
    const { buildkitd, wait, ending } = scenario;
    await buildkitd.listen(tcp);
    await leaveChannel(scenario, tcp);
    const end = await ending(await wait());
    expect(end).toMatchObject(drained);
    expect(end.heldMs).toBeGreaterThan(silenceMs);
    expect(end.last.message).toMatch(/Not counted: 127\.0\.0\.1:\d+ \(no traffic for 4\ds\)/);
  });

  it('the same over a unix socket', async ({ scenario }) => {
    const { buildkitd, wait, ending } = scenario;
    await buildkitd.listen(unix);
    await leaveChannel(scenario, unix);
    const end = await ending(await wait('--timeout', '60s'));
    expect(end).toMatchObject({ code: 3, outcome: 'timed-out' });
    expect(end.last.message).toContain('1 client is connected: socket:[');
  });

  it('the same over a unix socket, with --ignore-silent 45s', async ({ scenario }) => {
    const { buildkitd, wait, ending } = scenario;
    await buildkitd.listen(unix);
    await leaveChannel(scenario, unix);
    const end = await ending(await wait('--ignore-silent', '45s', '--timeout', '90s'));
    expect(end).toMatchObject(drained);
    expect(end.heldMs).toBeGreaterThan(silenceMs);
    expect(end.last.message).toMatch(/Not counted: socket:\[\d+\] \(no build is running\)/);
    expect(end.text).toContain('the daemon has named no build for 45s (--ignore-silent)');
  });

  it('an old daemon with a false zero, and a build with a beat', async ({ scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(tcp);
    await buildkitd.behave({ answer: 'false-zero', version: 'v0.12.3' });
    await build(tcp, { ref: 'one' });
    const waiting = await wait();
    await delay(minute - 5000);
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect(end.text).toContain('names no build whatever it runs');
  });

  it.for([
    [
      'an old daemon with a false zero, and a build without a session',
      { answer: 'false-zero', version: 'v0.12.3' },
    ],
    [
      'a daemon without a history, and a build without a session',
      { version: 'v0.33.0', history: 0, recordsBuilds: false },
    ],
    ['a daemon that does not answer, and a build without a session', { delayMs: -1 }],
  ] as const)('%s', async ([, behaviour], { scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(tcp);
    await buildkitd.behave(behaviour);
    await build(tcp, { ref: 'one', session: false });
    const waiting = await wait();
    await delay(minute - 5000);
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect(end.text).toContain('Running builds are unknown');
    expect(end.text).not.toContain('no longer counts');
  });
});
