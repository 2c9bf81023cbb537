import type { TargetChange } from '../endpoints/follow.ts';
import type { Target } from '../endpoints/targets.ts';
import type { EndpointNotice, FoundDaemon } from '../endpoints/types.ts';

/** Says what was found, and what about it is worth knowing. */
export function tellOf(
  { process: { pid }, endpoints, isListening, elsewhere, notices }: FoundDaemon,
  isGiven: boolean,
  notify: (notice: EndpointNotice) => void,
): void {
  const addresses = endpoints.map(({ address }) => address);
  notify({ kind: 'daemon-found', pid, isGiven, isListening, endpoints: addresses });
  if (elsewhere !== null) {
    notify({ kind: 'daemon-elsewhere', pid });
  }
  for (const notice of notices) {
    notify(notice);
  }
}

/** Makes the function that says of later findings what is new in them. */
export function tellOfChanges(
  targets: readonly Target[],
  isGiven: boolean,
  notify: (notice: EndpointNotice) => void,
): (change: TargetChange) => void {
  const told = new Set(
    targets.flatMap(({ owners }) => owners.map(({ startTime, pid }) => `${pid} ${startTime}`)),
  );
  return ({ daemons, dropped }) => {
    for (const daemon of daemons) {
      const { pid, startTime } = daemon.process;
      if (!told.has(`${pid} ${startTime}`)) {
        told.add(`${pid} ${startTime}`);
        tellOf(daemon, isGiven, notify);
      }
    }
    if (dropped.length > 0) {
      notify({
        kind: 'endpoints-dropped',
        endpoints: dropped.map(({ endpoint }) => endpoint.address),
      });
    }
  };
}
