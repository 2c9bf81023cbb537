import { progressEntry, removalEntry, verifiedEntry } from '../../messages/verify/events.ts';
import { progressText } from '../../messages/verify/text.ts';
import { visible } from '../../messages/words.ts';
import type { LogOptionValues } from '../../options/table.ts';
import type { ImageReport, Progress, StoreReport } from '../../verify/types.ts';
import type { ProcessContext } from '../process-context.ts';
import { openWaitLog } from './plan-wait.ts';

/** Shows how far a check has come: on a terminal as one line that changes, and else as log lines. */
export interface VerifyDisplay {
  readonly progress: (progress: Progress) => void;
  /** Before the name of a damaged image is removed. */
  readonly removal: (image: ImageReport) => void;
  readonly end: (reports: readonly StoreReport[]) => void;
}

const redrawMs = 100;
const clearLine = '\r\u001b[K';

/** A line that replaces the one before. On a narrow terminal it is cut: of two rows only the last would be replaced. */
function drawn(text: string): string {
  return `${clearLine}\u001b[?7l${visible(text)}\u001b[?7h`;
}

// An estimate from less than this is a guess.
const shortestElapsedMs = 1000;

export async function openVerifyDisplay(
  options: LogOptionValues & { readonly 'progress-every': number },
  { env, isAttended, printError }: ProcessContext,
): Promise<VerifyDisplay> {
  const isTerminal = await isAttended();
  const log = isTerminal ? null : openWaitLog(options, env, 'own');
  const everyMs = isTerminal ? redrawMs : options['progress-every'];
  let store: string | null = null;
  let startMs = performance.now();
  let nextMs = startMs + everyMs;
  return {
    progress(progress) {
      const nowMs = performance.now();
      if (store !== progress.store) {
        store = progress.store;
        startMs = nowMs;
      }
      if (nowMs < nextMs) {
        return;
      }
      nextMs = nowMs + everyMs;
      const leftMs = timeLeft(progress, nowMs - startMs);
      if (log === null) {
        printError(drawn(progressText(progress, leftMs)));
      } else {
        log(progressEntry(progress, leftMs));
      }
    },
    removal(image) {
      const entry = removalEntry(image);
      if (log === null) {
        printError(`${clearLine}${visible(entry.message)}\n`);
      } else {
        log(entry);
      }
    },
    end(reports) {
      if (log === null) {
        printError(clearLine);
      } else {
        log(verifiedEntry(reports));
      }
    },
  };
}

function timeLeft(
  { blobs, allBlobs, bytes, allBytes }: Progress,
  elapsedMs: number,
): number | null {
  const done = bytes === null ? blobs / allBlobs : bytes / allBytes;
  return elapsedMs < shortestElapsedMs || !(done > 0) ? null : (elapsedMs / done) * (1 - done);
}
