import { describe, expect, it, vi } from 'vitest';
import type { RunEvent } from '../../../src/run/supervise.ts';
import { waitOrHold } from '../../../src/run/supervise.ts';

const fail = () => Promise.reject(new Error('a bug'));

describe('a wait that fails', () => {
  it('holds until it is released', async () => {
    const over = new AbortController();
    const told: RunEvent[] = [];
    const isOver = vi.fn();
    const waiting = waitOrHold(fail, null, over.signal, (event) => told.push(event)).then(isOver);
    await vi.waitFor(() => expect(told).toHaveLength(1));
    expect(told).toEqual([{ kind: 'run-unknown', reason: 'a bug', restMs: null }]);
    expect(isOver).not.toHaveBeenCalled();
    over.abort();
    await waiting;
  });

  it('holds until its deadline, of which the wait has used some', async () => {
    const told: RunEvent[] = [];
    const failLater = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return fail();
    };
    const begunMs = performance.now();
    await waitOrHold(failLater, 200, new AbortController().signal, (event) => told.push(event));
    expect(performance.now() - begunMs).toBeGreaterThanOrEqual(198);
    const [event] = told;
    expect(event?.kind === 'run-unknown' && event.restMs).toBeLessThanOrEqual(151);
  });

  it('does not hold when released before', async () => {
    await waitOrHold(fail, null, AbortSignal.abort(), () => {});
  });
});
