import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPodApi } from '../../src/kubernetes/api.ts';
import { ApiError } from '../../src/kubernetes/api-error.ts';
import {
  type MarkState,
  markPatch,
  nextMark,
  openPodMarks,
  retryDelayMs,
  unknownYet,
  whenDue,
} from '../../src/kubernetes/mark-pod.ts';
import type { PodMarkEvent, PodMarks } from '../../src/kubernetes/types.ts';
import { type Fault, type KubeApi, startKubeApi } from '../support/kube-api.ts';
import { waitFor } from '../support/wait-for.ts';

const cost = 'controller.kubernetes.io/pod-deletion-cost';
const safe = 'cluster-autoscaler.kubernetes.io/safe-to-evict';
const keep = 'karpenter.sh/do-not-disrupt';
const at = 'buildkit-drain/marked-at';
const label = 'buildkit-drain/busy';

describe('the rule of the marks', () => {
  /** The marks wanted after each of these, with a quiet period of 10. */
  const wanted = (...told: readonly (readonly ['busy' | 'idle' | 'unknown', number])[]) => {
    let state: MarkState = unknownYet;
    return told.map(([activity, nowMs]) => {
      state = nextMark(state, activity, nowMs, 10);
      return state.wanted;
    });
  };

  it('is busy before anything is known, and at once', () => {
    expect(unknownYet.wanted).toBe('busy');
    expect(wanted(['idle', 0], ['idle', 10], ['busy', 11])).toEqual(['busy', 'idle', 'busy']);
  });

  it('is idle after the quiet period, which any break restarts', () => {
    expect(wanted(['idle', 0], ['idle', 9], ['idle', 10])).toEqual(['busy', 'busy', 'idle']);
    for (const other of ['busy', 'unknown'] as const) {
      expect(wanted(['idle', 0], [other, 9], ['idle', 9], ['idle', 18], ['idle', 19])).toEqual([
        ...['busy', 'busy', 'busy', 'busy', 'idle'],
      ]);
    }
  });

  it('takes unknown for busy', () => {
    expect(wanted(['idle', 0], ['idle', 10], ['unknown', 11])[2]).toBe('busy');
  });

  it('counts nothing as quiet while the process was held up', () => {
    const idle = { wanted: 'busy', idleSinceMs: 0 } as const;
    expect(whenDue(idle, 500, 100).wanted).toBe('idle');
    expect(whenDue(idle, 60_000, 100)).toEqual({ wanted: 'busy', idleSinceMs: 60_000 });
  });
});

describe('the marks', () => {
  const annotations = (mark: 'busy' | 'idle') =>
    markPatch(mark, '1', new Date(0)).metadata.annotations;

  it('let an idle pod go before an unmarked one, whose cost is 0, and that before a busy one', () => {
    expect(Number(annotations('idle')[cost])).toBeLessThan(0);
    expect(Number(annotations('busy')[cost])).toBeGreaterThan(0);
  });

  it('are for a ReplicaSet, two autoscalers of nodes and a budget', () => {
    expect(annotations('busy')).toMatchObject({ [safe]: 'false', [keep]: 'true' });
    expect(annotations('idle')).toMatchObject({ [safe]: 'true', [keep]: null });
    expect(markPatch('busy', '1', new Date()).metadata.labels).toEqual({ [label]: 'true' });
    expect(markPatch('idle', '1', new Date()).metadata.labels).toEqual({ [label]: 'false' });
  });
});

describe('the time to the next attempt', () => {
  const error = (status: number | null, retryAfterMs: number | null = null) =>
    new ApiError('ERR_API', 'no', { status, retryAfterMs });

  it('doubles up to a minute, with up to half of it taken off', () => {
    const delays = (random: number) =>
      [1, 2, 3, 20].map((failures) => retryDelayMs(error(500), failures, random));
    expect(delays(1)).toEqual([500, 1000, 2000, 60_000]);
    expect(delays(0)).toEqual([250, 500, 1000, 30_000]);
  });

  it.each([null, 302, 401, 408, 409, 429, 500, 503])('is short after %s', (status) => {
    expect(retryDelayMs(error(status), 1, 1)).toBe(500);
  });

  it.each([400, 403, 404, 422])('is minutes after %i', (status) => {
    expect(retryDelayMs(error(status), 1, 1)).toBe(300_000);
  });

  it('is at least what the server asks for, up to ten minutes', () => {
    expect(retryDelayMs(error(429, 7000), 1, 0)).toBe(7000);
    expect(retryDelayMs(error(503, 7000), 20, 1)).toBe(60_000);
    expect(retryDelayMs(error(429, 86_400_000), 1, 0)).toBe(600_000);
  });
});

describe('the marks of a pod', () => {
  let directory: string;
  let server: KubeApi;
  let marks: PodMarks | undefined;
  let events: PodMarkEvent[];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'drain-marks-'));
    server = await startKubeApi(directory);
    events = [];
    marks = undefined;
  });

  afterEach(async () => {
    marks?.close();
    await server.close();
    rmSync(directory, { recursive: true });
  });

  const open = (quietPeriodMs: number, times = { requestTimeoutMs: 5000, firstRetryMs: 20 }) => {
    const api = openPodApi(server.env, server.folder);
    marks = openPodMarks({ api, quietPeriodMs, onEvent: (event) => events.push(event), times });
    const { update } = marks;
    return (activity: Parameters<typeof update>[0]) => update(activity, performance.now());
  };
  const busyLabel = (): string | undefined => server.metadata().labels[label];
  const marked = (value: 'true' | 'false') =>
    waitFor(`the label ${value}`, () => busyLabel() === value);
  const patches = (): number => server.requests.filter(({ method }) => method === 'PATCH').length;

  it('are set at the start, and then at each edge alone', async () => {
    const tell = open(50);
    await marked('true');
    for (let count = 0; count < 20; count += 1) {
      tell(count % 2 === 0 ? 'busy' : 'unknown');
    }
    const idleMs = performance.now();
    for (let count = 0; count < 20; count += 1) {
      tell('idle');
    }
    await marked('false');
    expect(performance.now() - idleMs).toBeGreaterThanOrEqual(50);
    tell('idle');
    await delay(100);
    expect(patches()).toBe(2);
    expect(server.metadata()).toMatchObject({
      labels: { app: 'buildkitd', [label]: 'false' },
      annotations: { [cost]: '-100', [safe]: 'true' },
    });
    expect(server.metadata().annotations).not.toHaveProperty([keep]);
    tell('busy');
    await marked('true');
    expect(server.metadata().annotations).toMatchObject({
      ...{ [cost]: '100', [safe]: 'false', [keep]: 'true' },
    });
    // The server has the mark before its answer is here.
    await waitFor('the last event', () => events.length === 3);
    expect(events).toEqual([
      { kind: 'pod-marked', mark: 'busy' },
      { kind: 'pod-marked', mark: 'idle' },
      { kind: 'pod-marked', mark: 'busy' },
    ]);
  });

  it('are idle without a further call, when the quiet period is over', async () => {
    open(100)('idle');
    await marked('false');
  });

  it('go on after a new token, a conflict, a cut connection and an answer that was cut', async () => {
    const faults: (Fault | null)[] = [{ status: 401 }, { status: 409 }, 'cut', 'cut-answer', null];
    server.fail((method) => (method === 'PATCH' ? (faults.shift() ?? null) : null));
    server.rotateToken(false);
    const tell = open(0);
    await delay(50);
    expect(server.versions).toEqual([]);
    server.rotateToken(true);
    await waitFor('the mark', () => events.some(({ kind }) => kind === 'pod-marked'));
    expect(busyLabel()).toBe('true');
    tell('idle');
    await marked('false');
  });

  it('that fail for long are one warning for each reason', async () => {
    let status = 503;
    server.fail(() => ({ status, message: 'down' }));
    open(0, { requestTimeoutMs: 5000, firstRetryMs: 2 });
    await waitFor('more attempts', () => server.requests.length === 0 && events.length === 1);
    await delay(200);
    expect(events).toMatchObject([{ kind: 'pod-mark-failed', mark: 'busy' }]);
    status = 502;
    await waitFor('another reason', () => events.length === 2);
    server.fail(() => null);
    await marked('true');
    await waitFor('the mark', () => events.length === 3);
    expect(events[2]).toEqual({ kind: 'pod-marked', mark: 'busy' });
  });

  it('that are refused name the missing verb at once, and are tried again in minutes', async () => {
    let attempts = 0;
    server.fail((method) => {
      attempts += 1;
      return method === 'PATCH' ? { status: 403, message: 'forbidden' } : null;
    });
    const tell = open(0);
    await waitFor('the warning', () => events.length > 0);
    tell('idle');
    tell('busy');
    await delay(100);
    expect(attempts).toBe(2);
    const [event] = events;
    expect(event).toMatchObject({ kind: 'pod-mark-failed' });
    if (event?.kind === 'pod-mark-failed') {
      expect(event.error.message).toContain('add the verb "patch" on "pods"');
      expect(event.retryInMs).toBeGreaterThanOrEqual(150_000);
    }
  });

  it('leave the server alone for as long as it asks', async () => {
    const times: number[] = [];
    server.fail(() => {
      times.push(performance.now());
      return times.length <= 2 ? { status: 429, retryAfter: '1' } : null;
    });
    const tell = open(0);
    // The second refusal is reported, and so its answer is here: a request under way would be given up.
    await waitFor('the refusal', () => events.some(({ kind }) => kind === 'pod-mark-failed'));
    tell('idle');
    tell('busy');
    await marked('true');
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1000);
    expect((times[2] ?? 0) - (times[1] ?? 0)).toBeGreaterThanOrEqual(1000);
  });

  it('as busy do not wait for a request that hangs', async () => {
    const tell = open(0);
    await marked('true');
    await waitFor('the mark', () => events.length === 1);
    let isHanging = true;
    server.fail((method) => (isHanging && method === 'PATCH' ? 'late' : null));
    tell('idle');
    await delay(100);
    isHanging = false;
    tell('busy');
    await waitFor('the mark', () => events.length === 2);
    // What was given up is carried out after all, and must not undo what came later.
    server.finish();
    await delay(50);
    expect(server.conflicts()).toBe(1);
    expect(busyLabel()).toBe('true');
  });

  it('are for the last of several edges during a request', async () => {
    server.fail(() => ({ delayMs: 100 }));
    const tell = open(0);
    for (const activity of ['idle', 'busy', 'idle', 'busy', 'idle'] as const) {
      tell(activity);
    }
    await marked('false');
    expect(patches()).toBeLessThanOrEqual(2);
  });

  it('stay as they are after the end', async () => {
    const tell = open(0);
    await marked('true');
    marks?.close();
    tell('idle');
    await delay(100);
    expect(patches()).toBe(1);
  });

  /** What was told, where it changed, by the wall clock. */
  interface Told {
    readonly isIdle: boolean;
    readonly fromMs: number;
  }

  const kinds = ['busy', 'idle', 'idle', 'idle', 'unknown'] as const;

  function changed(told: Told[], isIdle: boolean): void {
    if (told.at(-1)?.isIdle !== isIdle) {
      told.push({ isIdle, fromMs: Date.now() });
    }
  }

  async function playEdges(tell: ReturnType<typeof open>, random: () => number): Promise<Told[]> {
    const told: Told[] = [];
    for (let edge = 0; edge < 1000; edge += 1) {
      const activity = oneOf(kinds, random);
      changed(told, activity === 'idle');
      tell(activity);
      await delay(random() < 0.15 ? 40 : random() * 4);
      if (random() < 0.2) {
        server.finish();
      }
    }
    return told;
  }

  it('are right after 1,000 edges in disorder and with faults, and idle only while that is so', async () => {
    const random = seeded(20_261_128);
    const quietPeriodMs = 15;
    server.fail((method) =>
      random() < (method === 'GET' ? 0.1 : 0.6) ? oneOf(faults, random) : null,
    );
    const tell = open(quietPeriodMs, { requestTimeoutMs: 40, firstRetryMs: 2 });
    const told = await playEdges(tell, random);
    server.fail(() => null);
    for (const last of ['idle', 'busy', 'idle'] as const) {
      changed(told, last === 'idle');
      tell(last);
      await marked(last === 'idle' ? 'false' : 'true');
      server.finish();
      await delay(50);
      expect(busyLabel()).toBe(last === 'idle' ? 'false' : 'true');
    }

    // Requests that were carried out late have undone nothing.
    const sentMs = ({ annotations }: (typeof server.versions)[number]) =>
      Date.parse(annotations[at] ?? '');
    const sent = server.versions.map(sentMs);
    expect(sent).toEqual(sent.toSorted((a, b) => a - b));
    expect(server.conflicts()).toBeGreaterThan(1);
    const idle = server.versions.filter(({ labels }) => labels[label] === 'false');
    expect(idle.length).toBeGreaterThan(2);
    const quietMs = idle.map((version) => {
      const then = told.findLast(({ fromMs }) => fromMs <= sentMs(version));
      return then?.isIdle ? sentMs(version) - then.fromMs : 0;
    });
    expect(Math.min(...quietMs)).toBeGreaterThanOrEqual(quietPeriodMs - 1);
  });
});

const faults: readonly Fault[] = [
  ...(['hang', 'cut', 'cut-answer', 'late', 'late', 'late', 'late'] as const),
  ...[401, 409, 429, 500, 503].map((status) => ({ status })),
  { delayMs: 5 },
  { delayMs: 30 },
];

function oneOf<Item>(items: readonly Item[], random: () => number): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
