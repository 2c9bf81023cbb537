import { setTimeout as delay } from 'node:timers/promises';
import type { Sample } from '../../backends/types.ts';
import { monitorEntry } from '../../messages/monitor-entry.ts';
import type { ServeNotice } from '../../messages/serve/events.ts';
import type { StatusReport } from '../../messages/status-report.ts';
import { coalesce } from '../../serve/coalesce.ts';
import { createSharedWait, type SharedWait } from '../../serve/shared-wait.ts';
import { createStats } from '../../serve/stats.ts';
import type { Reading, ServerEvent, ServiceStats } from '../../serve/types.ts';
import { openMonitorFor } from './open-monitor.ts';
import type { WaitPlan } from './plan-wait.ts';
import { lookForStatus } from './poll-status.ts';
import { type EndedWait, runWait } from './run-wait.ts';

/** The one wait of a serving process, and the looks that it takes besides. */
export interface Service {
  readonly wait: SharedWait<EndedWait>;
  /** A fresh look, as `status` takes it; null where it failed altogether. */
  readonly status: () => Promise<StatusReport | null>;
  /** How things stand: by the wait under way, else by a fresh look. */
  readonly reading: () => Promise<Reading | null>;
  /** The same without asking the daemon anything. */
  readonly snapshot: () => Promise<Sample | null>;
  /** Whether there are clients, or it is not certain that there are none. */
  readonly mayHaveClients: () => Promise<boolean>;
  readonly record: () => ServiceStats;
}

const pauseMs = 100;

/** Says what is found now, for the log's first lines. @throws UsageError */
export function openService(
  plan: WaitPlan,
  say: (notice: ServeNotice | ServerEvent) => void,
): Service {
  const { options, env, tls, log } = plan;
  const monitor = openMonitorFor(options, env, (notice) => log(monitorEntry(notice)));
  monitor.close();
  const recorder = createStats(() => performance.now());

  const pollOnce = async (mayAsk: boolean): Promise<StatusReport | null> => {
    // Beside a wait nobody asks: it would take the question's connection for a client.
    const asks = mayAsk && options.builds !== 'off' && !wait.isUnderWay();
    try {
      const builds = asks ? 'ask' : (recorder.reading()?.builds ?? null);
      const report = await lookForStatus({ options, env, tls, kind: options, builds });
      recorder.countSample(report.sample);
      return report;
    } catch (error) {
      recorder.countSample(null);
      say({ kind: 'poll-failed', error });
      return null;
    }
  };
  const pause = (): Promise<void> => delay(pauseMs, undefined, { ref: false });
  const asking = coalesce(() => pollOnce(true), pause);
  const mute = coalesce(() => pollOnce(false), pause);

  const wait = createSharedWait<EndedWait>(async (signal) => {
    recorder.begin();
    try {
      // Until the daemon has closed the connection of a question that is under way.
      await Promise.all([asking.settled(), mute.settled()]);
      const hooks = { signal, through: recorder.counting, onPoll: recorder.note };
      const ended = await runWait(plan, hooks);
      recorder.end(ended.outcome.kind);
      return ended;
    } catch (error) {
      recorder.end(null);
      say({ kind: 'internal-error', error });
      throw error;
    }
  });

  return {
    wait,
    status: asking.result,
    async reading() {
      return recorder.reading() ?? readingOf(await asking.result());
    },
    async snapshot() {
      return recorder.reading()?.sample ?? (await mute.result())?.sample ?? null;
    },
    async mayHaveClients() {
      const report = await mute.result();
      return report === null || isAnybodyThere(report);
    },
    record: recorder.record,
  };
}

function isAnybodyThere({ sample, clients }: StatusReport): boolean {
  return clients > 0 || sample.results.some(({ kind }) => kind === 'failed');
}

function readingOf(report: StatusReport | null): Reading | null {
  if (report === null) {
    return null;
  }
  const { sample, rows, builds } = report;
  const entries = rows.filter(({ isIgnored }) => !isIgnored).map(({ entry }) => entry);
  return {
    ...{ sample, builds },
    clients: entries.filter(({ kind }) => kind === 'client'),
    silent: entries.filter(({ kind }) => kind === 'silent').length,
  };
}
