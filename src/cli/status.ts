import type { BuildsAnswer } from '../builds/types.ts';
import type { Sample } from '../inspect/types.ts';
import { type Environment, type Flags, readOptions } from '../options/read-options.ts';
import { statusOptions } from '../options/wait-options.ts';
import { statusJson, statusText } from '../report/status.ts';
import { openBuilds } from './builds.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { clientsOnly, openLookout } from './look.ts';
import { readTls } from './tls.ts';

export interface StatusSwitches {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `buildkit-drain status`. @throws UsageError before anything is looked at. */
export async function status(
  flags: Flags,
  { json, quiet }: StatusSwitches,
  env: Environment,
  print: (text: string) => void,
): Promise<ExitCode> {
  const options = readOptions(statusOptions, flags, env);
  const tls = await readTls(options);
  const counts = clientsOnly(options);
  const lookout = openLookout(options, env, () => {});
  const sample = lookout.sampler.sample();
  const traffic = lookout.sampler.traffic();
  lookout.close();
  // Asked after the look, which so can't have seen the question's own connection.
  const builds =
    options.builds === 'off' ? null : await openBuilds(lookout.daemonsOf, tls).ask(sample);
  const isRequired = options.builds === 'require';
  if (!quiet) {
    const told = isRequired || tls !== null || builds?.kind === 'known' ? builds : null;
    print(
      json
        ? `${statusJson(sample, traffic, counts, builds)}\n`
        : statusText(sample, traffic, counts, told),
    );
  }
  const clients = sample.kind === 'gone' ? 0 : sample.connections.filter(counts).length;
  return exitCodeOf(sample, clients, builds, isRequired);
}

function exitCodeOf(
  sample: Sample,
  clients: number,
  builds: BuildsAnswer | null,
  isRequired: boolean,
): ExitCode {
  if (clients > 0 || (builds?.kind === 'known' && builds.builds.length > 0)) {
    return exitCodes.clientsConnected;
  }
  const isBlind = sample.kind === 'failed' || (isRequired && builds?.kind === 'unknown');
  return isBlind && sample.kind !== 'gone' ? exitCodes.blind : exitCodes.done;
}
