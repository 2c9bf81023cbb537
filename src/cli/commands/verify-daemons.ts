import type { Endpoint, Sample } from '../../backends/types.ts';
import { unixFirst } from '../../builds/daemons.ts';
import { callError } from '../../grpc/errors.ts';
import type { Environment } from '../../options/read.ts';
import type { EndpointOptionValues } from '../../options/table.ts';
import type { StoreReport } from '../../verify/types.ts';
import { notReached } from '../../verify/verify.ts';
import { openMonitorFor } from './open-monitor.ts';

/** Checks each daemon that listens, at the first of its endpoints where it answers. */
export async function verifyDaemons(
  options: EndpointOptionValues,
  env: Environment,
  verifyAt: (endpoint: Endpoint) => Promise<StoreReport>,
): Promise<readonly StoreReport[]> {
  const monitor = openMonitorFor(options, env, () => {});
  const sample = monitor.sample();
  const daemons = monitor.daemonsOf(sample);
  monitor.close();
  const reports: StoreReport[] = [];
  for (const { endpoints } of daemons) {
    reports.push(await verifyFirst([...endpoints].sort(unixFirst), verifyAt));
  }
  return reports.length > 0 ? reports : [nothingFound(sample)];
}

async function verifyFirst(
  endpoints: readonly Endpoint[],
  verifyAt: (endpoint: Endpoint) => Promise<StoreReport>,
): Promise<StoreReport> {
  let report = notReached('buildkitd', noListener('has no address that can be called from here'));
  for (const endpoint of endpoints) {
    report = await verifyAt(endpoint);
    if (report.error === null || report.blobs.checked > 0) {
      break;
    }
  }
  return report;
}

function nothingFound(sample: Sample): StoreReport {
  const addresses = sample.results.map(({ endpoint }) => endpoint.address).join(' and ');
  const error =
    sample.kind === 'failed' ? sample.error : noListener(`nothing listens on ${addresses}`);
  return notReached('buildkitd', error);
}

function noListener(message: string): ReturnType<typeof callError> {
  return callError('ERR_NO_LISTENER', message);
}
