import { xmlText } from '../dot-plot.ts';
import { msText } from './report.ts';
import type { AccuracyResults, VerdictScore } from './types.ts';
import { detectorsOf, intervalText, meansTitle, verdictsOf } from './views.ts';
import { durationName } from './workload.ts';

/** The verdicts as a table whose cells are coloured by what is worst in them. */
export function verdictTable(results: AccuracyResults): string {
  const periods = results.plan.quietPeriodsMs;
  const head = ['detector', ...periods.map((periodMs) => `quiet period ${durationName(periodMs)}`)];
  const rows = detectorsOf(results).map((detector) => {
    const { means, transport, intervalMs } = detector;
    const scores = verdictsOf(results, detector);
    const cells = periods.map((periodMs) =>
      cell(scores.find(({ quietPeriodMs }) => quietPeriodMs === periodMs)),
    );
    const on = transport === 'unix' ? ', unix socket' : '';
    const name = `${meansTitle(means)}${on}, every ${intervalText(intervalMs)}`;
    return `<tr><th scope="row">${xmlText(name)}</th>${cells.join('')}</tr>`;
  });
  const titles = head.map((title) => `<th>${xmlText(title)}</th>`).join('');
  return `<div class="scroll"><table class="verdicts"><thead><tr>${titles}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

function cell(score: VerdictScore | undefined): string {
  if (score === undefined || score.waits === 0) {
    return '<td class="none">–</td>';
  }
  const { waits, early, hasty, unended, lateMs } = score;
  const share = (count: number): string => `${Math.round((count / waits) * 100)} %`;
  const kind = early > 0 ? 'early' : hasty + unended > 0 ? 'hasty' : 'right';
  const parts = [
    ...(early > 0 ? [`<b>${share(early)} early</b>`] : []),
    ...(hasty > 0 ? [`${share(hasty)} hasty`] : []),
    ...(unended > 0 ? [`${share(unended)} never`] : []),
    ...(lateMs === null ? [] : [`<small>late ${xmlText(msText(lateMs.median))}</small>`]),
  ];
  return `<td class="${kind}">${parts.join('<br>')}</td>`;
}
