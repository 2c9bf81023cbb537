import { countText, rangeText, ratioText } from '../render/numbers.ts';
import { ratioOfFigures } from './statistics.ts';
import { type CostResults, type Figure, type PollCost, referenceClients } from './types.ts';

type Ratio = Pick<Figure, 'median' | 'low' | 'high'>;

/** The rows of the summary: what, the measured ratio, its range, and the aim. */
export function summaryRows(results: CostResults): string[][] {
  return [
    ...comparisons(results),
    ...growth(results),
    ...fromNode(results),
    ...wholeProcess(results),
    ...leftOut(results),
    ...startUp(results),
    ...exit(results),
  ];
}

/** The polls with the most pairs and, if that was measured, three clients. */
export function largestSetting({ polls }: CostResults): readonly PollCost[] {
  const pairs = Math.max(...polls.map((each) => each.pairs));
  const atMost = polls.filter((each) => each.pairs === pairs);
  const asMeant = atMost.filter((each) => each.clients === referenceClients);
  const clients = atMost.at(-1)?.clients;
  return asMeant.length > 0 ? asMeant : atMost.filter((each) => each.clients === clients);
}

// By the name of the other method: the aim for the CPU of a poll by the method of `wait`.
const aims: Readonly<Record<string, string>> = {
  'sock_diag dump': 'at most 1/50',
  'netstat pipeline': 'at most 1/3,000',
};

function comparisons(results: CostResults): string[][] {
  const [own, ...others] = largestSetting(results);
  if (own === undefined) {
    return [];
  }
  return others.map((other) =>
    row(
      `CPU of one poll, ${own.method} vs. ${other.method}`,
      against(other, own),
      aims[other.method],
    ),
  );
}

function fromNode({ counters: [own, ...others] }: CostResults): string[][] {
  return own === undefined
    ? []
    : others.map((other) =>
        row(
          `CPU of one count from Node.js, ${own.method} vs. ${other.method}`,
          against(other, own),
        ),
      );
}

/** What the first method costs, as a part of what another one does. */
function against({ cpuRatio, cpuUs }: PollCost, own: PollCost): Ratio {
  return cpuRatio === null ? ratioOfFigures(own.cpuUs, cpuUs) : inverse(cpuRatio);
}

function growth(results: CostResults): string[][] {
  const [most] = largestSetting(results);
  const [least] = results.polls
    .filter((each) => each.method === most?.method && each.clients === most.clients)
    .toSorted((one, other) => one.pairs - other.pairs);
  if (most === undefined || least === undefined || least.pairs === most.pairs) {
    return [];
  }
  const [many, few] = [most, least].map((each) => countText(each.pairs));
  return [
    row(
      `CPU of one poll, ${most.method}, at ${many} pairs vs. ${few}`,
      ratioOfFigures(most.cpuUs, least.cpuUs),
      'at most 1.5×',
    ),
  ];
}

function wholeProcess({ process }: CostResults): string[][] {
  return process.flatMap(({ intervalMs, clients, sliceRatio }) => {
    const load = clients === 0 ? 'without clients' : `with ${clients} clients`;
    const what = `CPU of \`wait\` at ${intervalMs} ms ${load} vs. an empty timer`;
    const aim = intervalMs === 100 && clients > 0 ? 'at most 1.5×' : undefined;
    return sliceRatio === null ? [] : [row(what, sliceRatio, aim)];
  });
}

function leftOut({ leftOut }: CostResults): string[][] {
  return leftOut.flatMap(({ intervalMs, connections, sliceRatio }) => {
    const what = `CPU of \`wait\` at ${intervalMs} ms with ${connections} left-out connections vs. an empty timer`;
    return sliceRatio === null ? [] : [row(what, sliceRatio)];
  });
}

function startUp({ startUp, host }: CostResults): string[][] {
  const { timeRatio = null, memoryRatio = null } = startUp ?? {};
  const [which, node] = host.isBundle ? ['bundle: ', 'its own `node -e 0`'] : ['', '`node -e 0`'];
  return [
    ...(timeRatio === null
      ? []
      : [
          row(
            `${which}start to first sample vs. ${node}`,
            timeRatio,
            host.isBundle ? 'at most 1.2×' : 'at most 1.5×',
          ),
        ]),
    ...(memoryRatio === null
      ? []
      : [row(`${which}memory at the first sample vs. ${node}`, memoryRatio, 'at most 1.2×')]),
  ];
}

function exit({ exit }: CostResults): string[][] {
  if (exit === null) {
    return [];
  }
  const { beyondMs, mostMs, intervalMs } = exit;
  return [
    [
      'last close to exit, minus the quiet period',
      `${beyondMs.median.toFixed(1)} ms`,
      `at most ${mostMs.toFixed(1)} ms`,
      `at most ${intervalMs} ms`,
    ],
  ];
}

function row(what: string, ratio: Ratio, aim = ''): string[] {
  return [what, ratioText(ratio.median), rangeText(ratio), aim];
}

function inverse({ median, low, high }: Ratio): Ratio {
  return { median: 1 / median, low: 1 / high, high: 1 / low };
}
