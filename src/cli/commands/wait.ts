import { isInPod } from '../../monitor/container.ts';
import type { Mistake } from '../../options/read.ts';
import { type Flags, readSettings, withoutMistakes } from '../../options/read.ts';
import { waitOptions } from '../../options/table.ts';
import { type ExitCode, exitCodeOf, exitCodes, interruptedBy } from '../exit-codes.ts';
import type { ProcessContext } from '../process-context.ts';
import { planWait } from './plan-wait.ts';
import { runWait, WaitFailedError } from './run-wait.ts';

/**
 * `buildkit-drain wait`. Where no person reads standard error, a mistake does not end it, since that would
 * kill builds.
 *
 * @param misread mistakes in the command line itself, not in a value.
 * @throws UsageError before the first poll.
 */
export async function wait(
  flags: Flags,
  context: ProcessContext,
  misread: readonly Mistake[] = [],
): Promise<ExitCode> {
  const { env, signal } = context;
  const { values: options, mistakes: misset } = readSettings(waitOptions, flags, env);
  const mistakes = [...misread, ...misset];
  const goesOn = (): Promise<boolean> => isUnattended(context);
  if (mistakes.some(({ isOurs }) => isOurs) && !(await goesOn())) {
    withoutMistakes({ mistakes });
  }
  const plan = await planWait({ options, mistakes, goesOn, stderr: 'own' }, context);
  try {
    return exitCodeOf((await runWait(plan, { signal })).outcome);
  } catch (error) {
    if (error instanceof WaitFailedError) {
      return signal.aborted ? interruptedBy(signal.reason) : exitCodes.unknown;
    }
    throw error;
  }
}

/** Whether no person reads standard error, as in the hooks and probes of a pod. */
export async function isUnattended({ env, isAttended }: ProcessContext): Promise<boolean> {
  return isInPod(env) && !(await isAttended());
}
