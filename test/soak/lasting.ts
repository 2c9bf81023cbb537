import { setTimeout as delay } from 'node:timers/promises';
import { cliPath } from '../support/cli.ts';
import { machineMs } from '../support/machine-time.ts';
import { openArena } from './arena.ts';
import { type Footprint, footprintOf, heapAfterCollections, seriesOf } from './footprint.ts';
import { type Growth, growthOf } from './growth.ts';
import { judgeStatus } from './judge.ts';
import { forget } from './ledger.ts';
import { endpointNames, planFaults, planStretch, type WaitRule } from './plan.ts';
import {
  type Case,
  count,
  judgeLines,
  judgeNames,
  judgeWait,
  openCase,
  type Record,
  readLines,
  settledMs,
  tried,
} from './record.ts';
import { startTool, waitCommand } from './tool.ts';

/** Processes of the tool that last from the soak's begin to its end, among clients that come and go. */
export interface Lasting {
  readonly stretch: (n: number) => Promise<void>;
  /** Lets those leave who hold the waits, and judges how these end. */
  readonly end: () => Promise<void>;
  readonly growth: () => readonly NamedGrowth[];
  readonly summary: () => string;
  readonly close: () => Promise<void>;
}

const usual: WaitRule = {
  endpoints: null,
  intervalMs: 100,
  quietPeriodMs: 3000,
  probeGraceMs: 1000,
  minWaitMs: 0,
  timeoutMs: Infinity,
  maxConnections: 0,
  inspector: 'auto',
  builds: 'auto',
  logLevel: 'info',
};

const waits: Readonly<{ [name: string]: WaitRule }> = {
  'as-usual': usual,
  'unix-alone': {
    ...usual,
    endpoints: ['unix'],
    intervalMs: 20,
    inspector: 'sock-diag',
    builds: 'off',
  },
  'by-procfs': {
    ...usual,
    endpoints: endpointNames,
    intervalMs: 500,
    inspector: 'procfs',
    builds: 'off',
  },
};

export type NamedGrowth = Growth & { readonly process: string };

const faultKinds = ['stop', 'refuse', 'hide-proc', 'no-descriptors'] as const;
const keptMs = 60_000;

export async function openLasting(
  seed: number,
  record: Record,
  lengthMs: number,
): Promise<Lasting> {
  const arena = await openArena('lasting');
  const { place, ledger } = arena;
  await arena.openEndpoints(endpointNames);
  // Of a unix client no end is announced: with it alone the waits would look at their full rate.
  const leave = [await arena.hold('unix'), await arena.hold('dual')];
  const waiting = await Promise.all(
    Object.entries(waits).map(([name, rule]) =>
      startTool(place, { name, command: waitCommand(rule), rule, faultKinds }),
    ),
  );
  const watching = await startTool(place, {
    name: 'watch',
    command: ['watch', '--json', `--interval=${usual.intervalMs}ms`],
    rule: usual,
    faultKinds,
  });
  const cases = [...waiting, watching].map(openCase);
  // Two that last and `status`: each asks at one endpoint after the other.
  const askers = 3 * endpointNames.length;
  const prints = new Map<string, Footprint[]>(cases.map((one) => [nameOf(one), []]));
  const takePrints = (): void => {
    for (const one of cases) {
      const print = footprintOf(one.tool.process.pid);
      if (print !== null) {
        prints.get(nameOf(one))?.push(print);
      }
    }
  };
  const printing = setInterval(takePrints, Math.max(200, Math.min(3000, lengthMs / 200)));

  const judge = (untilMs: number): void => {
    cases.forEach(readLines);
    arena.readNotes();
    for (const one of cases) {
      judgeLines(record, one, ledger, askers);
      judgeNames(record, one, ledger, untilMs);
    }
  };

  const lookOnce = async (): Promise<void> => {
    const spawnMs = machineMs();
    const status = await place.start([process.execPath, cliPath, 'status', '--json']);
    const { code, stdout, stderr } = await status.ended;
    const atMs = machineMs();
    arena.readNotes();
    const findings = judgeStatus(ledger, { spawnMs, atMs, code, stdout, stderr }, askers);
    record.findings.push(...findings);
    count(record, 'status judged');
  };

  return {
    async stretch(n) {
      const plan = planStretch(seed, n);
      const startMs = machineMs() + 300;
      const at = (ms: number) => delay(Math.max(0, startMs + ms - machineMs()));
      await arena.send(plan.clients, startMs);
      await Promise.all([
        ...plan.incidents.map(async (incident) => {
          await at(incident.atMs);
          await tried(record, `incidents: ${incident.kind}`, arena.happen(incident));
        }),
        ...cases.flatMap((one, index) =>
          planFaults(seed + index, n, plan.lengthMs).map(async (fault) => {
            await at(fault.atMs);
            await tried(record, 'faults', one.tool.suffer(fault));
          }),
        ),
        ...[4000, 9000, 14_000].map(async (ms) => {
          await at(ms);
          await lookOnce();
        }),
        at(plan.lengthMs),
      ]);
      judge(settledMs());
      count(record, 'clients', plan.clients.length);
      forget(ledger, machineMs() - keptMs);
      for (const { tool } of cases) {
        tool.subject.faults.splice(0, Math.max(0, tool.subject.faults.length - 20));
      }
    },
    async end() {
      clearInterval(printing);
      for (const one of leave) {
        await one();
      }
      await Promise.all(waiting.map(({ ended }) => ended));
      await watching.interrupt('SIGTERM');
      await watching.ended;
      judge(machineMs());
      for (const one of cases.filter(({ tool }) => tool !== watching)) {
        await judgeWait(record, one, ledger);
      }
    },
    growth: () =>
      cases.flatMap((one) =>
        [
          ...seriesOf(prints.get(nameOf(one)) ?? []),
          // What `watch` prints is for itself.
          ...(one.tool === watching ? [] : [heapAfterCollections(one.tool.printed())]),
        ].map((series) => ({ process: nameOf(one), ...growthOf(series) })),
      ),
    summary: () =>
      [...prints]
        .map(([name, taken]) => `${name} ${Math.round((taken.at(-1)?.pssKb ?? 0) / 1024)} MiB`)
        .join(', '),
    async close() {
      clearInterval(printing);
      await arena.close();
    },
  };
}

function nameOf({ tool }: Case): string {
  return tool.subject.name;
}
