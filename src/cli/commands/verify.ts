import type { Command } from 'commander';
import type { Endpoint } from '../../backends/types.ts';
import { callError } from '../../grpc/errors.ts';
import { verifyJson } from '../../messages/verify/json.ts';
import { verifyText } from '../../messages/verify/text.ts';
import { formatDuration } from '../../messages/words.ts';
import { type Flags, type OptionValues, readOptions, UsageError } from '../../options/read.ts';
import { verifyOptions } from '../../options/table.ts';
import { verifyBuildkitd } from '../../verify/buildkitd.ts';
import { verifyContainerd } from '../../verify/containerd.ts';
import { removeBroken } from '../../verify/remove-broken.ts';
import { type StoreReport, stateOf } from '../../verify/types.ts';
import { verifyStore } from '../../verify/verify.ts';
import { type ExitCode, exitCodes, interruptedBy } from '../exit-codes.ts';
import { addOptions, flagsOf } from '../flags.ts';
import type { CommandContext, ProcessContext } from '../process-context.ts';
import { openTls } from './tls.ts';
import { verifyDaemons } from './verify-daemons.ts';
import { openVerifyDisplay } from './verify-display.ts';

interface VerifySwitches {
  readonly digests?: boolean;
  readonly snapshots?: boolean;
  readonly removeBroken?: boolean;
  readonly json?: boolean;
}

const verifyNotes = `
Without --containerd it checks the blobs of buildkitd; with it the images of a
containerd, and their snapshots. --snapshots, --namespace and --remove-broken
are for containerd.
Exit codes: 0 whole; 5 damaged; 4 not everything could be checked; 130, 143
interrupted; 2 usage error.`;

/** Makes a command `buildkit-drain verify`. */
export function addVerify(command: Command, { process, exit }: CommandContext): void {
  command
    .addHelpText('after', verifyNotes)
    .option('--digests', 'read every byte, and not only the last of each blob')
    .option('--snapshots', 'look at the folders of snapshots as well')
    .option('--remove-broken', 'remove the names of damaged images')
    .option('--json', 'print one JSON object')
    .action(async (switches: VerifySwitches) => {
      exit(await verify(flagsOf(command, verifyOptions), switches, process));
    });
  addOptions(command, verifyOptions);
}

/** @throws UsageError before anything is asked. */
async function verify(
  flags: Flags,
  switches: VerifySwitches,
  context: ProcessContext,
): Promise<ExitCode> {
  // The variable is the wait's deadline for a whole container.
  const env = { ...context.env, BUILDKIT_DRAIN_TIMEOUT: undefined };
  const options = readOptions(verifyOptions, flags, env);
  refuseMixed(options, flags, switches);
  const tls = await openTls(options).read();
  const display = await openVerifyDisplay(options, context);
  const deadline = openDeadline(options.timeout, context.signal);
  const { digests = false, snapshots: folders = false } = switches;
  const input = { digests, folders, namespace: options.namespace, onProgress: display.progress };
  const verifyAt = (endpoint: Endpoint, stateFolder: string | null = null): Promise<StoreReport> =>
    verifyStore({ endpoint, tls, signal: deadline.signal }, (connection, store) => {
      const ofStore = { ...input, connection, store, stateFolder };
      if (options.containerd === null) {
        return verifyBuildkitd(ofStore);
      }
      return switches.removeBroken
        ? removeBroken(ofStore, display.removal)
        : verifyContainerd(ofStore);
    });
  const reports = await (options.containerd === null
    ? verifyDaemons(options, env, verifyAt)
    : verifyAt(options.containerd).then((report) => [report]));
  deadline.close();
  display.end(reports);
  context.print(switches.json ? `${verifyJson(reports)}\n` : verifyText(reports, digests));
  return context.signal.aborted ? interruptedBy(context.signal.reason) : codes[stateOf(reports)];
}

const codes = {
  whole: exitCodes.done,
  damaged: exitCodes.damaged,
  unknown: exitCodes.unknown,
} as const;

/** @throws UsageError for what is about the other one of buildkitd and containerd */
function refuseMixed(
  { containerd }: OptionValues<typeof verifyOptions>,
  flags: Flags,
  { snapshots, removeBroken: removes }: VerifySwitches,
): void {
  const ofContainerd = [
    ['--namespace', flags['namespace'] !== undefined],
    ['--snapshots', snapshots],
    ['--remove-broken', removes],
  ] as const;
  const ofBuildkitd = ['addr', 'pid', 'backend'].map(
    (name) => [`--${name}`, flags[name] !== undefined] as const,
  );
  const others = containerd === null ? ofContainerd : ofBuildkitd;
  const [name] = others.find(([, isGiven]) => isGiven) ?? [];
  if (name !== undefined) {
    const [expected, received] =
      containerd === null
        ? ['--containerd with it', 'it alone']
        : ['no --containerd with it', 'both'];
    throw new UsageError(`${name}: expected ${expected} but received ${received}`);
  }
}

/** A signal with the reason why the check must end. */
function openDeadline(timeoutMs: number, interrupted: AbortSignal): Deadline {
  const end = new AbortController();
  const give = (code: string, message: string): void => end.abort(callError(code, message));
  const interrupt = (): void => give('ERR_INTERRUPTED', `interrupted by ${interrupted.reason}`);
  const timer = setTimeout(
    () => give('ERR_VERIFY_TIMEOUT', `it took longer than ${formatDuration(timeoutMs)}`),
    timeoutMs,
  );
  if (interrupted.aborted) {
    interrupt();
  }
  interrupted.addEventListener('abort', interrupt);
  return {
    signal: end.signal,
    close() {
      clearTimeout(timer);
      interrupted.removeEventListener('abort', interrupt);
    },
  };
}

interface Deadline {
  readonly signal: AbortSignal;
  readonly close: () => void;
}
