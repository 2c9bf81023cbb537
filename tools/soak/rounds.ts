import { setTimeout as delay } from 'node:timers/promises';
import { machineMs } from '../../test/support/machine-time.ts';
import { forget } from './ground-truth.ts';
import { planRound, type WaitPlan } from './plan.ts';
import {
  type Case,
  count,
  judgeLines,
  judgeNames,
  judgeWait,
  openCase,
  type Record,
  readLines,
  tried,
} from './record.ts';
import { startTool, waitOptions } from './tool.ts';
import { openWorkload } from './workload.ts';

/** Waits that begin and end, round after round, beside a daemon that is restarted. */
export interface Rounds {
  readonly round: (n: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

// All planned times come after this, so that every process has its commands in time.
const headStartMs = 300;

export async function openRounds(seed: number, record: Record): Promise<Rounds> {
  const workload = await openWorkload('round');

  const play = async (plan: WaitPlan, name: string, startMs: number): Promise<Case> => {
    await sleepUntil(startMs + plan.atMs);
    const faultKinds = plan.faults.map(({ kind }) => kind);
    const { rule, isUnread, signal } = plan;
    const command = ['wait', ...waitOptions(rule)];
    const tool = await startTool(workload.sandbox, { name, command, rule, isUnread, faultKinds });
    const injected = plan.faults.map(async (fault) => {
      await Promise.race([sleepUntil(startMs + fault.atMs), tool.ended]);
      await tried(record, 'faults', tool.inject(fault));
    });
    const signalled = async (): Promise<void> => {
      if (signal !== null) {
        await Promise.race([sleepUntil(startMs + plan.atMs + signal.atMs), tool.ended]);
        await tool.interrupt(signal.name);
      }
    };
    await Promise.all([...injected, signalled(), tool.ended]);
    return openCase(tool);
  };

  return {
    async round(n) {
      const plan = planRound(seed, n);
      await workload.openEndpoints(plan.endpoints);
      const startMs = machineMs() + headStartMs;
      await workload.send(plan.clients, startMs);
      const happened = plan.incidents.map(async (incident) => {
        await sleepUntil(startMs + incident.atMs);
        await tried(record, `incidents: ${incident.kind}`, workload.happen(incident));
      });
      const waits = plan.waits.map((wait, index) => play(wait, `wait-${n}-${index}`, startMs));
      const cases = await Promise.all(waits);
      await Promise.all(happened);
      cases.forEach(readLines);
      workload.readNotes();
      const asking = plan.waits.filter(({ rule }) => rule.builds !== 'off');
      const buildsClients = asking.length * plan.endpoints.length;
      for (const one of cases) {
        judgeLines(record, one, workload.truth, buildsClients);
        judgeNames(record, one, workload.truth, machineMs());
        await judgeWait(record, one, workload.truth);
      }
      count(record, 'rounds');
      count(record, 'clients', plan.clients.length);
      forget(workload.truth, startMs - 1000);
    },
    close: workload.close,
  };
}

async function sleepUntil(ms: number): Promise<void> {
  await delay(Math.max(0, ms - machineMs()));
}
