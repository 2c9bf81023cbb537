import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deadlineOf, marginMs, readPodDeadline } from '../../src/kubernetes/pod-deadline.ts';
import { type KubeApi, startKubeApi } from '../support/kube-api.ts';

describe('the margin', () => {
  it.each([
    ['1h', 3600, 120],
    ['2h', 7200, 120],
    ['20m', 1200, 60],
    ['5m', 300, 15],
    ['1m', 60, 10],
    ['30s', 30, 10],
    ['10s', 10, 5],
    ['1s', 1, 0.5],
  ])('of a grace period of %s', (_, graceSeconds, seconds) => {
    expect(marginMs(graceSeconds * 1000)).toBe(seconds * 1000);
  });
});

describe('the deadline of a pod', () => {
  const pod = { uid: 'a', resourceVersion: '1' };
  const nowMs = Date.parse('2026-11-28T00:00:00Z');

  it('is the time of its deletion less the margin', () => {
    const deletionTimestamp = '2026-11-28T00:59:30Z';
    expect(
      deadlineOf({ ...pod, nowMs, deletionTimestamp, deletionGracePeriodSeconds: 3600 }),
    ).toEqual({ kind: 'known', leftMs: (3570 - 120) * 1000, graceMs: 3_600_000 });
  });

  it('is now when there is less time than the margin, and not before', () => {
    const deletionTimestamp = '2026-11-28T00:00:05Z';
    expect(
      deadlineOf({ ...pod, nowMs, deletionTimestamp, deletionGracePeriodSeconds: 3600 }),
    ).toEqual({ kind: 'known', leftMs: 0, graceMs: 3_600_000 });
  });

  it.each([
    [null, 'not-deleted'],
    ['nonsense', 'not-deleted'],
    ['2026-11-28T00:00:00Z', 'passed'],
    ['2026-11-27T23:00:00Z', 'passed'],
  ])('is not there with a deletionTimestamp of %s', (deletionTimestamp, kind) => {
    expect(
      deadlineOf({ ...pod, nowMs, deletionTimestamp, deletionGracePeriodSeconds: null }),
    ).toEqual({ kind });
  });
});

describe('the question for the deadline', () => {
  let directory: string;
  let server: KubeApi;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'drain-deadline-'));
    server = await startKubeApi(directory);
  });

  afterEach(async () => {
    await server.close();
    rmSync(directory, { recursive: true });
  });

  const read = (signal = new AbortController().signal) =>
    readPodDeadline(server.env, signal, server.folder);

  it('goes by the clock of the server', async () => {
    server.skew(30 * 60_000);
    server.deletePod(3600);
    const deadline = await read();
    expect(deadline).toMatchObject({ kind: 'known', graceMs: 3_600_000 });
    const leftMs = deadline.kind === 'known' ? deadline.leftMs : 0;
    expect(Math.abs(leftMs - 3480_000)).toBeLessThanOrEqual(2000);
  });

  it('is asked again in the time there is', async () => {
    server.rotateToken(false);
    server.deletePod(60);
    let requests = 0;
    server.fail(() => {
      requests += 1;
      if (requests === 2) {
        server.rotateToken(true);
      }
      return requests === 1 ? { status: 503 } : null;
    });
    expect(await read()).toMatchObject({ kind: 'known', graceMs: 60_000 });
  });

  it.each(['hang', { delayMs: 10_000 }, 'cut', { status: 403 }] as const)(
    'is over after two seconds: %j',
    async (fault) => {
      server.fail(() => fault);
      const beganMs = performance.now();
      const deadline = await read();
      expect(deadline.kind).toBe('unknown');
      expect(performance.now() - beganMs).toBeLessThan(3000);
    },
  );

  it('leaves a server alone that asks for more time than there is', async () => {
    let requests = 0;
    server.fail(() => {
      requests += 1;
      return { status: 429, retryAfter: '2' };
    });
    expect((await read()).kind).toBe('unknown');
    expect(requests).toBe(1);
  });

  it('ends when it is told to', async () => {
    server.fail(() => 'hang');
    const stop = new AbortController();
    const beganMs = performance.now();
    const deadline = read(stop.signal);
    stop.abort();
    expect((await deadline).kind).toBe('unknown');
    expect(performance.now() - beganMs).toBeLessThan(1000);
  });
});
