import type { AccuracyStageInput } from './context.ts';
import { restName } from './workload.ts';

interface Telling {
  /** Called at the begin of each session, it returns what is to be called for each of its phases. */
  readonly startSession: (index: number) => (phase: string) => void;
  readonly end: () => void;
}

interface Extent {
  readonly sessions: number;
  readonly phases: number;
  /** How long one session lasts. */
  readonly sessionMs: number;
}

const tellEveryMs = 1000;

/** Tells each second how far the run is, and how long it will take yet. */
export function createTelling(
  { send, nowMs }: AccuracyStageInput,
  { sessions, phases, sessionMs }: Extent,
): Telling {
  let step = 0;
  let text = '';
  let endMs = 0;
  const tell = (): void => {
    const left = `${text}, ${leftText(endMs - nowMs())} left`;
    send({ kind: 'progress', step, steps: sessions * phases, text: left });
  };
  const timer = setInterval(() => step > 0 && tell(), tellEveryMs);
  return {
    startSession(index) {
      endMs = nowMs() + (sessions - index) * sessionMs;
      return (phase) => {
        step += 1;
        const what = phase === restName ? 'nobody connects' : `connections of ${phase}`;
        text = `session ${index + 1} of ${sessions}: ${what}`;
        tell();
      };
    },
    end: () => clearInterval(timer),
  };
}

function leftText(leftMs: number): string {
  const seconds = Math.max(0, Math.round(leftMs / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
