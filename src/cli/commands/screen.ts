import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { ScreenSize } from '../../messages/watch-frame.ts';

/** The terminal of standard output, used while this process is its foreground job. */
export interface Screen {
  /** In characters; 0 if the terminal does not know. */
  readonly size: () => ScreenSize;
  /** Calls back when the picture must be drawn again. */
  readonly onRedraw: (callback: () => void) => void;
  /** Does nothing in the background. */
  readonly draw: (picture: string) => void;
  /** Gives the terminal back, with this text on it. */
  readonly close: (lastText: string) => void;
}

/** This process, as its terminal treats it. */
export type TerminalProcess = Pick<
  NodeJS.Process,
  'stdin' | 'stdout' | 'pid' | 'kill' | 'on' | 'off'
>;

interface ScreenInput {
  readonly self: TerminalProcess;
  readonly write: (text: string) => void;
  /** Called for the key that ends the watch. */
  readonly onQuit: () => void;
}

const control = '\u001b[';
// The alternate screen, without a cursor and without line wrap.
const enter = `${control}?1049h${control}?25l${control}?7l`;
const leave = `${control}?7h${control}?25h${control}?1049l`;

const quitKey = 'q';
/** A terminal in raw mode sends no signals for these keys. */
const signalKeys: ReadonlyMap<string, NodeJS.Signals> = new Map([
  ['\u0003', 'SIGINT'],
  ['\u001a', 'SIGTSTP'],
  ['\u001c', 'SIGQUIT'],
]);

/** Returns null if standard output is no terminal. Nothing changes on it before the first picture. */
export function openScreen({ self, write, onQuit }: ScreenInput): Screen | null {
  if (!isatty(1)) {
    return null;
  }
  const { stdout } = self;
  const keyboard = isatty(0) ? self.stdin : null;
  let isShown = false;
  let redraw = (): void => {};

  const show = (): void => {
    isShown = true;
    // A shell may have set another mode, and Node skips a mode that it has set before.
    keyboard?.setRawMode(false).setRawMode(true).resume();
    self.on('SIGTSTP', onStop);
    write(enter);
    // A background job is not notified of a new size.
    self.kill(self.pid, 'SIGWINCH');
  };
  const release = (): void => {
    isShown = false;
    keyboard?.pause();
    self.off('SIGTSTP', onStop);
  };
  const hide = (): void => {
    if (isShown) {
      release();
      keyboard?.setRawMode(false);
      write(leave);
    }
  };
  const onStop = (): void => {
    hide();
    self.kill(self.pid, 'SIGTSTP');
  };
  const onContinue = (): void => {
    if (isShown) {
      // After SIGSTOP another program may have set up the terminal.
      release();
    }
    redraw();
  };
  const onKeys = (keys: string): void => {
    for (const key of keys) {
      const signal = signalKeys.get(key);
      if (signal !== undefined) {
        if (signal !== 'SIGINT') {
          hide();
        }
        // To the whole job, as the terminal does: a shell that started us must stop as well.
        self.kill(0, signal);
      } else if (key === quitKey) {
        onQuit();
      }
    }
  };

  keyboard?.setEncoding('latin1').on('data', onKeys).pause();
  // If the terminal has hung up, writing fails.
  keyboard?.on('error', () => {});
  self.on('SIGCONT', onContinue);
  stdout.on('resize', () => redraw());

  return {
    size: () => ({ columns: stdout.columns, rows: stdout.rows }),
    onRedraw(callback) {
      redraw = callback;
    },
    draw(picture) {
      if (isForeground()) {
        if (!isShown) {
          show();
        }
        write(picture);
      } else if (isShown) {
        release();
      }
    },
    close(lastText) {
      self.off('SIGCONT', onContinue);
      if (isForeground()) {
        hide();
        write(lastText);
      } else {
        release();
      }
    },
  };
}

/** The kernel stops a background job that reads from its terminal or changes it. */
function isForeground(): boolean {
  let stat: string;
  try {
    stat = readFileSync('/proc/self/stat', 'latin1');
  } catch {
    return true;
  }
  const [, , group, , , foregroundGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const hasNoTerminal = foregroundGroup === '-1';
  return hasNoTerminal || foregroundGroup === group;
}
