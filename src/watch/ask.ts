import type { Sample } from '../backends/types.ts';
import type { BuildsSource } from '../builds/types.ts';
import { type BuildsState, nextBuildsState } from '../drain/builds-note.ts';
import type { Clock } from '../drain/clock.ts';

/** Asks the daemon when its answer may be another one than before, and not at each look. */
export interface Asker {
  readonly latest: () => BuildsState | null;
  readonly askIfDue: (need: AskNeed) => void;
  readonly ownPeers: () => readonly string[];
}

interface AskNeed {
  readonly nowMs: number;
  readonly sample: Sample;
  readonly hasClients: boolean;
  /** When a connection last came or went. */
  readonly changedMs: number;
}

const shortestPauseMs = 2000;
// Several builds may run over one connection, one after the other.
const busyPauseMs = 5000;

/** @param source null where the daemon is not to be asked. */
export function createAsker(source: BuildsSource | null, clock: Clock): Asker {
  const startedMs = clock.now();
  let latest: BuildsState | null = null;
  let isAsking = false;

  const ask = async (from: BuildsSource, { nowMs: askedMs, sample }: AskNeed): Promise<void> => {
    isAsking = true;
    const answers = await from.ask(sample);
    const times = { askedMs, answeredMs: clock.now(), wallMs: clock.wall(), startedMs };
    latest = nextBuildsState(latest, answers, times);
    isAsking = false;
    clock.wake();
  };

  return {
    latest: () => latest,
    askIfDue(need) {
      if (need.sample.kind === 'gone') {
        latest = null;
      }
      if (source !== null && !isAsking && isDue(latest, need)) {
        void ask(source, need);
      }
    },
    ownPeers: () => source?.ownPeers() ?? [],
  };
}

function isDue(latest: BuildsState | null, need: AskNeed): boolean {
  const { nowMs, sample, hasClients, changedMs } = need;
  if (sample.kind !== 'counted') {
    return false;
  }
  if (latest === null) {
    return true;
  }
  const pauseMs = nowMs - latest.answeredMs;
  const isBusy = latest.named.length > 0 || (hasClients && latest.answer.kind === 'known');
  // Who has just come may begin its build a moment after the answer: one more question.
  return (
    (changedMs >= latest.askedMs && pauseMs >= shortestPauseMs) ||
    (isBusy && pauseMs >= busyPauseMs)
  );
}
