import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { readExampleText } from './examples.ts';

/** One alert that is tried by promtool. */
export interface AlertTest {
  /** Series, with their values a minute apart in promtool's notation: `5x2` is 5 5 5, `stale` its end. */
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  readonly alert: string;
  /** The labels and summaries of the alerts that fire then. */
  readonly fires: readonly { readonly labels: object; readonly summary: string }[];
}

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
    }[];
  }[];
}

/** The rule file in examples/monitoring/prometheus-rule.yaml, as Prometheus itself reads it. */
export function readRules(): Rules {
  const { spec } = parse(readExampleText('monitoring/prometheus-rule.yaml')) as { spec: Rules };
  return spec;
}

/** Runs `promtool test rules`, and returns what it finds wrong. */
export function testAlert({ series, at, alert, fires }: AlertTest): string {
  const folder = mkdtempSync(join(tmpdir(), 'drain-rules-'));
  try {
    writeFileSync(join(folder, 'rules.yaml'), stringify(readRules()));
    const rule = readRules().groups.flatMap(({ rules }) =>
      rules.filter((each) => each.alert === alert),
    )[0];
    const test = {
      rule_files: ['rules.yaml'],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
          alert_rule_test: [
            {
              eval_time: at,
              alertname: alert,
              exp_alerts: fires.map(({ labels, summary }) => ({
                exp_labels: { ...rule?.labels, ...labels },
                exp_annotations: { ...rule?.annotations, summary },
              })),
            },
          ],
        },
      ],
    };
    writeFileSync(join(folder, 'test.yaml'), stringify(test));
    const options = { cwd: folder, encoding: 'utf8', timeout: 20_000 } as const;
    const { status, stdout, stderr } = spawnSync(
      'promtool',
      ['test', 'rules', 'test.yaml'],
      options,
    );
    return status === 0 ? '' : `${stdout}${stderr}` || `promtool: ${status}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
