import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import { startBuildkitd, startClient } from '../support/buildkitd.ts';
import { createAuthority } from '../support/certificates.ts';
import { machineMs } from '../support/machine-time.ts';
import { ownPid } from '../support/pids.ts';
import { it, startBuild } from '../support/scenario.ts';

// The rows of docs/cases.md that take some seconds. The others: scenarios-long.test.ts.
vi.setConfig({ maxConcurrency: 12 });

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkitd.sock';
// Not as late as the next progress line.
const soonMs = 15_000;
// In which a process can start on a busy machine.
const patient = ['--quiet-period', '8s'];
const drained = { code: 0, outcome: 'drained' };
const withoutApi = ['daemon-found', 'started', 'builds', 'changed', 'ended'];
const withApi = ['daemon-found', 'started', 'builds', 'changed', 'builds', 'ended'];

describe.concurrent('what holds the wait', () => {
  it('two builds through dial-stdio', async ({ scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(unix);
    const [kind, first, second] = ['build-by-relay', 'first', 'second'] as const;
    const one = await build(unix, { kind, ref: first, via: '/run/first.sock' });
    const other = await build(unix, { kind, ref: second, via: '/run/second.sock' });
    const waiting = await wait();
    await waiting.event('builds');
    await buildkitd.end(first);
    await waiting.counted(1);
    await buildkitd.end(second);
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect(end.text).toMatch(/2 builds are running: first .*, second /);
    expect((await one.ended).stdout + (await other.ended).stdout).toMatch(/built.*built/s);
  });

  it('a build while a probe comes every second, before and after its end', async ({ scenario }) => {
    const { sandbox, buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(tcp);
    await buildkitd.listen(unix);
    const probe = await startClient(sandbox, 'probe-every', unix, { intervalMs: 1000 });
    await build(tcp, { ref: 'one' });
    const waiting = await wait();
    await waiting.counted(1);
    await probe.line(probe.stdout().split('\n').length + 1);
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect(end.heldMs).toBeLessThan(soonMs);
    expect(probe.hasEnded()).toBe(false);
  });

  it('health checks that connect and close every 100 ms', async ({ scenario }) => {
    const { sandbox, buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(tcp);
    const prober = await startClient(sandbox, 'tcp-probe-every', tcp, { intervalMs: 100 });
    await build(tcp, { ref: 'one' });
    const waiting = await wait();
    await waiting.event('builds');
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect(end.heldMs).toBeLessThan(soonMs);
    expect(end.last.message).toMatch(/at least \d+ more between two polls/);
    expect(prober.hasEnded()).toBe(false);
  });

  it('a health check that stays, and sends no byte', async ({ scenario }) => {
    const { sandbox, buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(tcp);
    await (await startClient(sandbox, 'silent', tcp)).line(0);
    await build(tcp, { ref: 'one' });
    const waiting = await wait();
    // While a build runs, its bytes might come by a way that shows no traffic.
    await waiting.counted(2);
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect(end.last.message).toMatch(/Not counted: 127\.0\.0\.1:\d+ \(nothing received in /);
  });

  it('a client that is killed', async ({ scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(tcp);
    const client = await build(tcp);
    const waiting = await wait();
    await waiting.event('builds');
    await client.signal('SIGKILL');
    expect(await ending(waiting)).toMatchObject({ ...drained, events: withApi });
  });

  it('a build begun when all was quiet', async ({ scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(unix);
    const waiting = await wait(...patient);
    await waiting.event('started');
    await build(unix, { ref: 'one' });
    await waiting.counted(1);
    await buildkitd.end('one');
    expect(await ending(waiting)).toMatchObject(drained);
  });

  it('a daemon that restarts: the next is there before the first ends', async ({ scenario }) => {
    const { sandbox, buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(tcp);
    await build(tcp);
    const waiting = await wait(...patient);
    await waiting.counted(1);
    const next = await startBuildkitd(sandbox);
    await buildkitd.process.signal('SIGKILL');
    await buildkitd.process.ended;
    await next.listen(tcp);
    await startBuild(sandbox, next, tcp, { ref: 'after' });
    await waiting.counted(1);
    await next.end('after');
    const end = await ending(waiting, next);
    expect(end).toMatchObject(drained);
  });

  it('a daemon that is killed and replaced later', async ({ scenario }) => {
    const { buildkitd, build, wait, endingSince } = scenario;
    await buildkitd.listen(tcp);
    await build(tcp);
    const waiting = await wait();
    await waiting.counted(1);
    const killedMs = machineMs();
    await buildkitd.process.signal('SIGKILL');
    const end = await endingSince(waiting, killedMs);
    expect(end).toMatchObject({ code: 0, outcome: 'gone' });
  });

  it('two daemons', async ({ scenario }) => {
    const { sandbox, buildkitd, build, wait, ending } = scenario;
    const other = await startBuildkitd(sandbox);
    await buildkitd.listen(tcp);
    await other.listen(unix);
    await build(tcp, { ref: 'here' });
    await startBuild(sandbox, other, unix, { ref: 'there' });
    const waiting = await wait();
    await waiting.event('builds');
    await buildkitd.end('here');
    await waiting.counted(1);
    await other.end('there');
    const end = await ending(waiting, buildkitd, other);
    expect(end).toMatchObject(drained);
    expect(end.events.slice(0, 3)).toEqual(['daemon-found', 'daemon-found', 'started']);
    expect(end.last).toMatchObject({ seenBetweenPolls: 0 });
    expect(end.text).toMatch(/2 builds are running: (here .*, there|there .*, here) /);
  });

  it('a daemon in another network namespace, by --pid', async ({ scenario }) => {
    const { sandbox, wait, ending } = scenario;
    const lonely = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
    const far = await startBuildkitd(sandbox, { through: lonely });
    await far.listen(tcp);
    await far.listen(unix);
    const pid = ownPid(far.process);
    const through = ['nsenter', `--net=/proc/${pid}/ns/net`];
    await startBuild(sandbox, far, tcp, { ref: 'one', through });
    const waiting = await wait('--pid', pid);
    await waiting.event('builds');
    await far.end('one');
    const end = await ending(waiting, far);
    expect(end).toMatchObject(drained);
    expect(end.text).toContain('1 build is running: one');
  });

  it('a build that has no client', async ({ scenario }) => {
    const { buildkitd, wait, ending } = scenario;
    await buildkitd.listen(unix);
    await buildkitd.begin('one');
    const waiting = await wait();
    await waiting.event('builds');
    await delay(4000);
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject({
      ...drained,
      events: ['daemon-found', 'started', 'builds', 'builds', 'ended'],
    });
    expect(end.heldMs).toBeLessThan(soonMs);
  });

  it('a client in a third network namespace, through a shared socket file', async ({
    scenario,
  }) => {
    const { sandbox, openSandbox, buildkitd, wait, ending } = scenario;
    const shared = `unix://${join(sandbox.directory, 'shared.sock')}`;
    await buildkitd.listen(shared);
    await startBuild(await openSandbox(), buildkitd, shared, { ref: 'one' });
    const waiting = await wait();
    await waiting.event('builds');
    await delay(4000);
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject({ ...drained, last: { mostConnections: 0 } });
    expect(end.heldMs).toBeLessThan(soonMs);
    expect(end.text).toContain('1 build is running: one');
  });

  it.for([
    ['a chain of short builds over TCP, where the daemon cannot be asked', tcp, 'unimplemented'],
    ['a chain of short builds over a unix socket', unix, 'right'],
  ] as const)('%s', async ([, address, answer], { scenario }) => {
    const { sandbox, buildkitd, wait, ending } = scenario;
    await buildkitd.listen(address);
    await buildkitd.behave({ answer, buildMs: 200 });
    const waiting = await wait('--quiet-period', '4s', '--probe-grace', '2s');
    await waiting.event('started');
    const chain = { builds: 8, pauseMs: 700, contextBytes: 1_000_000 };
    const client = await startClient(sandbox, 'build-chain', address, chain);
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect((await client.ended).stdout.match(/built/g)).toHaveLength(8);
    expect(end.heldMs).toBeGreaterThan(4000);
  });

  it('a daemon of no known version, after its build', async ({ scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(unix);
    await buildkitd.behave({ version: 'v0.0.0+unknown', history: 0 });
    await build(unix, { ref: 'one' });
    const waiting = await wait();
    await waiting.event('builds');
    await buildkitd.end('one');
    await buildkitd.prune();
    const end = await ending(waiting);
    expect(end).toMatchObject({ ...drained, events: withApi });
    expect(end.heldMs).toBeLessThan(soonMs);
  });

  it('a daemon that hangs after it has named a build', async ({ scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(unix);
    await build(unix, { ref: 'one' });
    const waiting = await wait('--quiet-period', '1s');
    await waiting.event('builds');
    await buildkitd.behave({ delayMs: -1 });
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect(end.heldMs).toBeGreaterThan(6000);
    expect(end.text).toContain('waiting for at most 6s after the last client');
    expect(end.text).toContain('No longer waiting for 1 build that the daemon had named');
  });

  it('a daemon that crashes in its build, and a fresh successor', async ({ scenario }) => {
    const { sandbox, buildkitd, build, wait, endingSince } = scenario;
    await buildkitd.listen(tcp);
    await build(tcp, { ref: 'lost' });
    const waiting = await wait(...patient);
    await waiting.event('builds');
    const next = await startBuildkitd(sandbox);
    await next.behave({ version: 'v0.0.0+unknown', history: 0 });
    const killedMs = machineMs();
    await buildkitd.process.signal('SIGKILL');
    await buildkitd.process.ended;
    await next.listen(tcp);
    const end = await endingSince(waiting, killedMs);
    expect(end).toMatchObject(drained);
    expect(end.text).toContain('that daemon no longer listens');
    expect(end.heldMs).toBeLessThan(2 * soonMs);
  });

  it('two addresses of one daemon, of which one cannot be asked', async ({ scenario }) => {
    const { sandbox, buildkitd, build, wait, ending } = scenario;
    const server = createAuthority(sandbox.directory).sign('server', ['IP:127.0.0.1']);
    await buildkitd.listen(tcp, server);
    await buildkitd.listen(unix);
    await build(unix, { ref: 'one' });
    const waiting = await wait('--addr', tcp, '--addr', unix);
    await waiting.event('builds');
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject(drained);
    expect(end.heldMs).toBeLessThan(soonMs);
  });

  it('SIGTERM to a daemon that waits for its build', async ({ scenario }) => {
    const { buildkitd, build, wait, endingSince } = scenario;
    await buildkitd.listen(unix);
    await buildkitd.behave({ onSigterm: 'wait' });
    const client = await build(unix, { ref: 'one' });
    const waiting = await wait();
    await waiting.counted(1);
    await buildkitd.process.signal('SIGTERM');
    await waiting.event('listener-gone');
    await delay(4000);
    expect(waiting.process.hasEnded()).toBe(false);
    const endedMs = machineMs();
    await buildkitd.end('one');
    const end = await endingSince(waiting, endedMs);
    expect(end).toMatchObject({ code: 0, outcome: 'gone' });
    expect((await client.ended).stdout).toContain('built');
  });

  it.for([
    ['an old daemon without the API', { answer: 'unimplemented' }, /v0\.12\.4 or later/],
    ['a daemon whose API answers nonsense', { answer: 'garbage' }, /the answer is malformed/],
    ['a daemon whose API does not answer', { delayMs: -1 }, /did not answer within 1000ms/],
    [
      'a daemon without a history',
      { version: 'v0.33.0', history: 0, recordsBuilds: false },
      /the history can be switched off/,
    ],
  ] as const)('%s', async ([, behaviour, reason], { scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(unix);
    await buildkitd.behave(behaviour);
    await build(unix, { ref: 'one', session: false });
    const waiting = await wait();
    await waiting.event('builds');
    await delay(3000);
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject({ ...drained, events: withoutApi });
    expect(end.text).toMatch(reason);
  });

  it('a slow API, by procfs over a unix socket, with --probe-grace 0s', async ({ scenario }) => {
    const { buildkitd, build, wait, ending } = scenario;
    await buildkitd.listen(unix);
    await buildkitd.behave({ delayMs: 400 });
    await build(unix, { ref: 'one' });
    await buildkitd.begin('two');
    const waiting = await wait('--backend', 'procfs', '--probe-grace', '0s', '--timeout', '25s');
    await waiting.event('builds');
    await buildkitd.end('one');
    await delay(3000);
    await buildkitd.end('two');
    expect(await ending(waiting)).toMatchObject(drained);
  });

  it('an API that does not answer, and --quiet-period 0s', async ({ scenario }) => {
    const { buildkitd, wait, endingSince } = scenario;
    await buildkitd.listen(unix);
    await buildkitd.behave({ delayMs: -1 });
    const startedMs = machineMs();
    const waiting = await wait('--quiet-period', '0s', '--timeout', '25s');
    const end = await endingSince(waiting, startedMs);
    expect(end).toMatchObject(drained);
  });

  it('TLS on TCP only, without a file of it', async ({ scenario }) => {
    const { sandbox, buildkitd, build, wait, ending } = scenario;
    const authority = createAuthority(sandbox.directory);
    const server = authority.sign('server', ['IP:127.0.0.1']);
    await buildkitd.listen(tcp, server);
    await build(tcp, { ref: 'one', tls: { ca: authority.ca } });
    const waiting = await wait();
    await waiting.event('builds');
    await buildkitd.end('one');
    const end = await ending(waiting);
    expect(end).toMatchObject({ ...drained, events: withoutApi });
    expect(end.text).toContain('give --tls-ca');
  });

  it('the same, and --builds require', async ({ scenario }) => {
    const { sandbox, buildkitd, wait, endingSince } = scenario;
    const server = createAuthority(sandbox.directory).sign('server', ['IP:127.0.0.1']);
    await buildkitd.listen(tcp, server);
    const startedMs = machineMs();
    const waiting = await wait('--builds', 'require', '--timeout', '6s');
    const end = await endingSince(waiting, startedMs);
    expect(end).toMatchObject({ code: 4, outcome: 'unknown', last: { seenBetweenPolls: 0 } });
    expect(end.last.message).toContain('give --tls-ca');
  });
});
