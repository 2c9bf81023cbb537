/** A part of a report: a heading, a sentence about it, and a table. */
export interface ReportSection {
  readonly title: string;
  readonly note: string;
  /** The first row holds the titles of the columns. */
  readonly table: readonly (readonly string[])[];
}

type Table = ReportSection['table'];

/** A report for a terminal. */
export function reportText(headline: string, sections: readonly ReportSection[]): string {
  const parts = sections.map(({ title, note, table }) => {
    return `\n${title}. ${note}\n${textTable(table)}`.replaceAll('`', '');
  });
  return `${headline}\n${parts.join('')}`;
}

/** The same as Markdown. */
export function markdownOf(headline: string, sections: readonly ReportSection[]): string {
  const parts = sections.map(({ title, note, table }) => {
    return `\n### ${title}\n\n${note}\n\n${markdownTable(table)}`;
  });
  return `${headline}\n${parts.join('')}`;
}

/** All results as JSON, with each list of numbers on one line. */
export function jsonOf(results: unknown): string {
  const text = JSON.stringify(results, null, 2);
  return `${text.replace(/\[[\s\d.,e+-]+\]/g, (list) => list.replace(/\s+/g, ' '))}\n`;
}

/** The same for an object with long lists: each item of a list is on one line. */
export function jsonByRowsOf(results: object): string {
  const lines = Object.entries(results).map(([key, value]) => {
    const text =
      Array.isArray(value) && value.length > 0
        ? `[\n    ${value.map((item) => JSON.stringify(item)).join(',\n    ')}\n  ]`
        : JSON.stringify(value);
    return `  ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
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
