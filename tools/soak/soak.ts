import { cpus, loadavg, release } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { machineMs } from '../../test/support/machine-time.ts';
import { type Lasting, type NamedGrowth, openLasting } from './lasting.ts';
import { openRecord, type Record, tried } from './record.ts';
import { openRounds } from './rounds.ts';

export interface SoakOptions {
  readonly seed: number;
  readonly lengthMs: number;
  readonly onProgress: (line: string) => void;
}

export interface SoakResult {
  readonly seed: number;
  readonly lengthMs: number;
  readonly host: { readonly node: string; readonly kernel: string; readonly cpus: number };
  readonly loads: readonly number[];
  readonly record: Record;
  readonly growth: readonly NamedGrowth[];
}

const progressEveryMs = 60_000;

/** Runs waits against clients and faults at random until the time is over, and judges them all. */
export async function soak({ seed, lengthMs, onProgress }: SoakOptions): Promise<SoakResult> {
  const record = openRecord();
  const startedMs = machineMs();
  const endMs = startedMs + lengthMs;
  const loads: number[] = [];
  let reportedCount = 0;
  const lasting = await openLasting(seed, record, lengthMs);
  const rounds = await openRounds(seed, record);
  const progress = setInterval(
    () => {
      loads.push(loadavg()[0] ?? Number.NaN);
      onProgress(progressLine(record, lasting, machineMs() - startedMs));
      for (const { kind, subject, text } of record.findings.slice(reportedCount)) {
        onProgress(`${kind.toUpperCase()} ${subject}: ${text}`);
      }
      reportedCount = record.findings.length;
    },
    Math.min(progressEveryMs, lengthMs / 3),
  );
  try {
    await Promise.all([
      repeat(record, (n) => lasting.stretch(n), endMs),
      repeat(record, (n) => rounds.round(n), endMs),
    ]);
    await lasting.end();
    return {
      seed,
      lengthMs,
      host: { node: process.version, kernel: release(), cpus: cpus().length },
      loads,
      record,
      growth: lasting.growth(),
    };
  } finally {
    clearInterval(progress);
    await Promise.all([lasting.close(), rounds.close()]);
  }
}

/** On a machine that stands still, what is to start may not: then the next one is tried. */
async function repeat(
  record: Record,
  task: (n: number) => Promise<void>,
  endMs: number,
): Promise<void> {
  for (let n = 0; machineMs() < endMs; n += 1) {
    await tried(record, 'stretches of both kinds', task(n));
    await delay(100);
  }
}

function progressLine({ stats, findings }: Record, lasting: Lasting, passedMs: number): string {
  const waits = [...stats]
    .filter(([what]) => what.startsWith('waits ended'))
    .reduce((sum, [, number]) => sum + number, 0);
  const clients = stats.get('clients') ?? 0;
  const lines = stats.get('lines judged') ?? 0;
  return (
    `${(passedMs / 60_000).toFixed(1)} min: ${clients} clients, ${waits} waits, ${lines} lines, ` +
    `${findings.length} findings; ${lasting.summary()}`
  );
}
