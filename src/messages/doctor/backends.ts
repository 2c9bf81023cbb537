import type { BackendName, PollMode } from '../../backends/types.ts';
import type { Diagnosis, Family, MeansTrial, Trial } from '../../doctor/types.ts';
import { capitalized } from '../words.ts';
import { degraded, type Finding, found, ok, problem, type Section } from './finding.ts';

const kinds: Readonly<Record<Family, string>> = {
  IPv4: 'TCP over IPv4',
  IPv6: 'TCP over IPv6',
  unix: 'Unix sockets',
};

/** What the addon and each means of looking are good for here. */
export function meansSections({ addon, trials, processes }: Diagnosis): Section[] {
  const byMeans = (backend: BackendName): readonly Finding[] =>
    found('Whether it works', trials, (all) => all.flatMap((trial) => told(trial, backend)));
  return [
    {
      title: 'Addon',
      findings:
        addon.kind === 'done'
          ? [ok(`Loaded ${addon.value.path}, built from ${addon.value.sourceHash.slice(0, 12)}.`)]
          : [degraded(`${capitalized(addon.reason)}.`, null)],
    },
    { title: 'sock_diag', findings: byMeans('sock-diag') },
    {
      title: 'procfs',
      findings: [...byMeans('procfs'), ...found('Which processes run', processes, processesFound)],
    },
  ];
}

function told(trial: Trial, backend: BackendName): Finding[] {
  const kind = kinds[trial.family];
  if (trial.listener.kind === 'failed') {
    return [ok(`${kind}: not tried, since none can be opened here (${trial.listener.reason}).`)];
  }
  const mine = trial.means.find((means) => means.backend === backend);
  return mine === undefined ? [] : toldOf(kind, mine, trial.means);
}

function toldOf(kind: string, mine: MeansTrial, all: readonly MeansTrial[]): Finding[] {
  const isSeenOtherwise = all.some(({ sees }) => sees.kind === 'done' && sees.value);
  const bad = isSeenOtherwise ? degraded : problem;
  const { sees, hearsEnds } = mine;
  if (sees.kind === 'failed') {
    const reason = sees.code === 'ERR_ADDON' ? 'not to be had without the addon' : sees.reason;
    return [bad(`${kind}: ${reason}.`, remedies[mine.backend][sees.code] ?? null)];
  }
  if (!sees.value) {
    const text = `${kind}: answers, but does not see a listener that was opened to try it.`;
    return [bad(text, 'Its zeros are not believed: a listener has to be seen with them.')];
  }
  const works = ok(`${kind}: works, and sees a listener that was opened to try it.`);
  return [works, ...costOf(kind, mine), ...(hearsEnds === null ? [] : [endsOf(kind, hearsEnds)])];
}

function endsOf(kind: string, hearsEnds: boolean): Finding {
  return hearsEnds
    ? ok(`${kind}: the kernel tells when connections end.`)
    : degraded(`${kind}: the end of a connection is not told, but found by looks.`, null);
}

function costOf(kind: string, { mode, degraded: reason }: MeansTrial): Finding[] {
  if (mode === null) {
    return [];
  }
  if (reason !== null) {
    return [degraded(`${kind}: ${reason}.`, 'Make /proc/net/snmp readable.')];
  }
  return mode === 'tracked'
    ? [ok(`${kind}: connections are kept track of, so that a look costs next to nothing.`)]
    : [degraded(`${kind}: looks walk the kernel's table, since ${modeReasons[mode]}.`, null)];
}

const modeReasons: Readonly<Record<Exclude<PollMode, 'tracked'>, string>> = {
  first: 'each one was like the first',
  'counter-unreadable': "the kernel's counter of new connections can't be read",
  'counter-moved': 'connections come all the time in this network namespace',
  settling: 'connections come all the time in this network namespace',
  'events-lost': 'too many connections end for the kernel to tell of each',
  cheaper: 'that is cheaper for so many connections',
  old: 'what was known was too old',
  unexpected: 'listeners or sockets changed in between',
};

const refused =
  'A seccomp profile or a security module refuses it: allow AF_NETLINK sockets to this container.';

// What may be behind an errno, in the words of whom can mend it.
const remedies: Readonly<Record<BackendName, Readonly<Record<string, string>>>> = {
  'sock-diag': {
    EPERM: refused,
    EACCES: refused,
    EAFNOSUPPORT: refused,
    EPROTONOSUPPORT: 'This kernel has no sock_diag, as under gVisor: procfs is what is left.',
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
  const what = `${count} ${count === 1 ? 'process is' : 'processes are'} in sight${first}.`;
  if (showsFirst) {
    return [ok(what)];
  }
  const how = isOpen ? '' : ` (mounted with hidepid=${hidepid})`;
  return [
    degraded(
      `${what} Other users' processes are hidden${how}: that the daemon is gone can't be told.`,
      'Run as root or as the user of buildkitd, or mount /proc without hidepid.',
    ),
  ];
}
