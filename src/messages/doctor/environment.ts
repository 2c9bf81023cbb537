import type {
  Diagnosis,
  EnvironmentFacts,
  LogFacts,
  SettingFault,
  WaitFacts,
} from '../../doctor/types.ts';
import { isOldNode, oldestNode, oldNodeText } from '../problems.ts';
import { formatDuration } from '../words.ts';
import { degraded, type Finding, found, ok, problem, type Section } from './finding.ts';

/** Where this runs. */
export function environmentSection({ environment, self }: Diagnosis): Section {
  return {
    title: 'Environment',
    findings: [
      ...found('What this environment is', environment, environmentFindings),
      ...found('Which user this is', self, ({ uid, capabilities }) => [
        ok(`Runs as uid ${uid}, with ${capabilities.join(', ') || 'no relevant capability'}.`),
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

function environmentFindings(environment: EnvironmentFacts): Finding[] {
  const { version, nodeVersion, kernel, machine, libc, podSigns, containerSigns } = environment;
  const library = libc === null ? '' : `, ${libc}`;
  const what = `buildkit-drain ${version}, Node.js ${nodeVersion}, Linux ${kernel} on ${machine}${library}.`;
  return [
    ok(what),
    ...(isOldNode(nodeVersion)
      ? [problem(`${oldNodeText(nodeVersion)}.`, `Use Node.js ${oldestNode} or later.`)]
      : []),
    ok(kindOfEnvironment(podSigns, containerSigns)),
  ];
}

function kindOfEnvironment(pod: readonly string[], container: readonly string[]): string {
  if (pod.length > 0) {
    return `This is a Kubernetes pod: ${pod.join(', ')}.`;
  }
  return container.length > 0
    ? `This is a container: ${container.join(', ')}.`
    : 'No sign of a container.';
}

function logFinding({ inContainer, podLog }: LogFacts): Finding {
  if (!inContainer) {
    return ok('Not in a container: the log of wait goes to standard error alone.');
  }
  return podLog.kind === 'done'
    ? ok("The container's log can be written (/proc/1/fd/2): the log of wait goes there too.")
    : degraded(
        `The container's log cannot be written: ${podLog.reason}.`,
        'Kubernetes discards what a hook prints. Run as the user of process 1, or use --log-to with a file.',
      );
}

function faultFinding({ level, message, instead }: SettingFault): Finding {
  const elsewhere = level === 'error' ? '; elsewhere it exits with code 2' : '';
  return (level === 'error' ? problem : degraded)(
    `${message}.`,
    `Correct it. In a pod, wait handles it by ${instead}${elsewhere}.`,
  );
}

function waitFinding({ intervalMs, quietPeriodMs, timeoutMs }: WaitFacts, log: LogFacts): Finding {
  const settings = `With the environment's settings alone wait polls every ${formatDuration(intervalMs)}, needs ${formatDuration(quietPeriodMs)} of quiet`;
  if (timeoutMs !== null) {
    return ok(`${settings}, and gives up after ${formatDuration(timeoutMs)}.`);
  }
  const text = `${settings}, and has no deadline.`;
  return log.inPod
    ? degraded(
        text,
        "Unless the hook's command has it, give --timeout, below terminationGracePeriodSeconds.",
      )
    : ok(text);
}
