import { headline, reportOf } from './report.ts';
import type { CostResults } from './types.ts';

/** All that was measured, for machines; a list of numbers on one line. */
export function renderJson(results: CostResults): string {
  const text = JSON.stringify(results, null, 2);
  return `${text.replace(/\[[\s\d.,e+-]+\]/g, (list) => list.replace(/\s+/g, ' '))}\n`;
}

type Table = readonly (readonly string[])[];

/** The report for a terminal. */
export function renderText(results: CostResults): string {
  const sections = reportOf(results).map(({ title, note, table }) => {
    return `\n${title}. ${note}\n${textTable(table)}`.replaceAll('`', '');
  });
  return `${headline(results)}\n${sections.join('')}`;
}

/** The same for a page. */
export function renderMarkdown(results: CostResults): string {
  const sections = reportOf(results).map(({ title, note, table }) => {
    return `\n### ${title}\n\n${note}\n\n${markdownTable(table)}`;
  });
  return `${headline(results)}\n${sections.join('')}`;
}

function textTable(table: Table): string {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => plainLength(row[column] ?? ''))),
  );
  const lines = table.map((row, index) => {
    const cells = row.map((cell, column) => {
      const text = index === 0 ? cell.toUpperCase() : cell;
      return text + ' '.repeat((widths[column] ?? 0) - plainLength(cell));
    });
    return `${cells.join('  ').trimEnd()}\n`;
  });
  return lines.join('');
}

function plainLength(cell: string): number {
  return cell.replaceAll('`', '').length;
}

function markdownTable(table: Table): string {
  const [titles = [], ...rows] = table;
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('');
}
