import { chartStyle, type DotPlot, drawDotPlot, text, width, xmlText } from '../render/dot-plot.ts';
import { countText, percentText, ratioText, timeText } from '../render/numbers.ts';
import { largestSetting } from './summary.ts';
import type { CostResults, PollCost } from './types.ts';

/** The chart of a run, as an SVG image that follows the reader's choice of light or dark. */
export function renderChart(results: CostResults): string {
  const plots = [pollPlot(results), processPlot(results)].filter(({ rows }) => rows.length > 0);
  let height = 8;
  const panels = plots.map((plot) => {
    const drawn = drawDotPlot(plot, height);
    height += drawn.height + 8;
    return drawn.svg;
  });
  const notes = footnotes(results).map((note, index) =>
    text(24, height + 16 + index * 22, 'small', note),
  );
  height += notes.length * 22 + 16;
  const description = plots.flatMap(describe).join(' ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${width}" height="${height}" `,
    `viewBox="0 0 ${width} ${height}">\n`,
    `<title>The cost of polling for clients</title>\n<desc>${xmlText(description)}</desc>\n`,
    `<style>${chartStyle}</style>\n`,
    `<rect width="100%" height="100%" style="fill: var(--paper)"/>\n`,
    ...[...panels, ...notes],
    '</svg>\n',
  ].join('');
}

function pollPlot(results: CostResults): DotPlot {
  const largest = largestSetting(results);
  const [own] = largest;
  const clients = own?.clients ?? 0;
  const pairs = own?.pairs ?? 0;
  const fewest = Math.min(...results.polls.map((each) => each.pairs));
  const atFewest = (result: PollCost): number | null =>
    results.polls.find(
      (each) => each.method === result.method && each.clients === clients && each.pairs === fewest,
    )?.cpuUs.median ?? null;
  return {
    title: `CPU of one poll for ${countText(clients)} clients`,
    hollowMeaning: fewest === pairs ? null : settingText(fewest),
    filledMeaning: settingText(pairs),
    rows: largest.map((result) => ({
      name: result.method,
      aside: result === own ? 'used by buildkit-drain' : comparisonText(result, own),
      hollow: fewest === pairs ? null : atFewest(result),
      filled: result.cpuUs.median,
    })),
    text: timeText,
  };
}

function settingText(pairs: number): string {
  return pairs === 0
    ? 'no unrelated connections added'
    : `${countText(pairs)} unrelated connection pairs added`;
}

function comparisonText({ cpuRatio }: PollCost, own: PollCost | undefined): string {
  return cpuRatio === null || own === undefined
    ? ''
    : `${ratioText(cpuRatio.median)} ${own.method}`;
}

function processPlot({ process }: CostResults): DotPlot {
  return {
    title: 'CPU of the whole process, of one core',
    hollowMeaning: 'an empty timer of Node.js',
    filledMeaning: 'buildkit-drain wait',
    rows: process.map(({ intervalMs, clients, ratio, timerCpuPercent, waitCpuPercent }) => ({
      name: `every ${intervalMs} ms, ${clients === 0 ? 'without clients' : `${clients} clients`}`,
      aside: ratio === null ? '' : `${ratioText(ratio)} the timer`,
      hollow: timerCpuPercent > 0 ? timerCpuPercent : null,
      filled: waitCpuPercent,
    })),
    text: percentText,
  };
}

function describe({ title, rows, text: textOf }: DotPlot): string {
  return `${title}: ${rows.map(({ name, filled }) => `${name} ${textOf(filled)}`).join(', ')}.`;
}

function footnotes({ host, date }: CostResults): string[] {
  return [
    'Logarithmic scale: each line is ten times the one before.',
    `buildkit-drain ${host.version}, Node.js ${host.node}, Linux ${host.kernel}, ${date.slice(0, 10)}`,
    `${host.cpus} × ${host.cpuModel}`,
  ];
}
