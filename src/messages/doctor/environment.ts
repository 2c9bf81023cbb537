import type {
  Diagnosis,
  LogFacts,
  PlaceFacts,
  SettingFault,
  WaitFacts,
} from '../../doctor/types.ts';
import { isOldNode, oldestNode, oldNodeText } from '../environment-entries.ts';
import { formatDuration } from '../words.ts';
import { degraded, type Finding, found, ok, problem, type Section } from './finding.ts';

/** What this place is. */
export function placeSection({ place, self }: Diagnosis): Section {
  return {
    title: 'Place',
    findings: [
      ...found('What this place is', place, placeFindings),
      ...found('Who this is', self, ({ uid, capabilities }) => [
        ok(`Runs as uid ${uid}, with ${capabilities.join(', ') || 'no capability that matters'}.`),
      ]),
    ],
  };
}

/** What a wait would do here. */
export function waitSection({ log, wait }: Diagnosis): Section {
  return {
    title: 'Waiting here',
    findings: [
      logFinding(log),
      ...found('What wait would do', wait, (facts) => [
        ...facts.faults.map(faultFinding),
        waitFinding(facts, log),
      ]),
    ],
  };
}

function placeFindings(place: PlaceFacts): Finding[] {
  const { version, nodeVersion, kernel, machine, libc, podSigns, containerSigns } = place;
  const library = libc === null ? '' : `, ${libc}`;
  const what = `buildkit-drain ${version}, Node.js ${nodeVersion}, Linux ${kernel} on ${machine}${library}.`;
  return [
    ok(what),
    ...(isOldNode(nodeVersion)
      ? [problem(`${oldNodeText(nodeVersion)}.`, `Use Node.js ${oldestNode} or later.`)]
      : []),
    ok(kindOfPlace(podSigns, containerSigns)),
  ];
}

function kindOfPlace(pod: readonly string[], container: readonly string[]): string {
  if (pod.length > 0) {
    return `This is a Kubernetes pod: ${pod.join(', ')}.`;
  }
  return container.length > 0
    ? `This is a container: ${container.join(', ')}.`
    : 'No sign of a container.';
}

function logFinding({ inContainer, podLog }: LogFacts): Finding {
  if (!inContainer) {
    return ok('This is no container: the log of wait goes to standard error alone.');
  }
  return podLog.kind === 'done'
    ? ok("The container's log can be written (/proc/1/fd/2): the log of wait goes there too.")
    : degraded(
        `The container's log can't be written: ${podLog.reason}.`,
        'What a hook prints is thrown away. Run as the user of process 1, or give --log-to a file.',
      );
}

function faultFinding({ level, message, instead }: SettingFault): Finding {
  const otherNetns = level === 'error' ? '; anywhere else it exits with code 2' : '';
  return (level === 'error' ? problem : degraded)(
    `${message}.`,
    `Correct it. In a pod, wait handles it by ${instead}${otherNetns}.`,
  );
}

function waitFinding({ intervalMs, quietPeriodMs, timeoutMs }: WaitFacts, log: LogFacts): Finding {
  const results = `By its environment alone wait looks every ${formatDuration(intervalMs)}, needs ${formatDuration(quietPeriodMs)} of quiet`;
  if (timeoutMs !== null) {
    return ok(`${results}, and gives up after ${formatDuration(timeoutMs)}.`);
  }
  const text = `${results}, and has no deadline.`;
  return log.inPod
    ? degraded(
        text,
        "Unless the hook's own command has it, give --timeout, below terminationGracePeriodSeconds.",
      )
    : ok(text);
}
