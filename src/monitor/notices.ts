import type { Process } from '../backends/procfs/processes.ts';
import type { OwnScan } from './own-daemons.ts';
import { isWatchedAt, type Target, type TargetChange } from './targets.ts';
import type { EndpointNotice, FoundDaemon } from './types.ts';

/** Reports a daemon that was found, and problems with reading it. */
export function notifyFound(
  { process: { pid }, endpoints, isListening, otherNetns, notices }: FoundDaemon,
  isGiven: boolean,
  notify: (notice: EndpointNotice) => void,
): void {
  const addresses = endpoints.map(({ address }) => address);
  notify({ kind: 'daemon-found', pid, isGiven, isListening, endpoints: addresses });
  if (otherNetns !== null) {
    notify({ kind: 'daemon-in-other-netns', pid });
  }
  for (const notice of notices) {
    notify(notice);
  }
}

/** Reports daemons that belong to other pods or containers, and so are not watched. */
export function notifySkipped(scan: OwnScan, notify: (notice: EndpointNotice) => void): void {
  const own = scan.daemons();
  const others = scan.others();
  const known = [...own, ...others].map(({ pid }) => pid);
  // A child that has not called exec yet has its parent's name.
  const pids = others.filter(({ parentPid }) => !known.includes(parentPid)).map(({ pid }) => pid);
  if (pids.length > 0) {
    notify({ kind: 'daemons-skipped', pids, areOthersFound: own.length > 0 });
  }
}

/** Reports where a daemon listens that is not at the addresses that were given. */
export function notifyNotGiven(
  { process: { pid }, endpoints, isListening, otherNetns }: FoundDaemon,
  given: readonly Target[],
  notify: (notice: EndpointNotice) => void,
): void {
  const where = otherNetns === null ? null : pid;
  const addresses = endpoints
    .filter((endpoint) => !given.some((target) => isWatchedAt(target, endpoint, where)))
    .map(({ address }) => address);
  if (isListening && addresses.length > 0) {
    notify({ kind: 'addresses-not-given', pid, addresses });
  }
}

/** Creates the function that reports what has changed with each later discovery. */
export function notifyChanges(
  targets: readonly Target[],
  isGiven: boolean,
  notify: (notice: EndpointNotice) => void,
): (change: TargetChange) => void {
  const reported = new Set(targets.flatMap(({ owners }) => owners.map(identity)));
  return ({ daemons, added, dropped }) => {
    const isKnown = ({ owners }: Target): boolean =>
      owners.every((owner) => reported.has(identity(owner)));
    const further = added.filter((target) => !target.isAssumed && isKnown(target));
    for (const daemon of daemons) {
      if (!reported.has(identity(daemon.process))) {
        reported.add(identity(daemon.process));
        notifyFound(daemon, isGiven, notify);
      }
    }
    for (const [kind, some] of [
      ['endpoints-added', further],
      ['endpoints-dropped', dropped],
    ] as const) {
      if (some.length > 0) {
        notify({ kind, endpoints: some.map(({ endpoint }) => endpoint.address) });
      }
    }
  };
}

function identity({ pid, startTime }: Process): string {
  return `${pid} ${startTime}`;
}
