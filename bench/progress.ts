import type { AccuracyMessage } from './accuracy/types.ts';
import type { StageMessage } from './types.ts';

const clearLine = '\r\u001b[K';
const widest = 79;

export interface Progress {
  readonly hear: (message: StageMessage | AccuracyMessage) => void;
  /** Leaves no line half drawn. */
  readonly end: () => void;
}

/** Tells how far the run is: on a terminal in one line that is drawn anew, else line by line. */
export function createProgress(isTerminal: boolean, write: (text: string) => void): Progress {
  let drawn = '';
  let step = 0;
  const draw = (line: string): void => {
    drawn = line;
    write(isTerminal ? `${clearLine}${line.slice(0, widest)}` : `${line}\n`);
  };
  return {
    hear(message) {
      // Line by line, a step is told of once.
      if (message.kind === 'progress' && (isTerminal || message.step !== step)) {
        step = message.step;
        draw(`[${message.step}/${message.steps}] ${message.text}`);
      }
    },
    end() {
      if (isTerminal && drawn !== '') {
        write(clearLine);
        drawn = '';
      }
    },
  };
}
