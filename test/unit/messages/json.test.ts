import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BackendError, type Sample } from '../../../src/backends/types.ts';
import type { TrackedConnection } from '../../../src/drain/tracked.ts';
import type {
  DrainEvent,
  DrainOutcome,
  DrainStatus,
  WatchEvent,
} from '../../../src/drain/types.ts';
import { eventEntry, waitView, watchView } from '../../../src/messages/events.ts';
import { createLog, type LogEntry } from '../../../src/messages/log/log.ts';
import { monitorEntry } from '../../../src/messages/monitor.ts';
import { gaveUpEntry, outcomeEntry } from '../../../src/messages/outcome.ts';
import { podDeadlineEntry, podMarkEntry } from '../../../src/messages/own-pod.ts';
import {
  failureEntry,
  mistakeEntry,
  noDeadlineEntry,
  oldNodeEntry,
  restartEntry,
  uncaughtEntry,
} from '../../../src/messages/problems.ts';
import { runEntry } from '../../../src/messages/run.ts';
import {
  acceptanceAnswer,
  noWaitAnswer,
  outcomeAnswer,
  readinessAnswer,
  refusalAnswer,
  servingAnswer,
} from '../../../src/messages/serve/answers.ts';
import { type ServeNotice, serveEntry } from '../../../src/messages/serve/events.ts';
import { statusJson } from '../../../src/messages/status.ts';
import { progressEntry, removalEntry, verifiedEntry } from '../../../src/messages/verify/events.ts';
import { verifyJson } from '../../../src/messages/verify/json.ts';
import type { WaitNotice } from '../../../src/monitor/types.ts';
import { drainDefaults } from '../../../src/options/drain-config.ts';
import type { RunEvent } from '../../../src/run/supervise.ts';
import type { ServerEvent } from '../../../src/serve/types.ts';
import type { BrokenBlob, StoreReport } from '../../../src/verify/types.ts';
import { notReached } from '../../../src/verify/verify.ts';
import {
  baseType,
  checkedRecords,
  events,
  page,
  records,
  wrongInLine,
  wrongInRecord,
} from '../../support/json-page.ts';
import {
  client,
  counted,
  failed,
  gone,
  runs,
  tcpEndpoint,
  traffic,
  unknownBuilds,
} from '../support/samples.ts';

const config = drainDefaults();

const error = new BackendError('EPERM', 'socket', 'socket failed with EPERM');
const entry: TrackedConnection = {
  key: '1',
  connection: client('10.0.0.5:43210'),
  firstSeenMs: 100.4,
  isArrivalSeen: false,
  traffic: { latest: traffic(), silentSinceMs: 200.6 },
  kind: 'client',
};
const queued: TrackedConnection = {
  ...{ key: '2', connection: client(null, { inode: 0 }), firstSeenMs: 500 },
  ...{ isArrivalSeen: true, traffic: null, kind: 'pending' },
};
const named = { listeners: [5], builds: [{ ref: 'a', startedAtMs: 1000 }], askedMs: 10 };
const status: DrainStatus = {
  nowMs: 1000.7,
  waitedMs: 999.6,
  sample: counted(entry.connection, queued.connection),
  clients: [entry],
  pending: [queued],
  all: [entry, queued],
  notCounted: [{ ...entry, kind: 'health-check' }],
  builds: runs('a', 'b'),
  buildsAskedMs: 900,
  namedBuilds: [named],
  quietForMs: 10.5,
};
const failedSample: Sample = {
  ...failed(),
  results: [{ kind: 'failed', endpoint: tcpEndpoint, error }],
};
const unknown: DrainStatus = {
  ...status,
  ...{ sample: failedSample, quietForMs: null, builds: unknownBuilds(), clients: [] },
};

type OfKind<Event, Kind> = Event extends { readonly kind: infer Own }
  ? Kind extends Own
    ? Event
    : never
  : never;

/** Samples of every event of a union. */
type ByKind<Event extends { readonly kind: string }> = {
  readonly [Kind in Event['kind']]: readonly OfKind<Event, Kind>[];
};

const ofWaits: ByKind<DrainEvent | WatchEvent> = {
  started: [
    { kind: 'started', ...status },
    { kind: 'started', ...unknown },
  ],
  progress: [{ kind: 'progress', ...status }],
  changed: [{ kind: 'changed', before: 3, arrived: [entry], left: [queued], ...status }],
  'not-counted': [{ kind: 'not-counted', entry, ...status }],
  'counted-again': [{ kind: 'counted-again', entry, ...unknown }],
  counted: [{ kind: 'counted', entry, ...status }],
  builds: [
    { kind: 'builds', answer: runs('a'), namedBuilds: [named], nowMs: 20.5 },
    { kind: 'builds', answer: unknownBuilds(), namedBuilds: [], nowMs: 20.5 },
  ],
  'named-builds-expired': [{ kind: 'named-builds-expired', named, reason: 'too-old' }],
  'build-recorded': [{ kind: 'build-recorded', endedAgoMs: 3.5 }],
  'short-lived-clients': [
    {
      kind: 'short-lived-clients',
      clients: [{ peer: null, peerAddress: null, bytesReceived: null }],
    },
  ],
  'between-polls': [{ kind: 'between-polls', more: 1, total: 2 }],
  'count-failed': [{ kind: 'count-failed', error, seen: 1 }],
  'count-recovered': [{ kind: 'count-recovered', lostForMs: 1.5, ...status }],
  'sampling-gap': [{ kind: 'sampling-gap', gapMs: 1.5 }],
  gone: [{ kind: 'gone' }],
  back: [{ kind: 'back', ...status }],
};

const addresses = ['tcp://:1'];
const polled = { endpoint: tcpEndpoint, backend: 'procfs' } as const;
const skipped = { backend: 'sock-diag', reason: 'refused' } as const;
const ofMonitor: ByKind<WaitNotice> = {
  'daemon-found': [
    { kind: 'daemon-found', pid: 1, isGiven: true, isListening: true, endpoints: addresses },
  ],
  'daemon-not-found': [
    { kind: 'daemon-not-found', reason: null, isTriedAgain: false, endpoints: addresses },
  ],
  'daemons-skipped': [{ kind: 'daemons-skipped', pids: [1], areOthersFound: false }],
  'daemon-in-other-netns': [{ kind: 'daemon-in-other-netns', pid: 1 }],
  'addresses-not-given': [{ kind: 'addresses-not-given', pid: 1, addresses }],
  'address-not-listening': [{ kind: 'address-not-listening', pid: 1, addresses }],
  'address-unnameable': [{ kind: 'address-unnameable', pid: 1, addresses }],
  'descriptors-unreadable': [{ kind: 'descriptors-unreadable', pid: 1 }],
  'config-unreadable': [{ kind: 'config-unreadable', pid: 1, path: '/a', reason: 'b' }],
  'tables-unreadable': [{ kind: 'tables-unreadable', pid: 1, reason: 'b' }],
  'endpoints-added': [{ kind: 'endpoints-added', endpoints: addresses }],
  'endpoints-dropped': [{ kind: 'endpoints-dropped', endpoints: addresses }],
  'listener-gone': [{ kind: 'listener-gone', endpoints: addresses }],
  'variable-ignored': [{ kind: 'variable-ignored', variable: 'A', reason: 'b' }],
  'backend-chosen': [
    { kind: 'backend-chosen', ...polled, skipped: null },
    { kind: 'backend-chosen', ...polled, skipped },
  ],
  'backend-switched': [{ kind: 'backend-switched', ...polled, skipped }],
  'backend-degraded': [
    { kind: 'backend-degraded', ...polled, degraded: null },
    { kind: 'backend-degraded', ...polled, degraded: 'dear' },
  ],
  'drain-marker-failed': [{ kind: 'drain-marker-failed', reason: 'a' }],
};

const ofRun: ByKind<RunEvent> = {
  'run-started': [{ kind: 'run-started', pid: 1, program: 'buildkitd' }],
  'run-draining': [{ kind: 'run-draining', pid: 1, signal: 'SIGTERM' }],
  'run-skipped': [{ kind: 'run-skipped', signal: 'SIGTERM' }],
  'run-stopping': [{ kind: 'run-stopping', pid: 1 }],
  'run-ended': [
    { kind: 'run-ended', pid: 1, end: { kind: 'exited', code: 0 } },
    { kind: 'run-ended', pid: 1, end: { kind: 'killed', signal: 'SIGKILL' } },
  ],
  'run-unknown': [{ kind: 'run-unknown', reason: 'a', restMs: 1.5 }],
  'run-not-reaping': [{ kind: 'run-not-reaping', reason: 'a' }],
};

const ofServe: ByKind<ServeNotice | ServerEvent> = {
  'agent-check': [{ kind: 'agent-check', address: '[::]:1' }],
  serving: [{ kind: 'serving', url: 'http://[::]:1', paths: ['/drain'] }],
  stopping: [{ kind: 'stopping', signal: 'SIGTERM', for: 'late-hook', patienceMs: 5000 }],
  interrupting: [{ kind: 'interrupting', signal: 'SIGTERM' }],
  'poll-failed': [{ kind: 'poll-failed', error }],
  'internal-error': [{ kind: 'internal-error', error }],
  request: [{ kind: 'request', peer: 'a', method: 'GET', path: '/', status: null, tookMs: 1.5 }],
  'bad-request': [{ kind: 'bad-request', peer: '', code: 'HPE_INVALID' }],
  'connection-limit': [{ kind: 'connection-limit', peer: 'a', most: 512, isFirst: true }],
};

const stats = { ...status, polls: 4, mostConnections: null, probes: 0 };
const outcomes: ByKind<DrainOutcome> = {
  drained: [{ kind: 'drained', ...stats }],
  gone: [{ kind: 'gone', ...stats, sample: gone }],
  'nothing-found': [{ kind: 'nothing-found', ...stats, sample: { ...gone, wasThere: false } }],
  'timed-out': [{ kind: 'timed-out', ...stats, quietForMs: 3.5 }],
  unknown: [{ kind: 'unknown', ...stats, sample: failedSample, error }],
  interrupted: [{ kind: 'interrupted', ...stats, sample: null, reason: 'SIGTERM' }],
};

const usedBy = [{ kind: 'image', name: 'a' }] as const;
const broken: BrokenBlob = {
  ...{ kind: 'missing', digest: 'sha256:a', expectedBytes: 2, foundBytes: null, usedBy },
};
const image = {
  ...({ name: 'a', digest: 'sha256:a', state: 'damaged', isIncomplete: true } as const),
  ...{ brokenBlobs: ['sha256:a'], brokenSnapshots: ['b'] },
};
const unchecked = [{ name: 'a', error }];
const ofContainerd: StoreReport = {
  ...{ store: 'unix:///a', namespace: 'k8s.io', images: [image], removed: ['a'], error },
  blobs: {
    ...{ checked: 4, bytes: 8, unchecked },
    broken: [broken, { ...broken, kind: 'short', foundBytes: 1 }, { ...broken, kind: 'corrupt' }],
  },
  snapshots: {
    ...{ checked: 2, folders: 3, unchecked },
    broken: [{ snapshotter: 'a', key: 'b', kind: 'folder-missing', folders: ['/c'], usedBy }],
  },
};
const verified: readonly (readonly StoreReport[])[] = [
  [ofContainerd],
  [notReached('unix:///a', null), notReached('tcp://a:1', error)],
  [notReached('unix:///a', null), { ...ofContainerd, namespace: null }],
];
const progress = { store: 'unix:///a', blobs: 1, allBlobs: 2, bytes: null, allBytes: 3 };

function all<Item>(byKind: Readonly<Record<string, readonly Item[]>>): Item[] {
  return Object.values(byKind).flat();
}

const entries: readonly LogEntry[] = [
  ...all<DrainEvent | WatchEvent>(ofWaits).flatMap((event) => [
    eventEntry(event, waitView(config)),
    eventEntry(event, watchView),
  ]),
  ...all<DrainOutcome>(outcomes).map((outcome) => outcomeEntry(outcome, config, 1)),
  gaveUpEntry('a', null),
  ...all<WaitNotice>(ofMonitor).map(monitorEntry),
  ...all<RunEvent>(ofRun).map(runEntry),
  ...all<ServeNotice | ServerEvent>(ofServe).map(serveEntry),
  podDeadlineEntry({ kind: 'known', leftMs: 1, graceMs: 2 }, 1.5),
  podDeadlineEntry({ kind: 'not-deleted' }, 1),
  podDeadlineEntry({ kind: 'passed' }, 1),
  podDeadlineEntry({ kind: 'unknown', error }, null),
  podMarkEntry({ kind: 'pod-marked', mark: 'idle' }),
  podMarkEntry({ kind: 'pod-mark-failed', mark: 'busy', error, retryInMs: 1 }),
  ...verified.map(verifiedEntry),
  progressEntry(progress, null),
  progressEntry({ ...progress, bytes: 1 }, 0.5),
  removalEntry(image),
  mistakeEntry({ level: 'warn', message: 'a', instead: 'b', isOurs: true }),
  noDeadlineEntry(),
  oldNodeEntry('v16.20.2'),
  restartEntry(error),
  uncaughtEntry(error),
  failureEntry('a', 2),
];

// Made where the log is opened: what writes them has no function that a test could call.
const ofLogs = ['log-failed', 'log-lost'];

function lineOf(logged: LogEntry): Record<string, unknown> {
  let line = '';
  const now = (): Date => new Date();
  const write = (text: string): void => {
    line = text;
  };
  createLog({ format: 'json', level: 'debug', prefix: '', now, write })(logged);
  return JSON.parse(line);
}

describe('docs/json.md', () => {
  it('has each event that the code makes, with these fields and types, and no other', () => {
    expect(entries.flatMap((made) => wrongInLine(lineOf(made)))).toEqual([]);
    const made = entries.map(({ fields }) => fields.event);
    expect([...events.keys()].sort()).toEqual([...new Set([...made, ...ofLogs])].sort());
  });

  it('lists each event that the code names', () => {
    const names = sourceFiles().flatMap((text) =>
      [...text.matchAll(/\bevent: '([a-z-]+)'/g)].map(([, name = '']) => name),
    );
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !events.has(name))).toEqual([]);
  });

  it('has each answer, with these fields and types, and no other record', () => {
    const tracked: TrackedConnection[] = [entry, queued, { ...entry, kind: 'ignored' }];
    const answers: [string, string][] = [
      ...[status, unknown].map(({ sample, builds }): [string, string] => [
        'status --json',
        statusJson({
          ...{ sample, tracked, nowMs: 1000, clients: 2, builds, ageMs: 3.5 },
          notices: [noDeadlineEntry()],
        }),
      ]),
      ...all<DrainOutcome>(outcomes).map((outcome): [string, string] => [
        'GET /drain',
        outcomeAnswer(outcome, outcomeEntry(outcome, config, 1), 3).body,
      ]),
      ['GET /drain', noWaitAnswer('a').body],
      ...[...[counted(), failedSample, gone], null].map((sample): [string, string] => [
        'GET /readyz',
        readinessAnswer(sample && { ...status, sample, ageMs: 3.5 }).body,
      ]),
      ...(['wait', 'drain-marker', 'recent-drain', null] as const).map(
        (reason): [string, string] => [
          'GET /accepting',
          acceptanceAnswer({ reason, error: reason === null ? error : null }).body,
        ],
      ),
      ['GET /healthz', servingAnswer().body],
      ...([400, 404, 405, 408, 431, 500] as const).map((code): [string, string] => [
        'Refused requests',
        refusalAnswer({ status: code, expected: 'a', received: 'b' }).body,
      ]),
      ...verified.map((reports): [string, string] => ['verify --json', verifyJson(reports)]),
    ];
    expect(answers.flatMap(([name, body]) => wrongInRecord(name, JSON.parse(body)))).toEqual([]);
    const ofCli = ['GET /connections', 'doctor --json', 'Section', 'Finding'];
    expect([...records.keys()].filter((name) => !checkedRecords.has(name)).sort()).toEqual(
      [...ofCli, 'State'].sort(),
    );
  });

  it('has in the answer of verify what is broken in any of several stores', () => {
    const { blobs, snapshots } = JSON.parse(verifyJson(verified[2] ?? []));
    const store = 'unix:///a';
    expect(blobs).toMatchObject({ checked: 4, missing: [{ store }], unchecked: [{ store }] });
    expect(snapshots).toMatchObject({ checked: 2, checkedFolders: 3, broken: [{ store }] });
  });

  it('has examples that are such lines', () => {
    const examples = [...page.matchAll(/^```json\n(.*?)\n```$/gms)].map(([, text = '']) => text);
    expect(examples.length).toBeGreaterThan(0);
    expect(examples.flatMap((text) => wrongInLine(JSON.parse(text)))).toEqual([]);
  });

  it('gives a field one type everywhere', () => {
    const types = new Map<string, Set<string>>();
    for (const fields of [...events.values(), ...records.values()]) {
      for (const [field, type] of fields) {
        types.set(field, (types.get(field) ?? new Set()).add(baseType(type)));
      }
    }
    expect([...types].filter(([, found]) => found.size > 1)).toEqual([]);
  });
});

function sourceFiles(): string[] {
  const root = new URL('../../../src/', import.meta.url);
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(new URL(path, root), 'utf8'));
}
