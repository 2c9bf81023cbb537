import type { Process } from '../../backends/procfs/processes.ts';
import type { BackendError, Endpoint, Sample } from '../../backends/types.ts';
import { unixFirst } from '../../builds/daemons.ts';
import { callError } from '../../grpc/errors.ts';
import { findStateFolder } from '../../monitor/daemon-settings.ts';
import { procRoot } from '../../monitor/monitor.ts';
import type { Environment } from '../../options/read.ts';
import type { EndpointOptionValues } from '../../options/table.ts';
import type { StoreReport } from '../../verify/types.ts';
import { notReached } from '../../verify/verify.ts';
import { openMonitorFor } from './open-monitor.ts';

/** Checks one buildkitd. The folder is that of its state; null where that is unknown. */
type VerifyAt = (endpoint: Endpoint, stateFolder: string | null) => Promise<StoreReport>;

/** Checks each daemon that listens, at the first of its endpoints where it answers. */
export async function verifyDaemons(
  options: EndpointOptionValues,
  env: Environment,
  verifyAt: VerifyAt,
): Promise<readonly StoreReport[]> {
  const monitor = openMonitorFor(options, env, () => {});
  const sample = monitor.sample();
  const listening = await monitor.daemonsOf(sample);
  const daemons = listening.map(({ endpoints, listeners }) => ({
    endpoints: [...endpoints].sort(unixFirst),
    stateFolder: stateFolderOf(monitor.ownersOf(listeners)),
  }));
  monitor.close();
  const reports: StoreReport[] = [];
  for (const { endpoints, stateFolder } of daemons) {
    reports.push(await verifyFirst(endpoints, (endpoint) => verifyAt(endpoint, stateFolder)));
  }
  return reports.length > 0 ? reports : [nothingFound(sample)];
}

/** Null where the daemon's process or its settings can't be read. */
function stateFolderOf([owner]: readonly Process[]): string | null {
  try {
    return owner === undefined ? null : findStateFolder(procRoot, owner.pid);
  } catch {
    return null;
  }
}

/** At the first address where it can be checked; if at none, why not at the first one. */
async function verifyFirst(
  endpoints: readonly Endpoint[],
  verifyAt: (endpoint: Endpoint) => Promise<StoreReport>,
): Promise<StoreReport> {
  let failed: StoreReport | null = null;
  for (const endpoint of endpoints) {
    const report = await verifyAt(endpoint);
    if (report.error === null || report.blobs.checked > 0) {
      return report;
    }
    failed ??= report;
  }
  return failed ?? notReached('buildkitd', noListener('no address of it can be called from here'));
}

function nothingFound(sample: Sample): StoreReport {
  const addresses = sample.results.map(({ endpoint }) => endpoint.address).join(' and ');
  const error =
    sample.kind === 'failed' ? sample.error : noListener(`nothing listens on ${addresses}`);
  return notReached('buildkitd', error);
}

function noListener(message: string): BackendError {
  return callError('ERR_NO_LISTENER', message);
}
