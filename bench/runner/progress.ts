import type { RunMessage } from './results.ts';

const clearLine = '\r\u001b[K';
const widest = 79;

export interface Progress {
  readonly onMessage: (message: { readonly kind: string }) => void;
  /** Clears the line. */
  readonly end: () => void;
}

type ProgressMessage = Extract<RunMessage, { kind: 'progress' }>;

/** Shows the progress of a run: on a terminal in one line that is redrawn, else line by line. */
export function createProgress(isTerminal: boolean, write: (text: string) => void): Progress {
  let drawn = '';
  let step = 0;
  const draw = (line: string): void => {
    drawn = line;
    write(isTerminal ? `${clearLine}${line.slice(0, widest)}` : `${line}\n`);
  };
  return {
    onMessage(message) {
      // Line by line, each step is printed once.
      if (isProgress(message) && (isTerminal || message.step !== step)) {
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

function isProgress(message: { readonly kind: string }): message is ProgressMessage {
  return message.kind === 'progress';
}
