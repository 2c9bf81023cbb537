import { readFileSync } from 'node:fs';
import type { LogTo } from '../../options/forms.ts';
import {
  fileSink,
  processSink,
  type Sink,
  type StderrOwnership,
  sharesStderr,
  stderrSink,
} from './sink.ts';
import { writeTerminationMessage } from './termination-message.ts';

export type { StderrOwnership } from './sink.ts';

export interface LogTargets {
  readonly logTo: LogTo;
  readonly inContainer: boolean;
  readonly procRoot: string;
  readonly stderr: StderrOwnership;
  /** Called once for each target that cannot be written. */
  readonly onTrouble: (message: string) => void;
  /** Called when lines were lost in a target that has room again. */
  readonly onLoss: (message: string) => void;
}

// The kubelet throws away what a hook prints. What the container's process 1 prints is its log.
const mainPid = 1;
const podLogName = "the container's log";

/**
 * Makes the function that writes a line to all targets. It never throws: if no target can be opened
 * or written, standard error replaces them. The last line goes to the container's termination message
 * as well. So does each line, with the reason, while the container's log cannot be written.
 */
export function openLog(options: LogTargets): (line: string, isLast: boolean) => void {
  const stderr = target('standard error', () => stderrSink(options.procRoot, options.stderr));
  let targets = targetsOf(options, stderr);
  // Why the container's log does not have these lines.
  let podTrouble: string | null = null;

  return (line, isLast) => {
    const failures = targets.flatMap((each) => {
      const reason = each.write(line);
      return reason === null ? [] : [{ each, reason }];
    });
    const losses = targets.map((each) => ({ each, count: each.takeLost() }));
    const failed = failures.map(({ each }) => each);
    targets = targets.filter((each) => !failed.includes(each));
    if (targets.length === 0 && !failed.includes(stderr)) {
      stderr.write(line);
      targets = [stderr];
    }
    for (const { each, reason } of failures.filter(({ each }) => each !== stderr)) {
      const trouble = troubleOf(each.name, reason);
      podTrouble ??= each.name === podLogName ? trouble : null;
      options.onTrouble(trouble);
    }
    if (isLast || podTrouble !== null) {
      writeTerminationMessage(`${lineOf(podTrouble)}${line}`);
    }
    for (const { each, count } of losses.filter(({ count }) => count > 0)) {
      options.onLoss(`${count} log lines did not fit into ${each.name} and are lost.`);
    }
  };
}

function lineOf(trouble: string | null): string {
  return trouble === null ? '' : `${trouble}\n`;
}

function troubleOf(name: string, reason: string): string {
  return `The log cannot be written to ${name}: ${reason}.`;
}

/** Why the container's log cannot be written. */
export function podLogTrouble(reason: string): string {
  return troubleOf(podLogName, reason);
}

interface Target {
  readonly name: string;
  /** Returns null, or why it could not be written. */
  readonly write: (line: string) => string | null;
  readonly takeLost: () => number;
}

function target(name: string, open: () => Sink): Target {
  let sink: Sink | undefined;
  return {
    name,
    write(line) {
      try {
        sink ??= open();
        sink.write(line);
        return null;
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    },
    takeLost: () => sink?.takeLost() ?? 0,
  };
}

function targetsOf({ logTo, inContainer, procRoot }: LogTargets, stderr: Target): Target[] {
  const pod = target(podLogName, () => openPodLog(procRoot));
  switch (logTo.kind) {
    case 'stderr':
      return [stderr];
    case 'pod':
      return [pod];
    case 'file':
      return [target(logTo.path, () => fileSink(procRoot, logTo.path))];
    case 'auto':
      return inContainer && !sharesStderr(procRoot, mainPid) ? [stderr, pod] : [stderr];
  }
}

/** @throws Error, which says why the container's log cannot be written. */
export function openPodLog(procRoot: string): Sink {
  if (readFileSync(`${procRoot}/${mainPid}/comm`, 'utf8').trimEnd() === 'pause') {
    throw new Error(
      "process 1 is the pod's pause process, since the pod has shareProcessNamespace",
    );
  }
  return processSink(procRoot, mainPid);
}
