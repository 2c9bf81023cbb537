import { checkText, type WatchedAddress } from '../../messages/check.ts';
import type { LogEntry } from '../../messages/log/log.ts';
import { openPodLog, podLogTrouble } from '../../messages/log/open-log.ts';
import { monitorEntry } from '../../messages/monitor.ts';
import { podDeadlineEntry } from '../../messages/own-pod.ts';
import { isOldNode, noDeadlineEntry, oldNodeEntry } from '../../messages/problems.ts';
import { isInContainer, isInPod } from '../../monitor/container.ts';
import { procRoot } from '../../monitor/monitor.ts';
import type { Environment, Mistake } from '../../options/read.ts';
import { type Flags, readSettings, UsageError } from '../../options/read.ts';
import { type WaitOptionValues, waitOptions } from '../../options/table.ts';
import { findUnknown } from '../../options/unknown-variables.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { ProcessContext } from '../process-context.ts';
import { openMonitorFor, pidMistake } from './open-monitor.ts';
import { openTls, tlsMistakes } from './tls.ts';

/**
 * `buildkit-drain wait --check`: prints what a wait would use, and does not wait.
 *
 * @param misread mistakes in the command line itself, not in a value.
 */
export async function checkWait(
  flags: Flags,
  context: ProcessContext,
  misread: readonly Mistake[] = [],
): Promise<ExitCode> {
  const { env, print } = context;
  const { values: options, settings, mistakes } = readSettings(waitOptions, flags, env);
  const notices = [...placeNotices(options, context), ...(await podNotices(options, env))];
  const result = lookAround(options, context, notices);
  const all = [
    ...misread,
    ...mistakes,
    ...result.mistakes,
    ...findUnknown(env),
    ...(options.builds === 'off' ? [] : await tlsMistakes(openTls(options))),
  ];
  print(checkText({ settings, mistakes: all, watched: result.watched, notices }));
  return all.some(({ isOurs }) => isOurs) ? exitCodes.usage : exitCodes.done;
}

function placeNotices(options: WaitOptionValues, { env, self }: ProcessContext): LogEntry[] {
  const { kind } = options['log-to'];
  const isPodLogged = kind === 'pod' || (kind === 'auto' && isInContainer(env));
  return [
    ...(isOldNode(self.nodeVersion) ? [oldNodeEntry(self.nodeVersion)] : []),
    ...(hasDeadline(options) || !isInPod(env) ? [] : [noDeadlineEntry()]),
    ...(isPodLogged ? podLogNotices() : []),
  ];
}

function hasDeadline({ timeout }: WaitOptionValues): boolean {
  return timeout.isFromPod || timeout.ms !== null;
}

/** Why `--timeout=pod` would fall back. */
async function podNotices({ timeout }: WaitOptionValues, env: Environment): Promise<LogEntry[]> {
  if (!timeout.isFromPod) {
    return [];
  }
  const { readPodDeadline } = await import('../../kubernetes/own-pod.ts');
  const deadline = await readPodDeadline(env, new AbortController().signal);
  return deadline.kind === 'unknown' ? [podDeadlineEntry(deadline, timeout.ms)] : [];
}

function podLogNotices(): LogEntry[] {
  try {
    openPodLog(procRoot);
    return [];
  } catch (error) {
    return [
      {
        level: 'warn',
        message: podLogTrouble((error as Error).message),
        fields: { event: 'log-failed' },
      },
    ];
  }
}

interface LookAround {
  readonly watched: readonly WatchedAddress[];
  readonly mistakes: readonly Mistake[];
}

function lookAround(
  options: WaitOptionValues,
  { env }: ProcessContext,
  notices: LogEntry[],
): LookAround {
  try {
    const monitor = openMonitorFor(options, env, (notice) => notices.push(monitorEntry(notice)));
    monitor.close();
    const watched = monitor.watched().map(({ target: { endpoint, isAssumed } }) => {
      return { address: endpoint.address, isAssumed };
    });
    return { watched, mistakes: [] };
  } catch (error) {
    if (!(error instanceof UsageError)) {
      throw error;
    }
    return { watched: [], mistakes: [pidMistake(error)] };
  }
}
