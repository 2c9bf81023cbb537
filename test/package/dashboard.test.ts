import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Panel, queriesOf, readDashboard } from '../support/dashboard.ts';
import { readExampleText } from '../support/examples.ts';

const dashboard = readDashboard();
const { panels } = dashboard;
const withData = panels.filter(({ type }) => type !== 'row');

// Another test compares this table with what the code exposes.
const page = readFileSync(new URL('../../docs/serve.md', import.meta.url), 'utf8');
const exposed = new Set(
  (page.match(/^\| `(buildkit_drain|process)_.*$/gm) ?? []).flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)/g)].map(([, name = '']) => name),
  ),
);

/** The metrics in a text, but not the labels that are called like their stateset. */
function metricsIn(text: string): string[] {
  const names = text
    .replaceAll(/\bby \(.*?\)/g, '')
    .match(/\b(buildkit_drain|process)_\w+(?!\w*=)/g);
  return names ?? [];
}

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

describe('the dashboard', () => {
  it('has the panels that the page names', () => {
    const named = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => /^\| .*\? \|/.test(line))
      .flatMap((line) => [...line.matchAll(/\*(.+?)\*/g)].map(([, title]) => title));
    expect(named.length).toBeGreaterThan(10);
    const titles = panels.map(({ title }) => title);
    expect(named.filter((title = '') => !titles.includes(title))).toEqual([]);
  });

  it('asks for metrics that there are', () => {
    const queries = queriesOf(dashboard);
    expect(queries.length).toBeGreaterThan(15);
    for (const { expr } of queries) {
      const metrics = metricsIn(expr);
      expect(metrics, expr).not.toEqual([]);
      expect(
        metrics.filter((name) => !exposed.has(name)),
        expr,
      ).toEqual([]);
    }
  });

  it('shows the pods and namespaces that are chosen, of the source that is chosen', () => {
    const { list } = dashboard.templating;
    expect(list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['namespace', 'query'],
      ['pod', 'query'],
    ]);
    expect(metricsIn(JSON.stringify(list)).filter((name) => !exposed.has(name))).toEqual([]);
    const sources = readExampleText('monitoring/dashboard.json').match(/"uid": "\$.*"/g) ?? [];
    expect(sources.filter((source) => !source.includes('{datasource}'))).toEqual([]);
    expect(sources.length).toBe(withData.length + 2);
    for (const { expr } of queriesOf(dashboard)) {
      const selected = expr.match(/namespace=~"\$namespace", pod=~"\$pod"/g) ?? [];
      // What an `and` compares with needs no selection.
      const names = metricsIn(expr.replace(/ and on .*/, ''));
      expect(selected.length, expr).toBe(names.length);
    }
  });

  it('has one number for each panel, and one letter for each query of a panel', () => {
    const ids = panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { targets = [], title } of panels) {
      const letters = targets.map(({ refId }) => refId);
      expect(new Set(letters).size, title).toBe(letters.length);
    }
  });

  it('has a unit, a title and an explanation in each panel', () => {
    for (const { title, description, fieldConfig } of withData) {
      expect(title).not.toBe('');
      expect(description, title).toMatch(/\.$/);
      expect(fieldConfig?.defaults.unit, title).toMatch(/^(short|s|bytes|percentunit)$/);
    }
  });

  it('shows seconds, bytes and shares as such', () => {
    const units = withData.map(({ fieldConfig, targets = [] }) => {
      const exprs = targets.map(({ expr }) => expr).join();
      const isShare = / \/ /.test(exprs);
      const [name] = metricsIn(exprs).filter((each) => /_(seconds|bytes)$/.test(each));
      const unit = name?.endsWith('_bytes') ? 'bytes' : 's';
      return [fieldConfig?.defaults.unit, isShare ? 'percentunit' : name ? unit : 'short'];
    });
    for (const [unit, expected] of units) {
      expect(unit).toBe(expected);
    }
  });

  it('has no panel over another, or beyond the grid', () => {
    for (const [index, panel] of panels.entries()) {
      const under = panels.slice(index + 1).filter((other) => overlap(panel, other));
      expect(under.map(({ title }) => `${panel.title} and ${title}`)).toEqual([]);
      expect(panel.gridPos.x + panel.gridPos.w).toBeLessThanOrEqual(24);
    }
  });
});
