#!/usr/bin/env node
import { writeSync } from 'node:fs';
import { run } from './cli/run.ts';

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => stop.abort(signal));
}

/** A closed or full output must not end a command: its exit code still says the result. */
function printTo(descriptor: number): (text: string) => void {
  return (text) => {
    try {
      writeSync(descriptor, text);
    } catch {}
  };
}

void run(process.argv.slice(2), {
  env: process.env,
  signal: stop.signal,
  print: printTo(1),
  printError: printTo(2),
}).then((exitCode) => {
  process.exitCode = exitCode;
});
