import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { refusalAnswer } from '../../messages/serve/answers.ts';
import { type ServeNotice, serveEntry } from '../../messages/serve/events.ts';
import { type Flags, parseFrom, readSettings, withoutMistakes } from '../../options/read.ts';
import { type ListenAddress, serveOptions } from '../../options/table.ts';
import { BadValueError } from '../../options/values.ts';
import { type HttpServer, openServer } from '../../serve/server.ts';
import type { Routes, ServerEvent } from '../../serve/types.ts';
import { type ExitCode, exitCodes, interruptedBy } from '../exit-codes.ts';
import { addOptions, flagsOf } from '../flags.ts';
import type { CommandContext, ProcessContext, StopSignal } from '../process-context.ts';
import { planWait } from './plan-wait.ts';
import { routesOf } from './serve-routes.ts';

import { openService, type Service } from './service.ts';

/** In a pod whose containers are all told to stop at once, a hook's call may come after the signal. */
const lateHookMs = 5000;

const serveNotes = `
GET /drain waits as wait does, and answers when that is over: 200 drained or
gone, 503 otherwise. Beside it: /healthz, /readyz, /connections, /metrics.
A signal stops it when the wait under way is over, a second one at once.
Exit codes: 0, or 130 and 143 where a second signal has ended a wait.`;

/** Makes a command `buildkit-drain serve`. */
export function addServe(command: Command, { version, process, exit }: CommandContext): void {
  command.addHelpText('after', serveNotes).action(async () => {
    exit(await serve(flagsOf(command, serveOptions), version, process));
  });
  addOptions(command, serveOptions);
}

/** @throws UsageError before anything is served. */
async function serve(flags: Flags, version: string, context: ProcessContext): Promise<ExitCode> {
  const read = withoutMistakes(readSettings(serveOptions, flags, context.env));
  const { values: options, mistakes } = read;
  const signals = hearSignals(context.onStopSignal);
  const goesOn = async (): Promise<boolean> => true;
  const plan = await planWait({ options, mistakes, goesOn, stderr: 'own' }, context);
  const say = (notice: ServeNotice | ServerEvent): void => plan.log(serveEntry(notice));
  const post = openService(plan, say);
  const routes = routesOf(post, { plan, version });
  const server = await openAt(options.listen, routes, say);
  say({ kind: 'serving', url: server.url, paths: [...routes.keys()] });

  await untilToldToStop(signals, post, say);
  const code = await endOfWait(signals, post, say);
  await server.close();
  post.close();
  return code;
}

type Say = (notice: ServeNotice | ServerEvent) => void;

async function openAt(
  { host, port, text }: ListenAddress,
  routes: Routes,
  onEvent: Say,
): Promise<HttpServer> {
  try {
    return await openServer({ host, port, routes, refuse: refusalAnswer, onEvent });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const remedy = remedies[code ?? ''] ?? '';
    const expected = `an address and a port that can be listened on (${message}${remedy})`;
    return parseFrom('--listen', () => {
      throw new BadValueError(expected, text);
    });
  }
}

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: ': end what listens there, or give another port',
  EADDRNOTAVAIL: ': give an address of this host, or only a port for all of them',
  EACCES: ': give a port from 1024 on, or run as root',
};

interface Signals {
  readonly first: Promise<StopSignal>;
  readonly second: Promise<StopSignal>;
}

function hearSignals(onStopSignal: ProcessContext['onStopSignal']): Signals {
  const listeners: ((signal: StopSignal) => void)[] = [];
  const next = (): Promise<StopSignal> => new Promise((resolve) => listeners.push(resolve));
  const signals = { first: next(), second: next() };
  onStopSignal((signal) => listeners.shift()?.(signal));
  return signals;
}

/** Waits for the first signal and, where clients would be left alone, for a hook that comes late. */
async function untilToldToStop(
  { first, second }: Signals,
  { wait, mayHaveClients }: Service,
  say: Say,
): Promise<void> {
  const about = { kind: 'stopping', signal: await first, patienceMs: lateHookMs } as const;
  const begun = wait.begun();
  const isNeeded = wait.isUnderWay() || (await mayHaveClients());
  if (wait.isUnderWay() || !isNeeded) {
    say({ ...about, for: wait.isUnderWay() ? 'wait' : 'nothing' });
    return;
  }
  say({ ...about, for: 'late-hook' });
  await Promise.race([begun, second, delay(lateHookMs, undefined, { ref: false })]);
}

/** Waits for the end of the wait under way, if there is one; the second signal ends it. */
async function endOfWait({ second }: Signals, { wait }: Service, say: Say): Promise<ExitCode> {
  let code: ExitCode = exitCodes.done;
  void second.then((signal) => {
    say({ kind: 'interrupting', signal });
    code = wait.isUnderWay() ? interruptedBy(signal) : code;
    wait.interrupt(signal);
  });
  await wait.over();
  return code;
}
