import { expect, type TestContext } from 'vitest';
import { type Cli, type LogLine, startCli } from '../../support/cli.ts';
import { ownPid } from '../../support/pids.ts';
import type { Sandbox, SandboxProcess } from '../../support/sandbox.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  type ActorDaemon,
  type Actors,
  type BuildOptions,
  type DaemonOptions,
  quietPeriodMs,
} from './actors.ts';
import { type Answers, askDaemon } from './records.ts';
import { type Rules, type Span, type Truth, untrue } from './truth.ts';

/** What a wait may take beyond its quiet period, and what a process takes to be seen to end. */
const mostExtraMs = 1000 + 300;
const seenLateMs = 50;

/** A client with its times by the machine's clock, which are the daemon's and the log's, too. */
interface SceneClient {
  readonly process: SandboxProcess;
  readonly span: Span;
  /** Resolves with its exit code. */
  readonly ended: Promise<number | null>;
}

interface SceneDaemon extends ActorDaemon {
  /** In the sandbox. */
  readonly pid: number;
  readonly span: Span;
}

interface Verdict {
  readonly outcome?: string;
  readonly code?: number;
  /** What the end is measured from, where that is not the last build or client. */
  readonly sinceMs?: number;
  readonly heldAtMostMs?: number;
  readonly heldAtLeastMs?: number;
  /** What else the log may say, and when that is true. */
  readonly rules?: Rules;
}

interface Ending {
  readonly heldMs: number;
  readonly text: string;
  readonly lines: readonly LogLine[];
}

/** Daemons and clients in a sandbox, and all that is known of them. */
export interface Stage {
  readonly sandbox: Sandbox;
  readonly openSandbox: () => Promise<Sandbox>;
  readonly actors: Actors;
  readonly startDaemon: (options?: DaemonOptions) => Promise<SceneDaemon>;
  /** Resolves when the daemon runs the build. */
  readonly build: (
    daemon: SceneDaemon,
    address: string,
    options?: BuildOptions,
  ) => Promise<SceneClient>;
  /** Enters a client that need not count, such as a probe, or one that has no build. */
  readonly enter: (
    start: () => Promise<SandboxProcess>,
    how?: { readonly mayNotCount: boolean },
  ) => Promise<SceneClient>;
  /** Whether the first daemon is of a version that names all builds, so that its zero is believed. */
  readonly isBelieved: () => boolean;
  /** What such a daemon needs no option for: that what says nothing for 45 s does not count. */
  readonly silenceOptions: () => readonly string[];
  /** Ends the scene, which is then not counted as played. */
  readonly skip: (reason: string) => void;
  /** Forgets the daemons and clients up to now. */
  readonly forget: () => void;
  /** Resolves with a daemon's record when it has finished so many builds. */
  readonly untilRecorded: (daemon: SceneDaemon, count: number) => Promise<Answers['history']>;
  readonly wait: (...args: readonly string[]) => Promise<Cli>;
  /** Waits for the end of a wait, and holds it and each line of its log against what is known. */
  readonly judge: (wait: Cli, verdict?: Verdict) => Promise<Ending>;
}

export function createStage(
  actors: Actors,
  sandbox: Sandbox,
  openSandbox: () => Promise<Sandbox>,
  { annotate, skip }: Pick<TestContext, 'annotate' | 'skip'>,
): Stage {
  const clients: Span[] = [];
  const daemons: SceneDaemon[] = [];
  let version = '';
  const isBelieved = (): boolean => namesAllBuilds(version);

  const follow = (process: SandboxProcess, spawnedMs: number, mayNotCount = false): SceneClient => {
    const span: Span = { spawnedMs, connectedMs: Date.now(), endedMs: null, mayNotCount };
    const ended = process.ended.then(({ code }) => {
      span.endedMs = Date.now();
      return code;
    });
    return { process, span, ended };
  };

  return {
    sandbox,
    openSandbox,
    actors,
    async startDaemon(options) {
      const spawnedMs = Date.now();
      const started = await actors.startDaemon(sandbox, options);
      const pid = Number(ownPid(started.process));
      const daemon = { ...started, pid, span: follow(started.process, spawnedMs).span };
      daemons.push(daemon);
      version = (await askDaemon(sandbox, unixOf(daemon.addresses))).info.version ?? '';
      return daemon;
    },
    async build(daemon, address, options = {}) {
      const spawnedMs = Date.now();
      const client = follow(
        await actors.startBuild(sandbox, daemon, address, options),
        spawnedMs,
        // The relay's connection ends when the daemon or the client says so.
        options.throughDialStdio,
      );
      clients.push(client.span);
      return client;
    },
    async enter(start, { mayNotCount } = { mayNotCount: true }) {
      const spawnedMs = Date.now();
      const client = follow(await start(), spawnedMs, mayNotCount);
      clients.push(client.span);
      return client;
    },
    isBelieved,
    skip: (reason) => skip(reason),
    silenceOptions: () => (isBelieved() ? [] : ['--ignore-silent=45s']),
    forget() {
      clients.length = 0;
      daemons.length = 0;
    },
    untilRecorded: ({ addresses }, count) =>
      waitFor(`${count} records`, async () => {
        const { history } = await askDaemon(sandbox, unixOf(addresses));
        return history.events.filter(({ type }) => type === 'COMPLETE').length === count && history;
      }),
    wait: (...args) =>
      startCli(sandbox, [
        ...['wait', `--quiet-period=${quietPeriodMs}ms`, '--log-to=stderr', '--timeout=200s'],
        ...args,
      ]),
    async judge(wait, verdict = {}) {
      const { code, outcome, logs } = await wait.ended;
      const truth: Truth = {
        isBelieved: isBelieved(),
        clients,
        ...(await truthOf(sandbox, daemons)),
      };
      const { heldMs, problems } = measure(logs, truth, verdict);
      const text = logs.map(({ message }) => message).join('\n');
      await annotate(`${outcome}, held for ${(heldMs / 1000).toFixed(2)} s\n${text}`);
      const expected = { code: verdict.code ?? 0, outcome: verdict.outcome ?? 'drained' };
      expect({ code, outcome, problems }).toEqual({ ...expected, problems: [] });
      return { heldMs, text, lines: logs };
    },
  };
}

async function truthOf(
  sandbox: Sandbox,
  daemons: readonly SceneDaemon[],
): Promise<Omit<Truth, 'clients' | 'isBelieved'>> {
  const running = daemons.filter(({ process }) => !process.hasEnded());
  const answers = await Promise.all(
    running.map(({ addresses }) => askDaemon(sandbox, unixOf(addresses))),
  );
  return {
    builds:
      running.length < daemons.length ? null : answers.flatMap(({ history }) => history.events),
    daemons,
  };
}

function unixOf(addresses: readonly string[]): string {
  return addresses.find((address) => address.startsWith('unix://')) ?? '';
}

function measure(
  logs: readonly LogLine[],
  truth: Truth,
  verdict: Verdict,
): { heldMs: number; problems: string[] } {
  const endMs = Date.parse(logs.at(-1)?.timestamp ?? '');
  const ends =
    truth.builds?.map(({ completedMs }) => completedMs ?? Number.POSITIVE_INFINITY) ?? [];
  const left = truth.clients.flatMap(({ endedMs, mayNotCount }) =>
    mayNotCount ? [] : (endedMs ?? Number.POSITIVE_INFINITY),
  );
  const sinceMs = verdict.sinceMs ?? Math.max(...ends, ...left);
  const heldMs = endMs - sinceMs;
  const { heldAtLeastMs = quietPeriodMs, heldAtMostMs = quietPeriodMs + mostExtraMs } = verdict;
  return {
    heldMs,
    problems: [
      ...ends.filter((ms) => ms > endMs).map((ms) => `ended ${ms - endMs} ms before a build`),
      ...(heldMs < heldAtLeastMs - seenLateMs ? [`held for ${heldMs} ms only`] : []),
      ...(heldMs > heldAtMostMs ? [`held for ${heldMs} ms`] : []),
      ...untrue(logs, truth, verdict.rules),
    ],
  };
}

/** Since v0.12.4 the answer about active builds is complete. */
function namesAllBuilds(version: string): boolean {
  const [, major, minor, patch] = /^v(\d+)\.(\d+)\.(\d+)/.exec(version)?.map(Number) ?? [];
  const isOld = major === 0 && (minor ?? 0) * 1000 + (patch ?? 0) < 12_004;
  return major !== undefined && !isOld;
}
