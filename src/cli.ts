#!/usr/bin/env node
import './old-node.ts';
import { writeFileSync, writeSync } from 'node:fs';
import { bundledNode } from './bundle/bundle.ts';
import { exitCodes } from './cli/exit-codes.ts';
import { run } from './cli/main.ts';

const stop = new AbortController();
const stopSignals = ['SIGTERM', 'SIGINT'] as const;
for (const signal of stopSignals) {
  process.on(signal, () => stop.abort(signal));
}

// What lists of processes show: else that of Node.js, or of its main thread.
try {
  writeFileSync('/proc/self/comm', 'buildkit-drain');
} catch {}

/**
 * Writes all of a text, and says whether it could be written. A closed output must not end a command
 * whose exit code says the result.
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

// For the reader of a pipe that someone else has made non-blocking.
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
}

// Who hears of errors that nobody has caught: who has asked last.
const hearers: ((error: unknown) => void)[] = [];
let isBroken = false;
const tellOfUncaught = (error: unknown): void => {
  isBroken = true;
  hearers.at(-1)?.(error);
};
process.on('uncaughtException', tellOfUncaught);
process.on('unhandledRejection', tellOfUncaught);

// Until somebody says otherwise: an end without a word, with nothing left to wait for, is no success.
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
    // What is broken may still hold the process.
    process.exit();
  }
});
