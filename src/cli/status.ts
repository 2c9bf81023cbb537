import type { Sample } from '../inspect/types.ts';
import { type Environment, type Flags, readOptions } from '../options/read-options.ts';
import { lookOptions } from '../options/wait-options.ts';
import { statusJson, statusText } from '../report/status.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { clientsOnly, openLookout } from './look.ts';

export interface StatusSwitches {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `buildkit-drain status`. @throws UsageError before anything is looked at. */
export function status(
  flags: Flags,
  { json, quiet }: StatusSwitches,
  env: Environment,
  print: (text: string) => void,
): ExitCode {
  const options = readOptions(lookOptions, flags, env);
  const counts = clientsOnly(options);
  const lookout = openLookout(options, env, () => {});
  const sample = lookout.sampler.sample();
  const traffic = lookout.sampler.traffic();
  lookout.close();
  if (!quiet) {
    print(json ? `${statusJson(sample, traffic, counts)}\n` : statusText(sample, traffic, counts));
  }
  return exitCodeOf(sample, sample.kind === 'gone' ? 0 : sample.connections.filter(counts).length);
}

function exitCodeOf(sample: Sample, clients: number): ExitCode {
  if (clients > 0) {
    return exitCodes.clientsConnected;
  }
  return sample.kind === 'failed' ? exitCodes.blind : exitCodes.done;
}
