import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { refusalAnswer } from '../../messages/serve/answers.ts';
import { type ServeNotice, serveEntry } from '../../messages/serve/events.ts';
import type { ListenAddress } from '../../options/forms.ts';
import { type Flags, parseFrom, readSettings, withoutMistakes } from '../../options/read.ts';
import { serveOptions } from '../../options/table.ts';
import { BadValueError } from '../../options/values.ts';
import { type AgentCheck, openAgentCheck } from '../../serve/agent-check.ts';
import { openServer } from '../../serve/server.ts';
import type { ServerEvent } from '../../serve/types.ts';
import { type ExitCode, exitCodes, interruptedBy } from '../exit-codes.ts';
import { addOptions, flagsOf } from '../flags.ts';
import type { CommandContext, ProcessContext, StopSignal } from '../process-context.ts';
import { planWait } from './plan-wait.ts';
import { openOwnPodMarks } from './pod-marks.ts';
import { routesOf } from './serve-routes.ts';
import { openService, type Service } from './service.ts';

/** In a pod whose containers are all stopped at once, the hook may call after the signal. */
const lateHookMs = 5000;

const serveNotes = `
GET /drain waits like wait, and answers when the wait is over: 200 for drained
or gone, otherwise 503. GET /accepting is 503 while a drain is under way. Other
paths: /healthz, /readyz, /connections, /metrics.
A signal stops it after the wait under way, a second one at once.
Exit codes: 0, or 130 and 143 if a second signal has ended a wait.`;

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
  const signals = listenForSignals(context.onStopSignal);
  const goesOn = async (): Promise<boolean> => true;
  const plan = await planWait({ options, mistakes, goesOn, stderr: 'own' }, context);
  const notify = (notice: ServeNotice | ServerEvent): void => plan.log(serveEntry(notice));
  const marks = options['mark-pod'] ? await openOwnPodMarks(plan) : null;
  const open: { readonly close: () => Promise<void> }[] = [];
  try {
    // Without a daemon there is nothing to be kept from an eviction.
    const service = openService(plan, notify, (load, nowMs) =>
      marks?.update(load === 'absent' ? 'idle' : load, nowMs),
    );
    open.unshift(service);
    const routes = routesOf(service, { plan, version });
    const server = await openAt('--listen', options.listen, (where) =>
      openServer({ ...where, routes, refuse: refusalAnswer, onEvent: notify }),
    );
    open.unshift(server);
    if (options['agent-check'] !== null) {
      open.unshift(await openAgentCheckAt(options['agent-check'], service, notify));
    }
    notify({ kind: 'serving', url: server.url, paths: [...routes.keys()] });
    await waitForStop(signals, service, notify);
    return await endOfWait(signals, service, notify);
  } finally {
    marks?.close();
    for (const each of open) {
      await each.close();
    }
  }
}

type Notify = (notice: ServeNotice | ServerEvent) => void;

/** @throws UsageError if the address can't be listened on. */
async function openAt<Opened>(
  option: string,
  { host, port, text }: ListenAddress,
  open: (where: { readonly host: string | null; readonly port: number }) => Promise<Opened>,
): Promise<Opened> {
  try {
    return await open({ host, port });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const remedy = remedies[code ?? ''] ?? '';
    const expected = `an address and a port to listen on (${message}${remedy})`;
    return parseFrom(option, () => {
      throw new BadValueError(expected, text);
    });
  }
}

async function openAgentCheckAt(
  where: ListenAddress,
  { acceptance }: Service,
  notify: Notify,
): Promise<AgentCheck> {
  const isAccepting = (): boolean => acceptance().reason === null;
  const opened = await openAt('--agent-check', where, (at) =>
    openAgentCheck({ ...at, isAccepting, onEvent: notify }),
  );
  notify({ kind: 'agent-check', address: opened.address });
  return opened;
}

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: ': stop the process that listens there, or choose another port',
  EADDRNOTAVAIL: ': choose an address of this host, or give only a port to listen on all',
  EACCES: ': choose a port from 1024 on, or run as root',
};

interface Signals {
  readonly first: Promise<StopSignal>;
  readonly second: Promise<StopSignal>;
}

function listenForSignals(onStopSignal: ProcessContext['onStopSignal']): Signals {
  const listeners: ((signal: StopSignal) => void)[] = [];
  const next = (): Promise<StopSignal> => new Promise((resolve) => listeners.push(resolve));
  const signals = { first: next(), second: next() };
  onStopSignal((signal) => listeners.shift()?.(signal));
  return signals;
}

/** Waits for the first signal and, if clients may be connected, for a hook that calls late. */
async function waitForStop(
  { first, second }: Signals,
  { wait, mayHaveClients }: Service,
  notify: Notify,
): Promise<void> {
  const about = { kind: 'stopping', signal: await first, patienceMs: lateHookMs } as const;
  const begun = wait.begun();
  const isNeeded = wait.isUnderWay() || (await mayHaveClients());
  if (wait.isUnderWay() || !isNeeded) {
    notify({ ...about, for: wait.isUnderWay() ? 'wait' : 'nothing' });
    return;
  }
  notify({ ...about, for: 'late-hook' });
  await Promise.race([begun, second, delay(lateHookMs, undefined, { ref: false })]);
}

/** Waits for the end of the wait under way, if there is one; the second signal ends it. */
async function endOfWait(
  { second }: Signals,
  { wait }: Service,
  notify: Notify,
): Promise<ExitCode> {
  let code: ExitCode = exitCodes.done;
  void second.then((signal) => {
    notify({ kind: 'interrupting', signal });
    code = wait.isUnderWay() ? interruptedBy(signal) : code;
    wait.interrupt(signal);
  });
  await wait.over();
  return code;
}
