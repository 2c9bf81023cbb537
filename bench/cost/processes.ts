import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Stage } from './context.ts';
import type { SocketName } from './namespace-sockets.ts';

/** A measured process. */
export interface Launched {
  readonly pid: number;
  /** When it was started, on the clock of the stage. */
  readonly startedMs: number;
  /** When it has ended. Never rejects. */
  readonly ended: Promise<number>;
  readonly kill: () => Promise<void>;
}

/** `buildkit-drain wait`, and when its log reported the first sample. */
export interface LaunchedWait extends Launched {
  readonly firstSampleMs: number;
}

// If the stage is killed, the processes that it has started end, too.
const longestWait = '24h';

interface HowToLaunch {
  /** A command that executes the one after it. */
  readonly prefix?: readonly string[];
  /** Notified of each socket that the prefix sends over its channel, which is descriptor 3. */
  readonly onSocket?: (name: SocketName, socket: Server | Socket) => void;
}

/** Starts Node.js. The caller must read its standard error. */
function launch(
  { node, env, nowMs }: Stage,
  args: readonly string[],
  stderr: 'pipe' | number = 'pipe',
  { prefix = [], onSocket }: HowToLaunch = {},
): [Launched, ChildProcess] {
  const startedMs = nowMs();
  const [program = node, ...rest] = [...prefix, node, ...args];
  const channel = onSocket === undefined ? [] : (['ipc'] as const);
  const child = spawn(program, rest, { env, stdio: ['ignore', 'ignore', stderr, ...channel] });
  child.on('message', (name, socket) => onSocket?.(name as SocketName, socket as Server | Socket));
  const ended = once(child, 'exit').then(nowMs, nowMs);
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  return [{ pid: child.pid ?? 0, startedMs, ended, kill }, child];
}

/** Starts Node.js with a script that prints nothing. */
export function launchScript(stage: Stage, script: string): Launched {
  const [launched, child] = launch(stage, ['-e', script]);
  child.stderr?.resume();
  return launched;
}

/** Runs Node.js with a script, and returns its standard error. */
export async function runScript(
  stage: Stage,
  script: string,
): Promise<{ tookMs: number; output: string }> {
  const [{ startedMs, ended }, child] = launch(stage, ['-e', script]);
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const closed = once(child, 'close');
  const tookMs = (await ended) - startedMs;
  await closed;
  stage.signal.throwIfAborted();
  return { tookMs, output };
}

interface HowToWait extends HowToLaunch {
  readonly addr?: string | null;
}

export function tcpAddr(port: number): string {
  return `tcp://127.0.0.1:${port}`;
}

/** Where a wait has no client, and its quiet period lasts. */
export async function listenUnused(): Promise<{
  readonly addr: string;
  readonly close: () => void;
}> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { addr: tcpAddr(port), close: () => void server.close() };
}

/**
 * Starts `buildkit-drain wait` for the daemon of the benchmark, and returns after its first sample.
 *
 * @param how with `addr` for another endpoint, or null to have it find the daemon.
 */
export async function launchWait(
  stage: Stage,
  args: readonly string[],
  { addr = tcpAddr(stage.sockets.port), ...how }: HowToWait = {},
): Promise<LaunchedWait> {
  const given = addr === null ? [] : ['--addr', addr];
  const options = [...given, '--log-to', 'stderr', '--timeout', longestWait, ...args];
  const { reader, writeEnd } = openPipe();
  const [launched] = launch(stage, [stage.program, 'wait', ...options], writeEnd, how);
  closeSync(writeEnd);
  try {
    await firstEvent(reader, stage.signal);
    return { ...launched, firstSampleMs: stage.nowMs() };
  } catch (error) {
    reader.destroy();
    await launched.kill();
    throw error;
  }
}

async function firstEvent(log: Readable, signal: AbortSignal): Promise<void> {
  let output = '';
  for await (const [text] of on(log, 'data', { signal, close: ['close'] })) {
    output += text;
    if (output.includes('"event":"started"')) {
      log.resume();
      return;
    }
  }
  throw new Error(`buildkit-drain wait ended before its first sample: ${output}`);
}

interface Pipe {
  readonly reader: Socket;
  /** The descriptor for a child process; close it once the child has started. */
  readonly writeEnd: number;
}

/**
 * Opens a pipe like the one that a container runtime gives to a hook. A pipe of Node.js is a pair of
 * sockets, for which `wait` would load modules that it needs for no other output.
 */
function openPipe(): Pipe {
  const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-bench-'));
  try {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    // A stream of node:fs would keep one of the few threads of the pool waiting for each pipe.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const reader = new Socket({ fd, readable: true, writable: false }).setEncoding('utf8');
    return { reader, writeEnd: openSync(path, constants.O_WRONLY) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
