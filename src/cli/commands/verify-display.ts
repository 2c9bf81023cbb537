import { progressEntry, progressText, removalEntry, verifiedEntry } from '../../messages/verify.ts';
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

// An estimate from less than this is a guess.
const shortestElapsedMs = 1000;

export async function openVerifyDisplay(
  options: LogOptionValues & { readonly 'progress-every': number },
  { env, isAttended, printError }: ProcessContext,
): Promise<VerifyDisplay> {
  const isTerminal = await isAttended();
  const log = isTerminal ? null : openWaitLog(options, env, 'own');
  const everyMs = isTerminal ? redrawMs : options['progress-every'];
  const startMs = performance.now();
  let nextMs = startMs + everyMs;
  return {
    progress(progress) {
      const nowMs = performance.now();
      if (nowMs < nextMs) {
        return;
      }
      nextMs = nowMs + everyMs;
      const leftMs = timeLeft(progress, nowMs - startMs);
      if (log === null) {
        printError(`${clearLine}${progressText(progress, leftMs)}`);
      } else {
        log(progressEntry(progress, leftMs));
      }
    },
    removal(image) {
      const entry = removalEntry(image);
      if (log === null) {
        printError(`${clearLine}${entry.message}\n`);
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
