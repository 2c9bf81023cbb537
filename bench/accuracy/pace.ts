import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';

/** Something to be done at a moment of the clock. */
interface Due {
  readonly atMs: number;
  readonly act: () => void;
}

export interface Pace {
  readonly at: (atMs: number, act: () => void) => void;
  /** Does what is due until nothing is left. */
  readonly run: () => Promise<void>;
}

// Node's timers count whole milliseconds: the rest of the time the event loop is turned.
const turningMs = 1.6;

/** Does things at their moments, to some hundredths of a millisecond. */
export function createPace(nowMs: () => number): Pace {
  const queue: Due[] = [];
  return {
    at(atMs, act) {
      let index = queue.length;
      while (index > 0 && (queue[index - 1]?.atMs ?? 0) > atMs) {
        index -= 1;
      }
      queue.splice(index, 0, { atMs, act });
    },
    async run() {
      for (let next = queue[0]; next !== undefined; next = queue[0]) {
        const leftMs = next.atMs - nowMs();
        if (leftMs <= 0) {
          queue.shift();
          next.act();
        } else if (leftMs > turningMs + 1) {
          await delay(Math.floor(leftMs - turningMs));
        } else {
          await turn();
        }
      }
    },
  };
}
