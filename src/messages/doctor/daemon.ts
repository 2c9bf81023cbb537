import { agree } from '../../doctor/endpoints.ts';
import type { BuildsFacts, DaemonFacts, Diagnosis, EndpointFacts } from '../../doctor/types.ts';
import type { LogEntry } from '../log/log.ts';
import { buildsAreRunning } from '../state.ts';
import { clientsAreConnected } from '../words.ts';
import { degraded, type Finding, found, ok, problem, type Section } from './finding.ts';

/** What is known of the daemon: its process, where it listens, what it says. */
export function daemonSections(diagnosis: Diagnosis, notices: readonly LogEntry[]): Section[] {
  const { daemons, endpoints, builds, needsBuilds } = diagnosis;
  return [
    {
      title: 'Daemon',
      findings: [
        ...found('Which daemons run', daemons, (all) => all.flatMap(daemonFindings)),
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
          : found('Which builds run', builds, (all) =>
              all.length === 0
                ? [
                    (needsBuilds ? problem : degraded)(
                      'No daemon was seen that can be asked.',
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
  const who = `${name} (pid ${pid}) runs as ${user}`;
  return [
    showsDescriptors
      ? ok(`${who}; its descriptors can be read.`)
      : degraded(
          `${who}; its descriptors can't be read.`,
          'Run as that user or as root with CAP_SYS_PTRACE, or give --addr for each address.',
        ),
  ];
}

function noticeFindings({ level, message, fields }: LogEntry): Finding[] {
  switch (fields?.['event']) {
    case 'daemon-not-found':
      return [
        degraded(
          message,
          'Give --addr for each of its addresses, or --pid where it is called otherwise.',
        ),
      ];
    case 'descriptors-unreadable':
      // Said already, of the process.
      return [];
    default:
      return level === 'debug' ? [] : [level === 'info' ? ok(message) : degraded(message, null)];
  }
}

function endpointFinding({ endpoint, isAssumed, means }: EndpointFacts): Finding {
  const snapshots = means.map(({ backend, seen }) =>
    seen.kind === 'failed'
      ? `${backend} fails (${seen.reason})`
      : `${backend} sees ${seen.value.isListening ? 'a' : 'no'} listener and ${connections(seen.value.connections)}`,
  );
  const text = `${endpoint.address}: ${snapshots.join(', ')}.`;
  const seen = means.flatMap((each) => (each.seen.kind === 'done' ? [each.seen.value] : []));
  if (seen.length === 0) {
    return problem(text, 'See above what each means of looking lacks.');
  }
  if (!seen.some(({ isListening }) => isListening)) {
    return isAssumed
      ? ok(`${text} It is only a default.`)
      : problem(text, 'Check the address: it has to be what buildkitd listens on.');
  }
  if (!agree(means)) {
    const remedy = 'Try again: if they never agree, please report it with all of this.';
    return problem(`${text} They do not agree.`, remedy);
  }
  return seen.length < means.length ? degraded(text, null) : ok(text);
}

function connections(count: number): string {
  return `${count === 0 ? 'no' : count} ${count === 1 ? 'connection' : 'connections'}`;
}

function sampleFinding({ sample }: Diagnosis): Finding {
  switch (sample.kind) {
    case 'counted': {
      const count = sample.connections.length;
      const who =
        count === 0
          ? clientsAreConnected(0)
          : `${connections(count)} ${count > 1 ? 'are' : 'is'} there`;
      const isHeard = sample.results.every(
        (result) => result.kind === 'polled' && result.snapshot.listenerInodes.length > 0,
      );
      const voucher = isHeard ? 'listeners vouch' : "the daemon's own sockets vouch";
      return ok(`A look at all of them says that ${who}, and ${voucher} for it.`);
    }
    case 'gone':
      return ok('There is no daemon: nothing listens, and no process of it is in sight.');
    case 'failed':
      return problem(
        `A look at all of them does not count: ${sample.error.message}.`,
        sample.error.code === 'ERR_NO_LISTENER'
          ? 'Give --addr for each address that buildkitd listens on, if they are others.'
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
  ERR_NO_GRPC: 'If the daemon speaks TLS, give --tls-ca and what else it asks for.',
  ERR_ZERO_NOT_TRUSTED: 'A wait believes this daemon once it has named a running build.',
  ERR_NO_HISTORY: 'A wait believes this daemon once it has named a running build.',
};

function buildsRemedy(code: string, isNeeded: boolean): string {
  const without = isNeeded
    ? 'Without an answer, --builds require holds the wait to its deadline.'
    : 'Without an answer, connections alone decide.';
  const hint = hints[code];
  return hint === undefined ? without : `${hint} ${without}`;
}
