import { agree } from '../../doctor/endpoints.ts';
import type { BuildsFacts, DaemonFacts, Diagnosis, EndpointFacts } from '../../doctor/types.ts';
import type { LogEntry } from '../log/log.ts';
import { buildsAreRunning } from '../state.ts';
import { clientsAreConnected } from '../words.ts';
import { degraded, type Finding, found, ok, problem, type Section } from './finding.ts';

/** What is known of the daemon: its process, its listeners, its builds. */
export function daemonSections(diagnosis: Diagnosis, notices: readonly LogEntry[]): Section[] {
  const { daemons, endpoints, builds, needsBuilds } = diagnosis;
  return [
    {
      title: 'Daemon',
      findings: [
        ...found('Which daemons are running', daemons, (all) => all.flatMap(daemonFindings)),
        ...notices.flatMap(noticeFindings),
      ],
    },
    {
      title: 'Endpoints',
      findings: [...endpoints.map(endpointFinding), sampleFinding(diagnosis)],
    },
    {
      title: 'Builds',
      findings:
        builds === null
          ? [ok('The daemon is not asked, since --builds is off.')]
          : found('Which builds are running', builds, (all) =>
              all.length === 0
                ? [
                    (needsBuilds ? problem : degraded)(
                      'No daemon was found that can be asked.',
                      null,
                    ),
                  ]
                : all.map((each) => buildsFinding(each, needsBuilds)),
            ),
    },
  ];
}

function daemonFindings({ pid, name, uid, showsDescriptors }: DaemonFacts): Finding[] {
  const user = uid.kind === 'done' ? `uid ${uid.value}` : `an unknown user (${uid.reason})`;
  const daemon = `${name} (pid ${pid}) runs as ${user}`;
  return [
    showsDescriptors
      ? ok(`${daemon}; its descriptors can be read.`)
      : degraded(
          `${daemon}; its descriptors cannot be read.`,
          'Run as that user or as root with CAP_SYS_PTRACE, or give --addr for each address.',
        ),
  ];
}

function noticeFindings({ level, message, fields }: LogEntry): Finding[] {
  switch (fields.event) {
    case 'daemon-not-found':
      return [
        degraded(
          message,
          'Give --addr for each of its addresses, or --pid if it has another name.',
        ),
      ];
    case 'descriptors-unreadable':
      // The process has a finding of its own about it.
      return [];
    default:
      return level === 'debug' ? [] : [level === 'info' ? ok(message) : degraded(message, null)];
  }
}

function endpointFinding({ endpoint, isAssumed, backends }: EndpointFacts): Finding {
  const snapshots = backends.map(({ backend, seen }) =>
    seen.kind === 'failed'
      ? `${backend} fails (${seen.reason})`
      : `${backend} sees ${seen.value.isListening ? 'a' : 'no'} listener and ${connections(seen.value.connections)}`,
  );
  const text = `${endpoint.address}: ${snapshots.join(', ')}.`;
  const seen = backends.flatMap((each) => (each.seen.kind === 'done' ? [each.seen.value] : []));
  if (seen.length === 0) {
    return problem(text, 'See above what each backend needs.');
  }
  if (!seen.some(({ isListening }) => isListening)) {
    return isAssumed
      ? ok(`${text} It is only a default address.`)
      : problem(text, 'Check the address: buildkitd must listen on it.');
  }
  if (!agree(backends)) {
    const remedy = 'Try again. If they never agree, please report it with all of this output.';
    return problem(`${text} The backends do not agree.`, remedy);
  }
  return seen.length < backends.length ? degraded(text, null) : ok(text);
}

function connections(count: number): string {
  return `${count === 0 ? 'no' : count} ${count === 1 ? 'connection' : 'connections'}`;
}

function sampleFinding({ sample }: Diagnosis): Finding {
  switch (sample.kind) {
    case 'counted': {
      const count = sample.connections.length;
      const what =
        count === 0
          ? clientsAreConnected(0)
          : `${connections(count)} ${count > 1 ? 'are' : 'is'} there`;
      const isHeard = sample.results.every(
        (result) => result.kind === 'polled' && result.snapshot.listenerInodes.length > 0,
      );
      const proof = isHeard ? 'listeners confirm' : "the daemon's own sockets confirm";
      return ok(`A poll of all of them says that ${what}, and ${proof} it.`);
    }
    case 'gone':
      return ok('There is no daemon: nothing listens, and it has no process here.');
    case 'failed':
      return problem(
        `A poll of all of them could not count: ${sample.error.message}.`,
        sample.error.code === 'ERR_NO_LISTENER'
          ? 'Give --addr for each address that buildkitd listens on, if it has others.'
          : null,
      );
  }
}

function buildsFinding({ addresses, answer }: BuildsFacts, isNeeded: boolean): Finding {
  const where = addresses.join(' and ') || 'the daemon, which is in another network namespace';
  if (answer.kind === 'known') {
    return ok(`Asked at ${where}, the daemon says that ${buildsAreRunning(answer.builds)}.`);
  }
  const bad = isNeeded ? problem : degraded;
  return bad(
    `Asked at ${where}: ${answer.error.message}.`,
    buildsRemedy(answer.error.code, isNeeded),
  );
}

const hints: Readonly<Record<string, string>> = {
  ERR_NO_GRPC: 'If the daemon speaks TLS, give --tls-ca and what else it requires.',
  ERR_ZERO_NOT_TRUSTED: 'A wait accepts "none" from this daemon once it has named a running build.',
  ERR_NO_HISTORY: 'A wait accepts "none" from this daemon once it has named a running build.',
};

function buildsRemedy(code: string, isNeeded: boolean): string {
  const without = isNeeded
    ? 'Without an answer, --builds=require holds the wait to its deadline.'
    : 'Without an answer, the connections alone decide.';
  const hint = hints[code];
  return hint === undefined ? without : `${hint} ${without}`;
}
