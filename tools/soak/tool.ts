import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cliPath, type LogLine } from '../../test/support/cli.ts';
import { machineMs } from '../../test/support/machine-time.ts';
import { compiled } from '../../test/support/native.ts';
import { run } from '../../test/support/running.ts';
import type { Sandbox, SandboxProcess } from '../../test/support/sandbox.ts';
import { createTail } from './ground-truth.ts';
import { inject, trySignal } from './inject.ts';
import type { Subject } from './judge.ts';
import { type Fault, listeners, type WaitRule } from './plan.ts';

// The room for new objects grows to 16 MiB a half as time goes by, whatever a program does: with that
// fixed, what grows is the program's own.
const measuring = [
  '--max-semi-space-size=1',
  '--expose-gc',
  `--require=${fileURLToPath(new URL('collect.cjs', import.meta.url))}`,
];

/** A process of the tool under test, its log, and what can be done to it. */
export interface Tool {
  readonly subject: Subject;
  readonly process: SandboxProcess;
  /** The lines of its log since the last call; null where its log is not read. */
  readonly news: () => LogLine[];
  /** What collect.cjs has noted down by now. */
  readonly collected: () => string[];
  /** Injects a fault into it, for the fault's time. */
  readonly inject: (fault: Fault) => Promise<void>;
  readonly interrupt: (signal: NodeJS.Signals) => Promise<void>;
  /** Resolves with the exit code, and when it was seen. */
  readonly ended: Promise<{
    readonly code: number | null;
    readonly atMs: number;
    readonly stderr: string;
  }>;
}

export interface ToolSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly rule: WaitRule;
  readonly isUnread?: boolean;
  /** Whether what is left of its heap after each collection is noted down. */
  readonly isMeasured?: boolean;
  readonly faultKinds: readonly Fault['kind'][];
}

export function waitOptions(rule: WaitRule): string[] {
  return [
    ...(rule.endpoints ?? []).map((name) => `--addr=${listeners[name].address}`),
    `--interval=${rule.intervalMs}ms`,
    `--quiet-period=${rule.quietPeriodMs}ms`,
    `--probe-grace=${rule.probeGraceMs}ms`,
    `--min-wait=${rule.minWaitMs}ms`,
    `--timeout=${rule.timeoutMs === Infinity ? 'none' : `${rule.timeoutMs}ms`}`,
    `--max-connections=${rule.maxConnections}`,
    `--backend=${rule.backend}`,
    `--builds=${rule.builds}`,
    `--log-level=${rule.logLevel}`,
    '--progress-every=1s',
  ];
}

/** Starts the tool so that the faults that are planned for it can be done. */
export async function startTool(sandbox: Sandbox, spec: ToolSpec): Promise<Tool> {
  const file = (kind: string): string => join(sandbox.directory, `${spec.name}.${kind}`);
  const [log, pipe] = [file('log'), file('pipe')];
  const [refusal, collected] = [file('refused'), file('collected')];
  writeFileSync(log, '');
  writeFileSync(collected, '');
  const { command, rule, faultKinds, isUnread = false, isMeasured = false } = spec;
  // `watch` prints what the others log.
  const isPrinted = command[0] === 'watch';
  const logTo = isUnread ? ['--log-to=stderr'] : isPrinted ? [] : [`--log-to=${log}`];
  const stderr = isUnread ? await unreadPipe(pipe) : null;
  const script = `COLLECTED_TO='${collected}' exec "$0" "$@"${isPrinted ? ` >'${log}'` : ''}`;
  const spawnMs = machineMs();
  const process = await sandbox.start(
    [
      ...(faultKinds.includes('mask-proc') ? ['unshare', '--mount'] : []),
      ...(faultKinds.includes('refuse') ? [compiled('refuse'), refusal, '1'] : []),
      ...['sh', '-c', script, globalThis.process.execPath],
      ...[...(isMeasured ? measuring : []), cliPath, ...command, ...logTo],
    ],
    { stdio: ['pipe', 'pipe', stderr ?? 'pipe'] },
  );
  const subject: Subject = {
    name: spec.name,
    rule,
    spawnMs,
    startedMs: null,
    faults: [],
    isSignalled: false,
    knownBuilds: new Map(),
  };
  const tail = createTail(log);
  // Node.js starts with descriptors and /proc, or not at all, and a signal ends it before it has begun.
  const begun = async (): Promise<void> => {
    while (statSync(log).size === 0 && !process.hasEnded()) {
      await delay(20);
    }
  };
  return {
    subject,
    process,
    news: () => (isUnread ? [] : tail().map((line) => JSON.parse(line) as LogLine)),
    collected: () => readFileSync(collected, 'utf8').split('\n'),
    async inject(fault) {
      await begun();
      await inject(subject, process, fault, refusal);
    },
    async interrupt(signal) {
      await begun();
      if (!process.hasEnded()) {
        subject.isSignalled = true;
        trySignal(process.pid, signal);
      }
    },
    ended: process.ended.then(({ code, signal, stderr: text }) => {
      const atMs = machineMs();
      const unread = stderr === null ? '' : readPipe(pipe);
      if (stderr !== null) {
        closeSync(stderr);
      }
      const killed = signal === null ? '' : `Ended by ${signal}. `;
      return { code, atMs, stderr: `${killed}${text}${unread}` };
    }),
  };
}

async function unreadPipe(path: string): Promise<number> {
  await run(['mkfifo', path]).ended;
  return openSync(path, constants.O_RDWR);
}

/** What a pipe holds by now. */
function readPipe(path: string): string {
  const pipe = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const text = Buffer.alloc(1 << 16);
  try {
    return text.toString('utf8', 0, readSync(pipe, text));
  } catch {
    return '';
  } finally {
    closeSync(pipe);
  }
}
