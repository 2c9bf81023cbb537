#!/usr/bin/env node
import './old-node.ts';
import { writeFileSync, writeSync } from 'node:fs';
import { bundledNode } from './bundle/bundle.ts';
import { exitCodes } from './cli/exit-codes.ts';
import { run } from './cli/main.ts';
import { traceSources } from './cli/source-positions.ts';

traceSources();

const stop = new AbortController();
const stopSignals = ['SIGTERM', 'SIGINT'] as const;
for (const signal of stopSignals) {
  process.on(signal, () => stop.abort(signal));
}

// The name in process lists. Without this it would be that of Node.js or of its main thread.
try {
  writeFileSync('/proc/self/comm', 'buildkit-drain');
} catch {}

/**
 * Writes a whole text, and returns whether that worked. A closed output must not end a command whose exit code is the
 * result.
 */
function printTo(descriptor: number): (text: string) => boolean {
  return (text) => {
    let rest: Buffer = Buffer.from(text);
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(descriptor, rest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
          return false;
        }
        pause();
      }
    }
    return true;
  };
}

// Waits for the reader of a pipe that another process has made non-blocking.
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
}

// Handlers of uncaught errors. The latest one gets them.
const hearers: ((error: unknown) => void)[] = [];
let isBroken = false;
const tellOfUncaught = (error: unknown): void => {
  isBroken = true;
  hearers.at(-1)?.(error);
};
process.on('uncaughtException', tellOfUncaught);
process.on('unhandledRejection', tellOfUncaught);

// The default: an exit with nothing left to wait for, before the command has ended, is no success.
process.exitCode = exitCodes.bug;
process.on('beforeExit', () => {
  if (!hasEnded) {
    tellOfUncaught(new Error('nothing is left that could wake this process'));
  }
});
let hasEnded = false;

void run(process.argv.slice(2), {
  env: process.env,
  signal: stop.signal,
  onStopSignal(callback) {
    for (const signal of stopSignals) {
      process.on(signal, () => callback(signal));
    }
  },
  print: printTo(1),
  printError: printTo(2),
  terminal: process,
  isAttended: async () => (await import('node:tty')).isatty(2),
  onUncaught(callback) {
    hearers.push(callback);
    return () => {
      hearers.splice(hearers.indexOf(callback), 1);
    };
  },
  self: {
    pid: process.pid,
    get node() {
      return bundledNode() ?? process.execPath;
    },
    nodeVersion: process.version,
    program: process.argv[1] ?? '',
    killGroup(pid) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {}
    },
    onSignal(signal, callback) {
      process.on(signal, callback);
    },
    dieOf(signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    },
  },
}).then((exitCode) => {
  hasEnded = true;
  process.exitCode = exitCode;
  if (isBroken) {
    // What failed may still keep the process alive.
    process.exit();
  }
});
