import { setTimeout as delay } from 'node:timers/promises';
import type { Sample } from '../../backends/types.ts';
import { openBuilds } from '../../builds/daemons.ts';
import type { LogEntry } from '../../messages/log/log.ts';
import { monitorEntry } from '../../messages/monitor.ts';
import type { ServeNotice } from '../../messages/serve/events.ts';
import type { StatusReport } from '../../messages/status.ts';
import type { Monitor } from '../../monitor/monitor.ts';
import { coalesce, createSharedWait, type SharedWait } from '../../serve/sharing.ts';
import { createStats } from '../../serve/stats.ts';
import type { ServerEvent, ServiceReading, ServiceStats } from '../../serve/types.ts';
import { openMonitorFor } from './open-monitor.ts';
import type { WaitPlan } from './plan-wait.ts';
import { pollStatus } from './poll-status.ts';
import { type EndedWait, runWait } from './run-wait.ts';

/** The one wait of a serving process, and its own polls. */
export interface Service {
  readonly wait: SharedWait<EndedWait>;
  /** A new poll, as `status` reports it; null if it failed altogether. */
  readonly status: () => Promise<StatusReport | null>;
  /** What the wait under way saw last; without a wait, a new poll. */
  readonly reading: () => Promise<ServiceReading | null>;
  /** The same without asking the daemon anything. */
  readonly sample: () => Promise<Sample | null>;
  /** Whether there are clients, or it is not certain that there are none. */
  readonly mayHaveClients: () => Promise<boolean>;
  readonly stats: () => ServiceStats;
  /** Releases what polls use. */
  readonly close: () => void;
}

// Lost listeners are noticed at once. Only further listeners of a daemon need a search of /proc, which
// requests should not do each time. A wait searches for itself.
const trustMs = 30_000;

const pauseMs = 100;
// The daemon closes the connection of a question right after its answer.
const mostPauses = 10;

/**
 * Opens one monitor for all requests. A wait has its own, with its own view of which connections are
 * its questions.
 *
 * @throws UsageError
 */
export function openService(
  plan: WaitPlan,
  notify: (notice: ServeNotice | ServerEvent) => void,
): Service {
  const { options, env, tls, log } = plan;
  const warnings = createWarnings();
  const monitor = openMonitorFor(
    options,
    env,
    (notice) => {
      const entry = monitorEntry(notice);
      log(entry);
      warnings.add(entry);
    },
    { trustMs },
  );
  const builds = options.builds === 'off' ? null : openBuilds(monitor.daemonsOf, tls);
  const stats = createStats(() => performance.now());

  const pollOnce = async (mayAsk: boolean, open?: () => Monitor): Promise<StatusReport | null> => {
    let fresh: Monitor | undefined;
    // During a wait only the wait asks: another question's connection would count as a client.
    const isAsked = mayAsk && !wait.isUnderWay();
    const answer = isAsked ? {} : { answer: stats.reading()?.builds ?? null };
    const input = { options, rule: options, builds, ...answer };
    try {
      fresh = open?.();
      const polled = await pollStatus({ ...input, monitor: fresh ?? monitor });
      stats.countSample(polled.sample);
      return { ...polled, notices: warnings.list() };
    } catch (error) {
      stats.countSample(null);
      notify({ kind: 'poll-failed', error });
      return null;
    } finally {
      fresh?.close();
    }
  };
  const pause = async (): Promise<void> => {
    for (let pauses = 0; pauses < mostPauses; pauses += 1) {
      await delay(pauseMs, undefined, { ref: false });
      if (builds === null || builds.isSettled()) {
        return;
      }
    }
  };
  const asking = coalesce(() => pollOnce(true), pause);
  const silent = coalesce(() => pollOnce(false), pause);

  const wait = createSharedWait<EndedWait>(async (signal) => {
    stats.begin();
    try {
      // Until the daemon has closed the connection of the last question.
      await Promise.all([asking.settled(), silent.settled()]);
      const hooks = { signal, through: stats.counting, onPoll: stats.note };
      const ended = await runWait(plan, hooks);
      stats.end(ended.outcome.kind);
      return ended;
    } catch (error) {
      stats.end(null);
      notify({ kind: 'internal-error', error });
      throw error;
    }
  });

  return {
    wait,
    status: asking.result,
    async reading() {
      return stats.reading() ?? readingOf(await asking.result());
    },
    async sample() {
      return stats.reading()?.sample ?? (await silent.result())?.sample ?? null;
    },
    async mayHaveClients() {
      // Whether a hook is waited for must not depend on an earlier search.
      const report = await pollOnce(false, () => openMonitorFor(options, env, () => {}));
      return report === null || hasClientsOrFailures(report);
    },
    stats: stats.read,
    close() {
      builds?.close();
      monitor.close();
    },
  };
}

const mostWarnings = 10;

/** Keeps the latest warnings about endpoints and backends, each once. */
function createWarnings() {
  let entries: readonly LogEntry[] = [];
  return {
    add(entry: LogEntry): void {
      const event = entry.fields.event;
      const others = entries.filter(({ message, fields }) => {
        const isOver = event === 'daemon-found' && fields.event === 'daemon-not-found';
        return message !== entry.message && !isOver;
      });
      entries = entry.level === 'warn' ? [...others, entry].slice(-mostWarnings) : others;
    },
    list: (): readonly LogEntry[] => entries,
  };
}

function hasClientsOrFailures({ sample, clients }: StatusReport): boolean {
  return clients > 0 || sample.results.some(({ kind }) => kind === 'failed');
}

function readingOf(report: StatusReport | null): ServiceReading | null {
  if (report === null) {
    return null;
  }
  const { sample, nowMs, tracked, builds } = report;
  const clients = tracked.filter(({ kind }) => kind === 'client');
  return { sample, nowMs, clients, all: tracked, builds };
}
