import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { readRules } from './rules.ts';
import type { Sandbox } from './sandbox.ts';
import { waitFor } from './wait-for.ts';

/** One series that a query has found. */
interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Of an instant query. */
  readonly value?: readonly [number, string];
  /** Of a query over time. */
  readonly values?: readonly (readonly [number, string])[];
}

/** A real Prometheus with the alerts of examples/monitoring, and its HTTP API. */
export interface PrometheusServer {
  readonly query: (expr: string) => Promise<readonly Series[]>;
  /** Since the start, every two seconds. */
  readonly queryRange: (expr: string) => Promise<readonly Series[]>;
  /** The values that a label has in these series. */
  readonly labelValues: (label: string, match: string) => Promise<readonly string[]>;
}

// It can't name a port that the kernel has chosen. No other test uses this address.
const listenAddress = '127.0.90.90:9090';

/** Starts a Prometheus that scrapes a port of this machine every two seconds, with these labels. */
export async function startPrometheus(
  sandbox: Sandbox,
  { port, labels }: { readonly port: number; readonly labels: Readonly<Record<string, string>> },
): Promise<PrometheusServer> {
  const fileOf = (name: string, content: object): string => {
    const path = join(sandbox.directory, name);
    writeFileSync(path, stringify(content));
    return path;
  };
  const config = fileOf('prometheus.yaml', {
    global: { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '1s' },
    rule_files: [fileOf('rules.yaml', readRules())],
    scrape_configs: [
      {
        job_name: 'buildkitd',
        static_configs: [{ targets: [`127.0.0.1:${port}`], labels }],
      },
    ],
  });
  const started = await sandbox.start(
    [
      'prometheus',
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(sandbox.directory, 'prometheus')}`,
      `--web.listen-address=${listenAddress}`,
      '--log.level=warn',
    ],
    // In the network of the tests, as `serve` is.
    { namespaces: ['pid', 'mount'] },
  );
  const startSeconds = Date.now() / 1000;
  const url = `http://${listenAddress}`;
  await waitFor('Prometheus', async () => {
    if (started.hasEnded()) {
      throw new Error(`Prometheus has ended: ${started.stderr()}`);
    }
    return fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  });

  const ask = async <Data>(path: string, parameters: Record<string, string>): Promise<Data> => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: Data };
    if (answer.status !== 'success') {
      throw new Error(`${JSON.stringify(parameters)}: ${answer.error}`);
    }
    return answer.data;
  };
  return {
    query: async (query) => (await ask<{ result: Series[] }>('query', { query })).result,
    async queryRange(query) {
      const [start, end] = [startSeconds, Date.now() / 1000].map(String) as [string, string];
      return (await ask<{ result: Series[] }>('query_range', { query, start, end, step: '2' }))
        .result;
    },
    labelValues: (label, match) => ask(`label/${label}/values`, { 'match[]': match }),
  };
}
