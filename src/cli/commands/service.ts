import type { Endpoint } from '../../backends/types.ts';
import { type DaemonBuilds, openBuilds } from '../../builds/daemons.ts';
import { type Load, loadOf } from '../../drain/load.ts';
import { oldestFirst } from '../../drain/tracked.ts';
import type { DrainStatus } from '../../drain/types.ts';
import { findDrainMarkers } from '../../drain-marker.ts';
import type { LogEntry } from '../../messages/log/log.ts';
import { monitorEntry } from '../../messages/monitor.ts';
import type { ServeNotice } from '../../messages/serve/events.ts';
import { isCounted, type StatusReport } from '../../messages/status.ts';
import { procRoot } from '../../monitor/monitor.ts';
import { type Acceptance, createAcceptance } from '../../serve/acceptance.ts';
import { createSharedWait, type SharedWait } from '../../serve/shared-wait.ts';
import { createStats, type Stats } from '../../serve/stats.ts';
import { createSteadyWatch, type SteadyWatch } from '../../serve/steady-watch.ts';
import { createTimeToIdle, type MomentHistogram } from '../../serve/time-to-idle.ts';
import type { ServerEvent, ServiceReading, ServiceStats } from '../../serve/types.ts';
import { openMonitorFor } from './open-monitor.ts';
import type { WaitPlan } from './plan-wait.ts';
import { pollStatus } from './poll-status.ts';
import { type EndedWait, runWait } from './run-wait.ts';

type Notify = (notice: ServeNotice | ServerEvent) => void;

/** The one wait of a serving process, and its steady watch between waits. */
export interface Service {
  readonly wait: SharedWait<EndedWait>;
  /** What was seen last: by the wait under way, else by the watch. Null if polling failed altogether. */
  readonly reading: () => Promise<ServiceReading | null>;
  /** The same when the daemon's first answer about its builds has come. */
  readonly readingWithBuilds: () => Promise<ServiceReading | null>;
  /** A reading as `status` reports it. */
  readonly reportOf: (reading: ServiceReading) => StatusReport;
  /** Whether there are clients, or it is not certain that there are none. */
  readonly mayHaveClients: () => Promise<boolean>;
  readonly stats: () => ServiceStats;
  readonly timeToIdle: () => MomentHistogram;
  /** Whether new clients should come to the daemon. */
  readonly acceptance: () => Acceptance;
  /** Stops the watch, and releases what it uses. */
  readonly close: () => Promise<void>;
}

// Lost listeners are noticed at once. Only further listeners of a daemon need a search of /proc, which
// a watch of days should not do every few seconds. A wait searches for itself.
const trustMs = 30_000;

/** What was seen longer ago is seen anew for a request. */
const staleMs = 1000;

/**
 * Opens one monitor for the watch. A wait has its own, with its own view of which connections are its
 * questions.
 *
 * @param onLoad called after each poll that found a change, by `performance.now()`.
 * @throws UsageError
 */
export function openService(
  plan: WaitPlan,
  notify: Notify,
  onLoad: (load: Load, nowMs: number) => void,
): Service {
  const { options, config, env, tls, log } = plan;
  const now = (): number => performance.now();
  const warnings = createWarnings(log);
  const monitor = openMonitorFor(options, env, (notice) => warnings.add(monitorEntry(notice)), {
    trustMs,
  });
  const builds = config.builds === 'off' ? null : openBuilds(monitor.daemonsOf, tls);
  const stats = createStats(now);
  const timeToIdle = createTimeToIdle(config.quietPeriodMs);
  // Whether the daemon is busy, as the wait under way or the watch has it.
  const noteLoad = (load: Load, nowMs: number): void => {
    timeToIdle.update(load, nowMs);
    onLoad(load, nowMs);
  };
  const note = (status: DrainStatus): void => {
    stats.note(status);
    noteLoad(loadOf(status, config), status.nowMs);
  };
  const watch = createSteadyWatch({
    sampler: stats.counting(monitor),
    builds,
    seenBetweenPolls: monitor.seenBetweenPolls,
    tcpConnections: () => builds?.tcpConnections() ?? 0,
    rule: config,
    intervalMs: config.intervalMs,
    onPoll(status, events) {
      note(status);
      for (const event of events) {
        stats.countBetweenPolls(event.kind === 'between-polls' ? event.more : 0);
      }
    },
    onError(error) {
      noteLoad('unknown', now());
      notify({ kind: 'poll-failed', error });
    },
  });

  const wait = createSharedWait<EndedWait>(async (signal) => {
    stats.begin();
    try {
      // Two that ask would take each other's questions for clients.
      await watch.stop();
      const { counting: through, setDeadline: onDeadline } = stats;
      const hooks = { signal, through, onPoll: note, onDeadline };
      const ended = await runWait(plan, hooks);
      stats.countBetweenPolls(ended.outcome.seenBetweenPolls);
      stats.end(ended.outcome.kind);
      return ended;
    } catch (error) {
      stats.end(null);
      notify({ kind: 'internal-error', error });
      throw error;
    } finally {
      acceptance();
      watch.start();
    }
  });

  const acceptance = createAcceptance({
    now,
    isWaiting: () => wait.isUnderWay(),
    hasMarker: () => findDrainMarkers(procRoot, endpointsOf(stats.reading())).length > 0,
  });

  watch.start();
  return {
    wait,
    ...createReader(stats, watch, () => wait.isUnderWay(), builds !== null),
    reportOf(reading) {
      const tracked = oldestFirst(reading.all, reading.nowMs);
      const clients = tracked.filter(isCounted).length;
      return { ...reading, tracked, clients, notices: warnings.list() };
    },
    mayHaveClients: () => mayHaveClients(plan, builds, stats.reading(), notify),
    stats: stats.read,
    timeToIdle() {
      const { reason } = acceptance();
      return timeToIdle.read(now(), reason === 'wait' || reason === 'drain-marker');
    },
    acceptance,
    async close() {
      builds?.close();
      await watch.stop();
      monitor.close();
    },
  };
}

async function mayHaveClients(
  { options, env }: WaitPlan,
  builds: DaemonBuilds | null,
  known: ServiceReading | null,
  notify: Notify,
): Promise<boolean> {
  // Whether a hook is waited for must not depend on an earlier search.
  const monitor = openMonitorFor(options, env, () => {});
  try {
    const answer = known?.builds ?? null;
    const { clients, sample } = await pollStatus({
      options,
      rule: options,
      monitor,
      builds,
      answer,
    });
    return clients > 0 || sample.results.some(({ kind }) => kind === 'failed');
  } catch (error) {
    notify({ kind: 'poll-failed', error });
    return true;
  } finally {
    monitor.close();
  }
}

function endpointsOf(reading: ServiceReading | null): Endpoint[] {
  return reading === null ? [] : reading.sample.results.map(({ endpoint }) => endpoint);
}

/** Makes the functions that read what was seen last, and wait for what has not been seen yet. */
function createReader(
  stats: Stats,
  watch: SteadyWatch,
  isWaiting: () => boolean,
  isAsking: boolean,
): Pick<Service, 'reading' | 'readingWithBuilds'> {
  const reading = async (): Promise<ServiceReading | null> => {
    const known = stats.reading();
    if (isWaiting() || (known !== null && known.ageMs <= staleMs)) {
      return known;
    }
    const polled = watch.next();
    watch.wake();
    await polled;
    const next = stats.reading();
    return next !== null && next.ageMs <= staleMs ? next : null;
  };
  return {
    reading,
    async readingWithBuilds() {
      let latest = await reading();
      while (isAsking && isUnanswered(latest) && !isWaiting()) {
        await watch.next();
        latest = await reading();
      }
      return latest;
    },
  };
}

/** Whether the daemon has not answered its first question yet. */
function isUnanswered(reading: ServiceReading | null): boolean {
  return reading?.sample.kind === 'counted' && reading.builds === null;
}

const mostWarnings = 10;

/** Logs what there is to know about endpoints and backends, and keeps the latest warnings, each once. */
function createWarnings(log: WaitPlan['log']) {
  let entries: readonly LogEntry[] = [];
  return {
    add(entry: LogEntry): void {
      log(entry);
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
