import { readExampleText } from './examples.ts';

/** One panel of the dashboard, with what the tests read of it. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  /** Missing in a row. */
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

interface Dashboard {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly query: string | { readonly query: string };
    }[];
  };
}

export function readDashboard(): Dashboard {
  return JSON.parse(readExampleText('monitoring/dashboard.json')) as Dashboard;
}

/** Each query of the dashboard, with the panel that has it. */
export function queriesOf({
  panels,
}: Dashboard): { readonly panel: Panel; readonly expr: string }[] {
  return panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => ({ panel, expr })));
}
