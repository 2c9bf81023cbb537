import type { SpawnOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DrainConfig } from '../../src/drain/types.ts';
import { brokenPromise, type Judged } from './drained.ts';
import { wrongInLine, wrongInRecord } from './json-page.ts';
import type { Ended } from './running.ts';
import type { Sandbox, SandboxProcess } from './sandbox.ts';
import { waitFor } from './wait-for.ts';

export const cliPath = fileURLToPath(new URL('../../dist/bin/buildkit-drain.cjs', import.meta.url));

/** A line of the log in its JSON form. */
export interface LogLine {
  readonly timestamp: string;
  readonly level: string;
  readonly message: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The command line tool as a process, and the log that it writes to its standard error. */
export interface Cli {
  readonly process: SandboxProcess;
  readonly logs: () => readonly LogLine[];
  /** Resolves with the n-th (from 0) log line of an event. */
  readonly event: (name: string, n?: number) => Promise<LogLine>;
  /** Resolves when the latest count in the log is this. */
  readonly counted: (connections: number) => Promise<LogLine>;
  readonly ended: Promise<Ended & { readonly logs: readonly LogLine[]; readonly outcome: string }>;
}

export interface CliOptions extends SpawnOptions {
  /** A command that runs the tool: its last words are the tool's command line. */
  readonly through?: readonly string[];
  /** What starts the tool; otherwise it is the one that was built last, and the tests' own Node.js. */
  readonly program?: readonly string[];
  readonly namespaces?: readonly ('net' | 'pid' | 'mount')[];
}

/** Runs `buildkit-drain` with these arguments in a sandbox. */
export async function startCli(
  sandbox: Sandbox,
  args: readonly string[],
  { through = [], program = [process.execPath, cliPath], ...options }: CliOptions = {},
): Promise<Cli> {
  const command = [...through, ...program, ...args];
  const running = await sandbox.start(command, options);
  const started = { ...running, ended: running.ended.then((ended) => checkOutput(args, ended)) };
  const logs = (): LogLine[] => parseLog(started.stderr());
  const untilLogged = (what: string, read: () => LogLine | undefined): Promise<LogLine> =>
    waitFor(what, () => {
      const line = read();
      if (line === undefined && started.hasEnded()) {
        throw new Error(`The wait has ended without ${what}:\n${started.stderr()}`);
      }
      return line;
    });
  return {
    process: started,
    logs,
    event: (name, n = 0) => untilLogged(`event ${n} of ${name}`, () => nthOf(logs(), name, n)),
    counted: (connections) =>
      untilLogged(`a count of ${connections}`, () => {
        const latest = logs().findLast((line) => typeof line['connections'] === 'number');
        return latest?.['connections'] === connections ? latest : undefined;
      }),
    get ended() {
      return started.ended.then((ended) => {
        const lines = parseLog(ended.stderr);
        checkDrained(lines);
        return { ...ended, logs: lines, outcome: String(nthOf(lines, 'ended', 0)?.['outcome']) };
      });
    },
  };
}

/** Runs `buildkit-drain wait` with a short interval and quiet period: a later option wins. */
export function startWait(
  sandbox: Sandbox,
  args: readonly string[],
  options?: CliOptions,
): Promise<Cli> {
  // The stand-in of peer-process.mjs does not answer requests for builds.
  const quick = ['--interval', '20ms', '--quiet-period', '500ms', '--log-to', 'stderr'];
  const withoutBuilds = ['--builds', 'off'];
  return startCli(sandbox, ['wait', ...quick, ...withoutBuilds, ...args], options);
}

/**
 * Checks a wait that reports drained against what its own log reports of the time before. Lines that do
 * not report their time are taken for as old as the one before.
 */
function checkDrained(lines: readonly LogLine[]): void {
  const [started, ended] = [nthOf(lines, 'started', 0), nthOf(lines, 'ended', 0)];
  if (started === undefined || ended?.['outcome'] !== 'drained') {
    return;
  }
  let ms = 0;
  const results = lines.slice(lines.indexOf(started)).flatMap((line): Judged[] => {
    ms = Number(line['waitedMs'] ?? ms);
    const { connections } = line;
    if (line.event === 'count-failed') {
      return [{ ms, clients: null, pending: 0 }];
    }
    return connections === undefined
      ? []
      : [{ ms, clients: connections as number | null, pending: 0 }];
  });
  const { quietPeriodMs, maxConnections } = settingsOf(started);
  const broken = brokenPromise(results, Number(ended['waitedMs']), {
    quietPeriodMs,
    maxConnections,
    maxGapMs: Infinity,
  });
  if (broken !== null) {
    throw new Error(`The wait was drained although ${broken}:\n${JSON.stringify(lines, null, 1)}`);
  }
}

/** The settings of a wait, as its first line has them. */
function settingsOf(started: LogLine): DrainConfig {
  return started['settings'] as DrainConfig;
}

export function parseLog(text: string): LogLine[] {
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogLine);
  checkJson(lines.flatMap(wrongInLine), text);
  return lines;
}

/** Holds all JSON that a process has printed against docs/json.md. */
function checkOutput(args: readonly string[], ended: Ended): Ended {
  const { stdout, stderr } = ended;
  const [command = ''] = args;
  const isJson = args.includes('--json');
  const printed = `${stderr}${isJson && command === 'watch' ? stdout : ''}`;
  const lines = printed.split('\n').flatMap(logLineOf);
  const answers =
    isJson && ['status', 'doctor', 'verify'].includes(command) && stdout !== '' ? [stdout] : [];
  checkJson(
    [
      ...lines.flatMap(wrongInLine),
      ...answers.flatMap((text) => wrongInRecord(`${command} --json`, JSON.parse(text))),
    ],
    `${stdout}${stderr}`,
  );
  return ended;
}

/** Other processes may print to the same stream, and a killed one may break off. */
function logLineOf(text: string): LogLine[] {
  try {
    const line = JSON.parse(text);
    return typeof line?.timestamp === 'string' ? [line] : [];
  } catch {
    return [];
  }
}

export function checkJson(wrong: readonly string[], text: string): void {
  if (wrong.length > 0) {
    throw new Error(
      `Not as docs/json.md has it: ${wrong.slice(0, 5).join('; ')}\n${text.slice(0, 2000)}`,
    );
  }
}

function nthOf(lines: readonly LogLine[], event: string, n: number): LogLine | undefined {
  return lines.filter((line) => line.event === event)[n];
}
