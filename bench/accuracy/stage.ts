import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { AccuracyStageInput } from './context.ts';
import { findDetectors } from './find-detectors.ts';
import { playSession } from './session.ts';
import { divide } from './sessions.ts';
import { createTelling } from './telling.ts';
import { phasesOf, sessionMs } from './workload.ts';

/** Measures until it is done or told to stop. */
export async function runAccuracyStage(input: AccuracyStageInput): Promise<void> {
  try {
    await measureAll(input);
  } catch (error) {
    if (!input.signal.aborted) {
      throw error;
    }
  }
}

async function measureAll(input: AccuracyStageInput): Promise<void> {
  const { plan, signal, send, searchPath } = input;
  const phases = phasesOf(plan);
  const env = { PATH: searchPath };
  const detectors = await findDetectors({ ...input, env });
  const sessions = divide(detectors, availableParallelism());
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });
  const sleep = (durationMs: number): Promise<void> =>
    delay(durationMs, undefined, { signal }).catch(() => {});
  const telling = createTelling(input, {
    sessions: sessions.length,
    phases: phases.length,
    sessionMs: sessionMs(phases),
  });
  try {
    for (const [index, session] of sessions.entries()) {
      const startStep = telling.startSession(index);
      const message = await playSession(
        { ...input, env, startStep, stopped, sleep },
        session,
        phases,
      );
      if (message.facts.lifetimes.length > 0) {
        send(message);
      }
      if (signal.aborted) {
        return;
      }
    }
    send({ kind: 'end' });
  } finally {
    telling.end();
  }
}
