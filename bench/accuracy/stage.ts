import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { runStage } from '../runner/stage.ts';
import { divide, findDetectors } from './find-detectors.ts';
import { runSession } from './session.ts';
import type { AccuracyStageInput } from './types.ts';
import { phasesOf, restName, sessionMs } from './workload.ts';

/** Measures until it is done or asked to stop. */
export async function runAccuracyStage(input: AccuracyStageInput): Promise<void> {
  await runStage(input.signal, () => measureAll(input));
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
  const progress = createProgressReport(input, {
    sessions: sessions.length,
    phases: phases.length,
    sessionMs: sessionMs(phases),
  });
  try {
    for (const [index, session] of sessions.entries()) {
      const startStep = progress.startSession(index);
      const message = await runSession(
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
    progress.end();
  }
}

interface ProgressReport {
  /** Call it at the start of each session; what it returns, at the start of each of its phases. */
  readonly startSession: (index: number) => (phase: string) => void;
  readonly end: () => void;
}

interface Extent {
  readonly sessions: number;
  readonly phases: number;
  /** How long one session lasts. */
  readonly sessionMs: number;
}

const reportEveryMs = 1000;

/** Reports every second how far the run is, and how much time is left. */
function createProgressReport(
  { send, nowMs }: AccuracyStageInput,
  { sessions, phases, sessionMs }: Extent,
): ProgressReport {
  let step = 0;
  let text = '';
  let endMs = 0;
  const report = (): void => {
    const left = `${text}, ${leftText(endMs - nowMs())} left`;
    send({ kind: 'progress', step, steps: sessions * phases, text: left });
  };
  const timer = setInterval(() => step > 0 && report(), reportEveryMs);
  return {
    startSession(index) {
      endMs = nowMs() + (sessions - index) * sessionMs;
      return (phase) => {
        step += 1;
        const what = phase === restName ? 'no connections' : `connections of ${phase}`;
        text = `session ${index + 1} of ${sessions}: ${what}`;
        report();
      };
    },
    end: () => clearInterval(timer),
  };
}

function leftText(leftMs: number): string {
  const seconds = Math.max(0, Math.round(leftMs / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
