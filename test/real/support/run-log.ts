import { expect } from 'vitest';
import type { LogLine } from '../../support/cli.ts';
import type { SandboxProcess } from '../../support/sandbox.ts';
import { quietPeriodMs } from './actors.ts';

/** Holds the end of `run`, whose last build ended at this moment, against what it logs. */
export async function judgeRun(run: SandboxProcess, endedMs: number): Promise<void> {
  const { code, stderr } = await run.ended;
  const lines: LogLine[] = stderr
    .split('\n')
    .filter((line) => line.startsWith('{"timestamp"'))
    .map((line) => JSON.parse(line));
  const named = (event: string): LogLine | undefined => lines.find((line) => line.event === event);
  const at = (event: string): number => Date.parse(named(event)?.timestamp ?? '');
  expect(named('ended')).toMatchObject({ outcome: 'drained' });
  expect(at('ended') - endedMs).toBeGreaterThan(quietPeriodMs - 100);
  expect(at('ended') - endedMs).toBeLessThan(quietPeriodMs + 1300);
  expect(at('run-stopping')).toBeGreaterThanOrEqual(at('ended'));
  expect(named('run-ended')).toMatchObject({ exitCode: code });
}
