import type { WatchEvent, WatchStatus } from '../../drain/types.ts';
import { eventEntry, watchView } from '../../messages/events.ts';
import { createLog, type LogEntry } from '../../messages/log/log.ts';
import { watchFrame } from '../../messages/watch-frame.ts';
import type { LogFormat } from '../../options/table.ts';
import type { Screen } from './screen.ts';

/** How a watch is shown. */
export interface WatchView {
  readonly notice: (entry: LogEntry) => void;
  readonly show: (status: WatchStatus, events: readonly WatchEvent[]) => void;
  readonly end: () => void;
}

/** A line for each change. */
export function createLineView(format: LogFormat, write: (text: string) => void): WatchView {
  const log = createLog({ format, level: 'info', prefix: '', now: () => new Date(), write });
  return {
    notice: log,
    show(_, events) {
      for (const event of events) {
        log(eventEntry(event, watchView));
      }
    },
    end() {},
  };
}

const control = '\u001b[';
const home = `${control}H`;
const clearLine = `${control}K`;
const clearBelow = `${control}J`;

const mostChanges = 100;
const shortestFrameMs = 50;
const longestFrameMs = 1000;

export interface TableInput {
  readonly screen: Screen;
  readonly intervalMs: number;
  readonly now: () => number;
}

/** A table that is drawn again after each change, and each second for the ages. */
export function createTableView({ screen, intervalMs, now }: TableInput): WatchView {
  const changes: string[] = [];
  let status: WatchStatus | undefined;
  let drawnMs = -Infinity;
  let due: NodeJS.Timeout | undefined;

  const frame = (): string[] =>
    status === undefined
      ? []
      : watchFrame({ status, nowMs: now(), intervalMs, changes, size: screen.size() });
  const draw = (): void => {
    clearTimeout(due);
    due = undefined;
    drawnMs = now();
    const lines = frame().map((line) => `${line}${clearLine}`);
    screen.draw(`${home}${lines.join('\r\n')}${clearBelow}`);
  };
  const drawSoon = (): void => {
    due ??= setTimeout(draw, Math.max(0, drawnMs + shortestFrameMs - now()));
  };
  const note = (message: string): void => {
    changes.push(`${new Date().toTimeString().slice(0, 8)} ${message}`);
    changes.splice(0, changes.length - mostChanges);
  };

  const everySecond = setInterval(drawSoon, longestFrameMs);
  screen.onRedraw(drawSoon);
  return {
    notice({ level, message }) {
      if (level === 'warn') {
        note(message);
      }
    },
    show(next, events) {
      const isFirst = status === undefined;
      status = next;
      for (const event of events.filter(({ kind }) => kind !== 'started')) {
        note(eventEntry(event, watchView).message);
      }
      if (isFirst || events.length > 0) {
        drawSoon();
      }
    },
    end() {
      clearInterval(everySecond);
      clearTimeout(due);
      let lastTable = '';
      try {
        lastTable = frame()
          .map((line) => `${line}\n`)
          .join('');
      } finally {
        screen.close(lastTable);
      }
    },
  };
}
