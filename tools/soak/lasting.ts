import { setTimeout as delay } from 'node:timers/promises';
import { cliPath } from '../../test/support/cli.ts';
import { machineMs } from '../../test/support/machine-time.ts';
import type { Sandbox, SandboxProcess } from '../../test/support/sandbox.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { collectedHeap, type Footprint, footprintOf, seriesOf } from './footprint.ts';
import { forget } from './ground-truth.ts';
import { type Growth, growthOf } from './growth.ts';
import { judgeLine, judgeStatus } from './judge.ts';
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
import { startTool, type Tool, waitOptions } from './tool.ts';
import { openWorkload } from './workload.ts';

/** Processes of the tool that last from the soak's begin to its end, among clients that come and go. */
export interface Lasting {
  readonly stretch: (n: number) => Promise<void>;
  /** Has the clients leave that hold the waits, and judges how the waits end. */
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
  backend: 'auto',
  builds: 'auto',
  logLevel: 'info',
};

const waits: Readonly<{ [name: string]: WaitRule }> = {
  'as-usual': usual,
  'unix-alone': {
    ...usual,
    endpoints: ['unix'],
    intervalMs: 20,
    backend: 'sock-diag',
    builds: 'off',
  },
  'by-procfs': {
    ...usual,
    endpoints: endpointNames,
    intervalMs: 500,
    backend: 'procfs',
    builds: 'off',
  },
};

export type NamedGrowth = Growth & { readonly process: string };

const faultKinds = ['stop', 'refuse', 'mask-proc', 'no-descriptors'] as const;
const keptMs = 60_000;
const site = '127.0.0.1:9234';

export async function openLasting(
  seed: number,
  record: Record,
  lengthMs: number,
): Promise<Lasting> {
  const workload = await openWorkload('lasting');
  const { sandbox, truth } = workload;
  await workload.openEndpoints(endpointNames);
  // The end of a unix client is not announced: with it alone the waits would poll at their full rate.
  const leave = [await workload.hold('unix'), await workload.hold('dual')];
  const start = (name: string, rule: WaitRule, ...command: readonly string[]): Promise<Tool> =>
    startTool(sandbox, { name, command, rule, faultKinds, isMeasured: true });
  const waiting = await Promise.all(
    Object.entries(waits).map(([name, rule]) => start(name, rule, 'wait', ...waitOptions(rule))),
  );
  const serving = await start('serve', usual, 'serve', `--listen=${site}`, ...waitOptions(usual));
  const served = openCase(serving);
  await untilLogged(served, 'serving');
  const caller = await ask(sandbox, '/drain');
  await untilLogged(served, 'started');
  // The wait goes on without its caller.
  await caller.signal('SIGKILL');
  const watching = await start(
    'watch',
    usual,
    'watch',
    '--json',
    `--interval=${usual.intervalMs}ms`,
  );
  const cases = [...waiting.map(openCase), served, openCase(watching)];
  // Three that last and `status`: each requests the builds at one endpoint after the other.
  const buildsClients = 4 * endpointNames.length;
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
    workload.readNotes();
    for (const one of cases) {
      judgeLines(record, one, truth, buildsClients);
      judgeNames(record, one, truth, untilMs);
    }
  };

  const pollOnce = async (): Promise<void> => {
    const spawnMs = machineMs();
    const status = await sandbox.start([process.execPath, cliPath, 'status', '--json']);
    const { code, stdout, stderr } = await status.ended;
    const atMs = machineMs();
    workload.readNotes();
    const findings = judgeStatus(truth, { spawnMs, atMs, code, stdout, stderr }, buildsClients);
    record.findings.push(...findings);
    count(record, 'status judged');
  };

  const askOnce = async (): Promise<void> => {
    const { subject } = serving;
    const fromMs = machineMs();
    const { code, stdout } = await (await ask(sandbox, '/connections')).ended;
    const result = { fromMs, toMs: machineMs() };
    workload.readNotes();
    // It may be kept from polling, and report that.
    const { connections } = (code === 0 ? JSON.parse(stdout) : {}) as { connections?: number };
    const findings =
      connections === undefined
        ? null
        : judgeLine(
            subject,
            truth,
            { result, connections, quietForMs: null, clients: [] },
            buildsClients,
          );
    record.findings.push(...(findings ?? []));
    count(record, findings === null ? 'answers of serve unsettled' : 'answers of serve judged');
  };

  return {
    async stretch(n) {
      const plan = planStretch(seed, n);
      const startMs = machineMs() + 300;
      const at = (ms: number) => delay(Math.max(0, startMs + ms - machineMs()));
      await workload.send(plan.clients, startMs);
      await Promise.all([
        ...plan.incidents.map(async (incident) => {
          await at(incident.atMs);
          await tried(record, `incidents: ${incident.kind}`, workload.happen(incident));
        }),
        ...cases.flatMap((one, index) =>
          planFaults(seed + index, n, plan.lengthMs).map(async (fault) => {
            await at(fault.atMs);
            await tried(record, 'faults', one.tool.inject(fault));
          }),
        ),
        ...[4000, 9000, 14_000].map(async (ms) => {
          await at(ms);
          await pollOnce();
          await askOnce();
          await (await ask(sandbox, '/metrics')).ended;
        }),
        at(plan.lengthMs),
      ]);
      judge(settledMs());
      count(record, 'clients', plan.clients.length);
      forget(truth, machineMs() - keptMs);
      for (const { tool } of cases) {
        tool.subject.faults.splice(0, Math.max(0, tool.subject.faults.length - 20));
      }
    },
    async end() {
      clearInterval(printing);
      // It waits to the end before it ends.
      await serving.interrupt('SIGTERM');
      for (const one of leave) {
        await one();
      }
      await Promise.all([...waiting, serving].map(({ ended }) => ended));
      await watching.interrupt('SIGTERM');
      await watching.ended;
      judge(machineMs());
      for (const one of cases.filter(({ tool }) => tool !== watching)) {
        await judgeWait(record, one, truth);
      }
    },
    growth: () =>
      cases.flatMap((one) =>
        [...seriesOf(prints.get(nameOf(one)) ?? []), collectedHeap(one.tool.collected())].map(
          (series) => ({ process: nameOf(one), ...growthOf(series) }),
        ),
      ),
    summary: () =>
      [...prints]
        .map(([name, taken]) => `${name} ${Math.round((taken.at(-1)?.rssKb ?? 0) / 1024)} MiB`)
        .join(', '),
    async close() {
      clearInterval(printing);
      await workload.close();
    },
  };
}

async function untilLogged(one: Case, event: string): Promise<void> {
  await waitFor(`${nameOf(one)} to log ${event}`, () => {
    readLines(one);
    return one.latest.some((line) => line.event === event);
  });
}

/** Calls `serve`: ends with 0 and prints the answer where that is 200. */
function ask(sandbox: Sandbox, path: string): Promise<SandboxProcess> {
  const script = `require('node:http').get(process.argv[1], (reply) => {
    reply.pipe(process.stdout);
    process.exitCode = reply.statusCode === 200 ? 0 : 1;
  });`;
  return sandbox.start([process.execPath, '--eval', script, `http://${site}${path}`]);
}

function nameOf({ tool }: Case): string {
  return tool.subject.name;
}
