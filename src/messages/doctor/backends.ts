import type { BackendName, PollMode } from '../../backends/types.ts';
import type { BackendTrial, Diagnosis, Family, Trial } from '../../doctor/types.ts';
import { capitalized } from '../words.ts';
import { degraded, type Finding, found, ok, problem, type Section } from './finding.ts';

const kinds: Readonly<Record<Family, string>> = {
  IPv4: 'TCP over IPv4',
  IPv6: 'TCP over IPv6',
  unix: 'Unix sockets',
};

/** How well the addon and each backend work here. */
export function backendSections({ addon, trials, processes }: Diagnosis): Section[] {
  const byBackend = (backend: BackendName): readonly Finding[] =>
    found('Whether it works', trials, (all) =>
      all.flatMap((trial) => trialFindings(trial, backend)),
    );
  return [
    {
      title: 'Addon',
      findings:
        addon.kind === 'done'
          ? [ok(`Loaded ${addon.value.path}, built from ${addon.value.sourceHash.slice(0, 12)}.`)]
          : [degraded(`${capitalized(addon.reason)}.`, null)],
    },
    { title: 'sock_diag', findings: byBackend('sock-diag') },
    {
      title: 'procfs',
      findings: [
        ...byBackend('procfs'),
        ...found('Which processes are running', processes, processesFound),
      ],
    },
  ];
}

function trialFindings(trial: Trial, backend: BackendName): Finding[] {
  const kind = kinds[trial.family];
  if (trial.listener.kind === 'failed') {
    return [
      ok(`${kind}: not tested, since no listener can be opened here (${trial.listener.reason}).`),
    ];
  }
  const mine = trial.backends.find((backends) => backends.backend === backend);
  return mine === undefined ? [] : backendFindings(kind, mine, trial.backends);
}

function backendFindings(
  kind: string,
  mine: BackendTrial,
  all: readonly BackendTrial[],
): Finding[] {
  const worksOtherwise = all.some(({ sees }) => sees.kind === 'done' && sees.value);
  const bad = worksOtherwise ? degraded : problem;
  const { sees, reportsEnds } = mine;
  if (sees.kind === 'failed') {
    const reason = sees.code === 'ERR_ADDON' ? 'not available without the addon' : sees.reason;
    return [bad(`${kind}: ${reason}.`, remedies[mine.backend][sees.code] ?? null)];
  }
  if (!sees.value) {
    const text = `${kind}: answers, but does not see a listener that was opened to test it.`;
    return [
      bad(text, 'Its zeros are not accepted, since the same poll must also see the listener.'),
    ];
  }
  const works = ok(`${kind}: works, and sees a listener that was opened to test it.`);
  return [
    works,
    ...costOf(kind, mine),
    ...(reportsEnds === null ? [] : [endsOf(kind, reportsEnds)]),
  ];
}

function endsOf(kind: string, reportsEnds: boolean): Finding {
  return reportsEnds
    ? ok(`${kind}: the kernel reports when connections end.`)
    : degraded(
        `${kind}: the kernel does not report when connections end, so polls find out.`,
        null,
      );
}

function costOf(kind: string, { mode, degraded: reason }: BackendTrial): Finding[] {
  if (mode === null) {
    return [];
  }
  if (reason !== null) {
    return [degraded(`${kind}: ${reason}.`, 'Make /proc/net/snmp readable.')];
  }
  return mode === 'tracked'
    ? [ok(`${kind}: connections are tracked, so that a poll costs next to nothing.`)]
    : [degraded(`${kind}: each poll dumps the kernel's table, since ${modeReasons[mode]}.`, null)];
}

const modeReasons: Readonly<Record<Exclude<PollMode, 'tracked'>, string>> = {
  first: 'each was like the first',
  'counter-unreadable': "the kernel's counter of new connections cannot be read",
  'counter-moved': 'new connections keep arriving in this network namespace',
  settling: 'new connections keep arriving in this network namespace',
  'events-lost': 'too many connections end for the kernel to report each',
  cheaper: 'that is cheaper for so many connections',
  old: 'the tracked set was too old',
  unexpected: 'listeners or sockets changed in between',
};

const refused =
  'A seccomp profile or a security module refuses it: allow AF_NETLINK sockets to this container.';

// What usually causes an errno, and how to fix it.
const remedies: Readonly<Record<BackendName, Readonly<Record<string, string>>>> = {
  'sock-diag': {
    EPERM: refused,
    EACCES: refused,
    EAFNOSUPPORT: refused,
    EPROTONOSUPPORT: 'This kernel has no sock_diag, as under gVisor: only procfs is left.',
    ENOENT: 'On the host, load the modules tcp_diag, inet_diag and unix_diag.',
  },
  procfs: {
    EPERM: 'A security module refuses it: allow reading /proc/net to this container.',
    EACCES: 'A security module refuses it: allow reading /proc/net to this container.',
    ENOENT: 'Mount /proc here.',
  },
};

function processesFound({
  count,
  showsFirst,
  firstName,
  hidepid,
}: Extract<Diagnosis['processes'], { kind: 'done' }>['value']): Finding[] {
  const first = firstName === null ? '' : `, process 1 being ${firstName}`;
  const isOpen = hidepid === null || hidepid === '0' || hidepid === 'off';
  const what = `${count} ${count === 1 ? 'process is' : 'processes are'} visible${first}.`;
  if (showsFirst) {
    return [ok(what)];
  }
  const how = isOpen ? '' : ` (mounted with hidepid=${hidepid})`;
  return [
    degraded(
      `${what} Other users' processes are hidden${how}: a daemon that is gone cannot be detected.`,
      'Run as root or as the user of buildkitd, or mount /proc without hidepid.',
    ),
  ];
}
