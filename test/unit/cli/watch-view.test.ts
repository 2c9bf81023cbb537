import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTableView } from '../../../src/cli/commands/watch-view.ts';
import { classifiedAtMs, classifyOnce } from '../../../src/drain/classify-all.ts';
import type { WatchStatus } from '../../../src/drain/types.ts';
import { client, counted } from '../support/samples.ts';

const control = '\u001b[';
const rule = {
  counts: () => true,
  probeGraceMs: 1000,
  quietPeriodMs: 0,
  ignoreSilentMs: null,
  ignoreUnreachableMs: null,
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function statusOf(count: number): WatchStatus {
  const connections = Array.from({ length: count }, (_, index) =>
    client(`10.0.0.5:${1000 + index}`),
  );
  const tracked = classifyOnce(connections, new Map(), rule, false);
  return {
    nowMs: classifiedAtMs,
    waitedMs: 0,
    sample: counted(...connections),
    tracked,
    clients: tracked,
    pending: [],
    all: [],
    notCounted: [],
    builds: null,
    buildsAskedMs: null,
    namedBuilds: [],
    quietForMs: null,
    seenBetweenPolls: 0,
  };
}

function viewOn(size: { columns: number; rows: number }) {
  let output = '';
  let onRedraw = () => {};
  const view = createTableView({
    screen: {
      size: () => size,
      onRedraw(callback) {
        onRedraw = callback;
      },
      draw(picture) {
        output += picture;
      },
      close(lastText) {
        output += `closed ${lastText}`;
      },
    },
    intervalMs: 100,
    now: () => performance.now(),
  });
  const frames = (): string[][] =>
    output
      .split(`${control}H`)
      .slice(1)
      .map((frame) =>
        (frame.split(`${control}J`)[0] ?? '').split(`${control}K`).map((line) => line.trim()),
      );
  return { view, size, redraw: () => onRedraw(), output: () => output, frames };
}

describe('the table of a watch', () => {
  it('is drawn anew as soon as the terminal has another size', () => {
    const { view, size, redraw, frames } = viewOn({ columns: 80, rows: 24 });
    view.show(statusOf(3), []);
    vi.advanceTimersByTime(60);
    expect(frames()).toHaveLength(1);
    size.rows = 6;
    redraw();
    vi.advanceTimersByTime(60);
    expect(frames()).toHaveLength(2);
    expect(frames()[1]).toContain('… 3 more lines');
    view.end();
  });

  it('takes what is left of a terminal that does not tell its size', () => {
    const { view, frames } = viewOn({ columns: 0, rows: 0 });
    view.show(statusOf(50), []);
    vi.advanceTimersByTime(60);
    const [frame = []] = frames();
    expect(frame.length - 1).toBeLessThanOrEqual(24);
    expect(frame).toContain('Every 100ms. q or Ctrl-C ends.');
    view.end();
  });

  it('is not drawn for each of many changes', () => {
    const { view, frames } = viewOn({ columns: 80, rows: 24 });
    for (let times = 0; times < 100; times += 1) {
      const status = statusOf(times % 2);
      view.show(status, [{ kind: 'changed', before: 0, arrived: [], left: [], ...status }]);
      vi.advanceTimersByTime(1);
    }
    expect(frames().length).toBeGreaterThan(1);
    expect(frames().length).toBeLessThanOrEqual(3);
    view.end();
  });

  it('gives the screen back with the last picture, and draws on it no more', () => {
    const { view, output } = viewOn({ columns: 80, rows: 24 });
    view.show(statusOf(1), []);
    view.end();
    const ended = output();
    expect(ended).toMatch(/closed Every 100ms\. q or Ctrl-C ends\.\n/);
    vi.advanceTimersByTime(5000);
    expect(output()).toBe(ended);
  });
});
