import { headline, reportOf } from './report.ts';
import { jsonOf, markdownOf, textOf } from './tables.ts';
import type { CostResults } from './types.ts';

export function renderJson(results: CostResults): string {
  return jsonOf(results);
}

export function renderText(results: CostResults): string {
  return textOf(headline(results), reportOf(results));
}

export function renderMarkdown(results: CostResults): string {
  return markdownOf(headline(results), reportOf(results));
}
