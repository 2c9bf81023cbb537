import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('prometheus.py', import.meta.url));

interface Family {
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly samples: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

/** Parses an exposition with the library of Prometheus itself. @throws Error where that refuses it. */
export function parseExposition(format: 'openmetrics' | 'prometheus', text: string): Family[] {
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', [program, format], {
    input: text,
    encoding: 'utf8',
    env: {},
  });
  if (status !== 0) {
    throw new Error(`${stderr}\n${text}`);
  }
  return JSON.parse(stdout) as Family[];
}
