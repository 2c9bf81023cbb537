import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  readlinkSync,
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
import { clockErrorMs, longestGapMs } from './certainty.ts';
import { createTail } from './ground-truth.ts';
import type { ReportedState, Subject } from './judge.ts';
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

async function inject(
  subject: Subject,
  process: SandboxProcess,
  { kind, lifeMs }: Fault,
  refusal: string,
): Promise<void> {
  const span = { kind, fromMs: machineMs(), toMs: Infinity };
  subject.faults.push(span);
  const begun = await begin(kind, process, refusal);
  await delay(lifeMs);
  if (begun && !process.hasEnded()) {
    await finish(kind, process, refusal);
  }
  span.toMs = machineMs();
}

/** Returns whether there was still a process to do it to. */
async function begin(
  kind: Fault['kind'],
  process: SandboxProcess,
  refusal: string,
): Promise<boolean> {
  if (process.hasEnded()) {
    return false;
  }
  switch (kind) {
    case 'stop':
      return trySignal(process.pid, 'SIGSTOP');
    case 'refuse':
      writeFileSync(refusal, '');
      return true;
    case 'mask-proc':
      return inMountsOf(process, 'mount', '-t', 'tmpfs', 'none', '/proc');
    case 'no-descriptors':
      return withLimit(process, '3');
  }
}

async function finish(
  kind: Fault['kind'],
  process: SandboxProcess,
  refusal: string,
): Promise<void> {
  switch (kind) {
    case 'stop':
      trySignal(process.pid, 'SIGCONT');
      // nsenter stops with its child.
      trySignal(process.parentPid, 'SIGCONT');
      break;
    case 'refuse':
      await run(['rm', '-f', refusal]).ended;
      break;
    case 'mask-proc':
      await inMountsOf(process, 'umount', '/proc');
      break;
    case 'no-descriptors':
      await withLimit(process, '1024');
  }
}

function trySignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function inMountsOf(
  { pid, parentPid }: SandboxProcess,
  ...command: string[]
): Promise<boolean> {
  // Before it has mounts of its own, they are those of all.
  const [own, others] = [pid, parentPid].map((each) => mountsOf(each));
  return own !== null && own !== others && (await isDoneIn(pid, command));
}

function mountsOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return null;
  }
}

async function isDoneIn(pid: number, command: readonly string[]): Promise<boolean> {
  return (await run(['nsenter', `--target=${pid}`, '--mount', ...command]).ended).code === 0;
}

async function withLimit({ pid }: SandboxProcess, most: string): Promise<boolean> {
  return (await run(['prlimit', `--pid=${pid}`, `--nofile=${most}:`]).ended).code === 0;
}

/** The machine's clock at the zero of the wall clock. Of some readings the least disturbed one. */
function wallZeroMs(): number {
  return Math.max(...Array.from({ length: 5 }, () => machineMs() - Date.now()));
}

// A busy machine may take seconds to read tables, and to print what `watch` has found.
const longestDelayMs = 5000;

/**
 * The state that a log line reports; null for a line that reports none.
 *
 * @param zeroMs when the wait began, by its own clock; null for a process that does not report its time.
 */
export function reportedStateOf(
  line: LogLine,
  zeroMs: number | null,
  rule: WaitRule,
): ReportedState | null {
  const connections = line['connections'];
  const quietForMs = line['quietForMs'];
  const isCount = typeof connections === 'number';
  if (!isCount && typeof quietForMs !== 'number') {
    return null;
  }
  return {
    result: pollSpanOf(line, zeroMs, rule),
    connections: isCount ? connections : null,
    quietForMs: typeof quietForMs === 'number' ? quietForMs : null,
    clients: (line['clients'] ?? []) as ReportedState['clients'],
  };
}

/**
 * When the poll was made that a line reports. By its own clock a wait reports when the poll was over; how
 * long it took is bounded by the longest gap, or it restarts the quiet period. Where the poll reads
 * tables, of which there are two for each endpoint, it takes its time on a busy machine.
 */
export function pollSpanOf(
  line: LogLine,
  zeroMs: number | null,
  rule: WaitRule,
): ReportedState['result'] {
  const waitedMs = line['waitedMs'];
  const loggedMs = wallTimeMs(line) + clockErrorMs;
  if (typeof waitedMs !== 'number' || zeroMs === null) {
    return { fromMs: loggedMs - longestDelayMs, toMs: loggedMs };
  }
  const polledMs = zeroMs + waitedMs;
  const endpoints = (line['endpoints'] ?? []) as { readonly backend: string | null }[];
  const isQuick = endpoints.length > 0 && endpoints.every(({ backend }) => backend === 'sock-diag');
  const tookMs = isQuick ? longestGapMs(rule) : longestDelayMs;
  return { fromMs: polledMs - tookMs, toMs: polledMs + clockErrorMs };
}

/** When a wait began, by this line: it may have been earlier, but was not later. */
export function latestZeroMs(line: LogLine): number {
  const waitedMs = line['waitedMs'];
  return typeof waitedMs === 'number' ? wallTimeMs(line) - waitedMs : Infinity;
}

export function wallTimeMs({ timestamp }: LogLine): number {
  return Date.parse(timestamp) + wallZeroMs();
}
