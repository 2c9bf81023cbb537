import {
  countText,
  mebibyteText,
  percentText,
  ratioText,
  spreadText,
  timesText,
  timeText,
} from '../render/numbers.ts';
import { jsonOf, markdownOf, type ReportSection, reportText } from '../render/tables.ts';
import { headlineOf, remarkRows } from '../runner/results.ts';
import { caseText } from './scale-cases.ts';
import { spreadOf } from './statistics.ts';
import { summaryRows } from './summary.ts';
import type { CostResults, Figure, PollCost } from './types.ts';

/** The sections of the report. Those without measurements are left out. */
export function reportOf(results: CostResults): ReportSection[] {
  const sections = [
    summary(results),
    polls('CPU of one poll', results, ({ cpuUs }) => cpuUs),
    polls('Time of one poll', results, ({ wallUs }) => wallUs),
    counters(results),
    wholeProcess(results),
    scale(results),
    startUp(results),
    discovery(results),
    exit(results),
    remarks(results),
  ];
  return sections.filter(({ table }) => table.length > 1);
}

function headline(results: CostResults): string {
  return headlineOf('Cost of polling on this node', results);
}

function summary(results: CostResults): ReportSection {
  return {
    title: 'Summary',
    note: 'docs/benchmarks.md explains the aims. The range is that of the middle half of the rounds.',
    table: [['what', 'measured', 'range', 'aim'], ...summaryRows(results)],
  };
}

function polls(
  title: string,
  { polls, plan }: CostResults,
  figureOf: (result: PollCost) => Figure,
): ReportSection {
  const pairs = plan.pairs.filter((count) => polls.some((each) => each.pairs === count));
  const method = [...new Set(polls.map((each) => each.method))];
  const rows = method.flatMap((name) =>
    plan.clients.map((clients) => {
      const cells = pairs.map((count) => {
        const result = polls.find(
          (each) => each.method === name && each.clients === clients && each.pairs === count,
        );
        return result === undefined ? '-' : pollText(figureOf(result));
      });
      return [name, countText(clients), ...cells];
    }),
  );
  return {
    title,
    note: `Median of ${timesText(plan.rounds, 'round')}, by the number of unrelated connection pairs.`,
    table: [
      ['method', 'clients', ...pairs.map((count) => `${countText(count)} pairs`)],
      ...rows.filter((row) => row.slice(2).some((cell) => cell !== '-')),
    ],
  };
}

function pollText(figure: Figure): string {
  return `${timeText(figure.median)} ${spreadText(spreadOf(figure))}`;
}

function counters({ counters, plan }: CostResults): ReportSection {
  const [own] = counters;
  return {
    title: 'Counting from Node.js',
    note:
      `Ten times a second, with ${own?.clients} clients and ${countText(own?.pairs ?? 0)} unrelated connection pairs: median ` +
      `of ${timesText(plan.rounds, 'round')} of ${timesText(plan.counts, 'count')}. CPU is that of all threads and child ` +
      'processes.',
    table: [
      ['with', 'CPU of one count', 'time of one count', 'CPU as a multiple'],
      ...counters.map(({ method, cpuUs, wallUs, cpuRatio }) => [
        method,
        pollText(cpuUs),
        pollText(wallUs),
        cpuRatio === null ? '-' : ratioText(cpuRatio.median),
      ]),
    ],
  };
}

function wholeProcess({ process }: CostResults): ReportSection {
  return {
    title: 'Whole process',
    note:
      'CPU of `buildkit-drain wait` in percent of one core, compared with an empty timer of Node.js, over the whole ' +
      'window. The summary has the median of its slices.',
    table: [
      [
        'interval',
        'clients',
        'wait',
        'empty timer',
        'ratio',
        'peak memory',
        'peak memory of the timer',
      ],
      ...process.map((each) => [
        `${each.intervalMs} ms`,
        String(each.clients),
        percentText(each.waitCpuPercent),
        percentText(each.timerCpuPercent),
        each.ratio === null ? '-' : ratioText(each.ratio),
        mebibyteText(each.waitPeakKib),
        mebibyteText(each.timerPeakKib),
      ]),
    ],
  };
}

function scale({ scale }: CostResults): ReportSection {
  return {
    title: 'Scale',
    note:
      'CPU of `buildkit-drain wait` at 100 ms in percent of one core, compared with an empty timer of Node.js. Several waits ' +
      'are compared with as many timers. Memory is the peak, or the sum of several processes.',
    table: [
      ['case', 'clients', 'wait', 'empty timer', 'ratio', 'memory', 'memory of the timer'],
      ...scale.map((each) => [
        caseText(each),
        countText(each.clients),
        percentText(each.waitCpuPercent),
        percentText(each.timerCpuPercent),
        each.ratio === null ? '-' : ratioText(each.ratio),
        mebibyteText(each.waitMemoryKib),
        mebibyteText(each.timerMemoryKib),
      ]),
    ],
  };
}

function startUp({ startUp, plan }: CostResults): ReportSection {
  const row = (what: string, figure: Figure, text: (value: number) => string): string[] => [
    what,
    text(figure.median),
    spreadText(spreadOf(figure)),
  ];
  const msText = (ms: number): string => timeText(ms * 1000);
  return {
    title: 'Start-up',
    note: `Median of ${timesText(plan.starts, 'start')}, alternating.`,
    table: [
      ['what', 'median', 'spread'],
      ...(startUp === null
        ? []
        : [
            row('`wait`, until its first sample', startUp.waitMs, msText),
            row('`node -e 0`, until its end', startUp.nodeMs, msText),
            row('`wait`, peak memory until then', startUp.waitPeakKib, mebibyteText),
            row('`node -e 0`, peak memory', startUp.nodePeakKib, mebibyteText),
          ]),
    ],
  };
}

function discovery({ discovery }: CostResults): ReportSection {
  const text = ({ median }: Figure): string => timeText(median * 1000);
  return {
    title: 'Discovery',
    note:
      'Starts of `wait` beside so many more processes: medians. CPU is that until 1.5 s after the first sample. A ' +
      'pause is the longest time in which the event loop did not turn after the first sample.',
    table: [
      ['processes', '`--addr`', 'first sample', 'CPU', 'pause'],
      ...discovery.map(({ processes, isGiven, firstSampleMs, cpuMs, blockedMs }) => [
        countText(processes),
        isGiven ? 'given' : '-',
        text(firstSampleMs),
        text(cpuMs),
        text(blockedMs),
      ]),
    ],
  };
}

function exit({ exit, plan }: CostResults): ReportSection {
  const text = (ms: number): string => `${ms.toFixed(1)} ms`;
  return {
    title: 'Exit',
    note: `From the close of the last client to the exit, minus the quiet period: ${timesText(plan.exits, 'run')}.`,
    table: [
      ['interval', 'median', 'maximum'],
      ...(exit === null
        ? []
        : [[`${exit.intervalMs} ms`, text(exit.beyondMs.median), text(exit.mostMs)]]),
    ],
  };
}

function remarks(results: CostResults): ReportSection {
  return {
    title: 'Remarks',
    note: 'What was not measured, or not as intended.',
    table: remarkRows(results),
  };
}

export function renderJson(results: CostResults): string {
  return jsonOf(results);
}

export function renderText(results: CostResults): string {
  return reportText(headline(results), reportOf(results));
}

export function renderMarkdown(results: CostResults): string {
  return markdownOf(headline(results), reportOf(results));
}
