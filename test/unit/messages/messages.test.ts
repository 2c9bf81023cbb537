import { describe, expect, it } from 'vitest';
import { BackendError, type Connection } from '../../../src/backends/types.ts';
import type { TrackedConnections } from '../../../src/drain/tracked.ts';
import type { DrainStats, DrainStatus } from '../../../src/drain/types.ts';
import { eventEntry, waitView } from '../../../src/messages/events.ts';
import { backendEntry } from '../../../src/messages/monitor.ts';
import { outcomeEntry } from '../../../src/messages/outcome.ts';
import { drainDefaults } from '../../../src/options/drain-config.ts';
import { client, counted, failed, runsNone, tcpEndpoint } from '../support/samples.ts';

const config = drainDefaults();

const view = waitView(config);
const builder = client('10.0.0.5:43210');
const queued = client(null, { inode: 0, endpoint: 'unix:///run/b.sock' });

function rosterOf(...connections: Connection[]): TrackedConnections {
  return connections.map((connection, index) => ({
    key: String(index),
    connection,
    firstSeenMs: index * 1000,
    isArrivalSeen: false,
    traffic: null,
    kind: 'client',
  }));
}

function status(...connections: Connection[]): DrainStatus {
  return {
    nowMs: 42_500,
    waitedMs: 42_500,
    sample: counted(...connections),
    clients: rosterOf(...connections),
    notCounted: [],
    pending: [],
    all: [],
    builds: null,
    buildsAskedMs: null,
    namedBuilds: [],
    quietForMs: connections.length === 0 ? 4200 : null,
  };
}

function stats(...connections: Connection[]): DrainStats {
  const { quietForMs: _, ...now } = status(...connections);
  return { ...now, polls: 425, mostConnections: 2, probes: 0 };
}

describe('the sentences of a wait', () => {
  it('say at the start what is watched, with which backend, and which clients are connected', () => {
    expect(eventEntry({ kind: 'started', ...status(builder) }, view)).toMatchObject({
      level: 'info',
      message:
        'Waiting for quiet on tcp://0.0.0.0:1234 (by sock-diag): ' +
        '1 client is connected: 10.0.0.5:43210 (for 42s).',
      fields: { event: 'started', connections: 1, settings: { quietPeriodMs: 10_000 } },
    });
  });

  it('do not repeat an old answer of the daemon', () => {
    const said = (buildsAskedMs: number): string =>
      eventEntry({ kind: 'progress', ...status(builder), builds: runsNone(), buildsAskedMs }, view)
        .message;
    expect(said(42_500)).toMatch(/; no build is running\.$/);
    expect(said(40_000)).toMatch(/: 10\.0\.0\.5:43210 \(for 42s\)\.$/);
  });

  it('count the builds that hold the wait when the daemon no longer answers', () => {
    const builds = { kind: 'unknown', error: failed().error } as const;
    const word = { listeners: [5], builds: [{ ref: 'r1', startedAtMs: null }], askedMs: 40_000 };
    const known = { ...stats(), builds, buildsAskedMs: 42_000, namedBuilds: [word] };
    const entry = outcomeEntry({ kind: 'timed-out', quietForMs: null, ...known }, config, 0);
    expect(entry.message).toMatch(
      /^The deadline passed: no client is connected; the daemon last named 1 build 2\.5s ago\. /,
    );
  });

  it('name connections that are too new to tell, since they keep the wait from its end', () => {
    const pending = rosterOf(builder);
    const entry = eventEntry({ kind: 'progress', ...status(), pending }, view);
    expect(entry.message).toMatch(/no client is connected; too new to tell: 10\.0\.0\.5:43210 /);
  });

  it('do not call the clients unknown if only the builds are', () => {
    const error = new BackendError('ERR_NO_GRPC', 'call the daemon', 'no gRPC');
    const builds = { kind: 'unknown', error } as const;
    const entry = outcomeEntry({ kind: 'unknown', error, ...stats(), builds }, config, 0);
    expect(entry.message).toMatch(
      /^Giving up: running builds are unknown \(no gRPC\)\. No client is connected, but a build may be running\. /,
    );
  });

  it('name the clients that have connected and left', () => {
    const event = {
      kind: 'changed',
      before: 2,
      arrived: rosterOf(queued),
      left: rosterOf(builder),
      ...status(queued),
    } as const;
    expect(eventEntry(event, view).message).toBe(
      '1 client is connected: a client of unix:///run/b.sock (for 42s, not accepted yet). ' +
        'New: a client of unix:///run/b.sock. Left: 10.0.0.5:43210 (after at least 42s).',
    );
  });

  it('give the number before if no client has a name', () => {
    const event = { kind: 'changed', before: 1, arrived: [], left: [], ...status() } as const;
    expect(eventEntry(event, view).message).toBe(
      'No client is connected; quiet for 4.2s of 10s. Before: 1 client.',
    );
  });

  it('name ten clients at most', () => {
    const many = Array.from({ length: 12 }, (_, index) => client(`10.0.0.${index}:1`));
    const { message } = eventEntry({ kind: 'progress', ...status(...many) }, view);
    expect(message).toMatch(/^Still waiting after 42s: 12 clients are connected: 10\.0\.0\.0:1 /);
    expect(message).toMatch(/10\.0\.0\.9:1 \(for 33s\) and 2 more\.$/);
  });

  it('fit a pipe, even when many connect and leave at once', () => {
    const many = Array.from({ length: 20_000 }, (_, index) => client(`[fe80::1:${index}]:43210`));
    const [arrived, left] = [rosterOf(...many), rosterOf(...many)];
    const event = { kind: 'changed', before: 20_000, arrived, left, ...status(...many) } as const;
    const { fields } = eventEntry(event, view);
    expect(fields).toMatchObject({ connections: 20_000, before: 20_000 });
    expect(JSON.stringify(eventEntry(event, view)).length).toBeLessThan(65_536 / 2);
  });

  it('say that unknown is not zero', () => {
    const { error } = failed('EPERM');
    expect(eventEntry({ kind: 'count-failed', error, seen: 1 }, view)).toMatchObject({
      level: 'warn',
      message:
        'Clients cannot be counted: poll failed with EPERM. Unknown is not zero: the quiet period ' +
        'restarts once they can be counted again; at least 1 client is connected.',
      fields: { connections: null, seen: 1, error: { code: 'EPERM' } },
    });
    expect(
      eventEntry({ kind: 'count-recovered', lostForMs: 1400, ...status() }, view).message,
    ).toBe('Clients can be counted again after 1.4s: no client is connected.');
  });

  it('say that no samples were taken', () => {
    expect(eventEntry({ kind: 'sampling-gap', gapMs: 60_100 }, view).message).toBe(
      'No samples for 1m (process suspended or starved of CPU?); restarting the quiet period.',
    );
  });

  it('say why polling costs more than it should', () => {
    const notice = {
      kind: 'backend-degraded',
      endpoint: tcpEndpoint,
      backend: 'sock-diag',
      degraded: 'it is dear',
    } as const;
    expect(backendEntry(notice)).toMatchObject({
      level: 'warn',
      message: 'Polling tcp://0.0.0.0:1234 by sock-diag costs more than it should: it is dear.',
    });
    expect(backendEntry({ ...notice, degraded: null }).message).toBe(
      'Polling tcp://0.0.0.0:1234 by sock-diag is as cheap as it should be again.',
    );
  });

  it('say why the preferred backend was skipped', () => {
    const notice = {
      kind: 'backend-chosen',
      endpoint: tcpEndpoint,
      backend: 'procfs',
      skipped: { backend: 'sock-diag', reason: 'refused with EPERM' },
    } as const;
    expect(backendEntry(notice)).toMatchObject({
      level: 'warn',
      message: 'Polling tcp://0.0.0.0:1234 by procfs, not by sock-diag: refused with EPERM.',
    });
    expect(backendEntry({ ...notice, skipped: null }).level).toBe('debug');
  });
});

describe('the last sentence of a wait', () => {
  const counts = 'Waited 42s, 425 polls, at most 2 clients at once.';

  it.each([
    [{ kind: 'drained', ...stats() }, 'info', `Drained: no clients for 10s. ${counts}`],
    [
      { kind: 'gone', ...stats() },
      'info',
      `The daemon is gone: nothing listens, and no process of it is left. ${counts}`,
    ],
    [
      { kind: 'nothing-found', ...stats() },
      'error',
      `Nothing found: nothing listens, and there is no buildkitd process here. Check where this runs, and give --addr or --pid if there is a daemon. ${counts}`,
    ],
    [
      { kind: 'timed-out', quietForMs: null, ...stats(builder) },
      'error',
      `The deadline passed: 1 client is connected: 10.0.0.5:43210 (for 42s). ${counts}`,
    ],
    [
      { kind: 'timed-out', quietForMs: 4200, ...stats() },
      'error',
      `The deadline passed: no client is connected; quiet for 4.2s of 10s. ${counts}`,
    ],
    [
      { kind: 'unknown', error: failed('EPERM').error, ...stats() },
      'error',
      `Giving up: clients could not be counted (poll failed with EPERM). Some may still be connected. ${counts}`,
    ],
    [
      { kind: 'interrupted', reason: 'SIGTERM', ...stats(builder) },
      'error',
      `Interrupted by SIGTERM: 1 client is connected: 10.0.0.5:43210 (for 42s). ${counts}`,
    ],
    [
      { kind: 'interrupted', reason: 'SIGINT', ...stats(), sample: null },
      'error',
      `Interrupted by SIGINT: before the first poll. ${counts}`,
    ],
  ] as const)('after %o', (outcome, level, message) => {
    expect(outcomeEntry(outcome, config, 0)).toMatchObject({ level, message });
  });

  it('says how many clients were allowed', () => {
    const outcome = { kind: 'drained', ...stats(builder) } as const;
    expect(outcomeEntry(outcome, { ...config, maxConnections: 1 }, 0).message).toBe(
      `Drained: no more than 1 client for 10s. ${counts}`,
    );
  });

  it('says how many clients came and went between two polls', () => {
    const entry = outcomeEntry({ kind: 'drained', ...stats() }, config, 3);
    expect(entry.message).toMatch(
      /at most 2 clients at once, at least 3 more between two polls\.$/,
    );
    expect(entry.fields).toMatchObject({ seenBetweenPolls: 3 });
  });

  it('has no number that is unknown', () => {
    const outcome = {
      kind: 'unknown',
      error: failed().error,
      ...stats(),
      sample: failed(),
    } as const;
    expect(outcomeEntry(outcome, config, 0).fields).toMatchObject({ connections: null });
    const neverCounted = { ...outcome, mostConnections: null };
    expect(outcomeEntry(neverCounted, config, 0).message).toMatch(/Waited 42s, 425 polls\.$/);
    expect(outcomeEntry({ ...outcome, mostConnections: 0 }, config, 0).message).toMatch(
      /Waited 42s, 425 polls, no client\.$/,
    );
  });
});
