import { createRandom, exponential, type Random } from '../../bench/accuracy/workload.ts';

/** What the stand-in daemon listens on, each with the addresses by which clients reach it. */
export const listeners = {
  unix: { address: 'unix:///run/buildkitd.sock', ways: ['unix:///run/buildkitd.sock'] },
  dual: { address: 'tcp://[::]:1234', ways: ['tcp://127.0.0.1:1234', 'tcp://[::1]:1234'] },
  v4: { address: 'tcp://127.0.0.1:1235', ways: ['tcp://127.0.0.1:1235'] },
  v6: { address: 'tcp://[::1]:1236', ways: ['tcp://[::1]:1236'] },
} as const;
export type EndpointName = keyof typeof listeners;
export const endpointNames = Object.keys(listeners) as EndpointName[];

export interface ClientPlan {
  readonly atMs: number;
  readonly lifeMs: number;
  readonly endpoint: EndpointName;
  readonly address: string;
  readonly end: 'close' | 'reset' | 'finish';
  /** Sends nothing, as a health check. */
  readonly hasSentNothing: boolean;
  /** Whether it belongs to the process that may be stopped or killed. */
  readonly isMortal: boolean;
}

/** An event beside the clients, at its time and for a while. */
export interface Incident {
  readonly kind:
    | 'restart-daemon'
    | 'stop-daemon'
    | 'stop-clients'
    | 'kill-clients'
    | 'build'
    | 'build-of-client'
    | 'hog'
    | 'beside';
  readonly atMs: number;
  readonly lifeMs: number;
}

export interface Fault {
  /** Stop the process, refuse it sock_diag, mount an empty /proc for it, or let it open no more descriptors. */
  readonly kind: 'stop' | 'refuse' | 'mask-proc' | 'no-descriptors';
  readonly atMs: number;
  readonly lifeMs: number;
}

export interface WaitPlan {
  readonly atMs: number;
  readonly rule: WaitRule;
  readonly faults: readonly Fault[];
  readonly signal: { readonly name: 'SIGTERM' | 'SIGINT'; readonly atMs: number } | null;
  /** Whether its log goes to a pipe that is not read. */
  readonly isUnread: boolean;
}

/** The options of a wait. All times are in milliseconds. */
export interface WaitRule {
  /** Null where it is to find them. */
  readonly endpoints: readonly EndpointName[] | null;
  readonly intervalMs: number;
  readonly quietPeriodMs: number;
  readonly probeGraceMs: number;
  readonly minWaitMs: number;
  readonly timeoutMs: number;
  readonly maxConnections: number;
  readonly backend: 'auto' | 'sock-diag' | 'procfs';
  readonly builds: 'auto' | 'off' | 'require';
  readonly logLevel: 'info' | 'debug';
}

/** A stretch of time with its clients, its waits, and the incidents and faults in it. */
export interface Stretch {
  readonly endpoints: readonly EndpointName[];
  readonly clients: readonly ClientPlan[];
  readonly incidents: readonly Incident[];
  readonly waits: readonly WaitPlan[];
  readonly lengthMs: number;
}

/** The n-th stretch in which waits begin, and end when all is quiet: the same for the same seed. */
export function planRound(seed: number, n: number): Stretch {
  const random = createRandom(seed * 7919 + n);
  const endpoints = someOf(random, endpointNames, 1);
  const lengthMs = between(random, 3000, 12_000);
  const quietPeriodMs = pick(random, [1000, 1500, 2000, 3000]);
  const waits = Array.from({ length: 2 + Math.floor(random() * 4) }, () =>
    planWait(random, endpoints, lengthMs, quietPeriodMs),
  );
  const unknownPeriods = random() < 0.4 ? unknownPeriod(random, endpoints, quietPeriodMs) : [];
  return {
    endpoints,
    clients: [
      ...unknownPeriods.map(({ client }) => client),
      ...arrivals(random, endpoints, lengthMs, pick(random, [80, 400, 1500, 4000])),
      ...burst(random, endpoints, lengthMs, 0.25),
      ...stragglers(random, endpoints, lengthMs, quietPeriodMs),
    ],
    incidents: incidents(random, lengthMs, 0.3),
    waits: [...waits, ...unknownPeriods.map(({ wait }) => wait)],
    lengthMs,
  };
}

/** The n-th stretch beside waits that last: no daemon ends, and no wait begins. */
export function planStretch(seed: number, n: number): Stretch {
  const random = createRandom(seed * 7919 + 104_729 * (n + 1));
  const lengthMs = 15_000;
  return {
    endpoints: endpointNames,
    clients: [
      ...arrivals(random, endpointNames, lengthMs, pick(random, [150, 400, 1500])),
      ...burst(random, endpointNames, lengthMs, 0.2),
    ],
    incidents: incidents(random, lengthMs, 0),
    waits: [],
    lengthMs,
  };
}

/** Faults for a wait that lasts, within one stretch. */
export function planFaults(seed: number, n: number, lengthMs: number): readonly Fault[] {
  const random = createRandom(seed * 7919 + 1_299_709 * (n + 1));
  return faults(random, 0, lengthMs - 4000, 0.25);
}

function planWait(
  random: Random,
  endpoints: readonly EndpointName[],
  lengthMs: number,
  quietPeriodMs: number,
): WaitPlan {
  const backend = pick(random, ['auto', 'auto', 'sock-diag', 'procfs'] as const);
  const atMs = between(random, 0, lengthMs);
  const timeoutMs = random() < 0.12 ? between(random, 2000, 6000) : 60_000;
  const isUnread = random() < 0.08;
  const signalAtMs = between(random, 500, lengthMs);
  return {
    atMs,
    rule: {
      endpoints: random() < 0.4 ? null : someOf(random, endpoints, 1),
      // Reading whole tables often would be all that the machine does.
      intervalMs: pick(random, backend === 'procfs' ? [200, 500] : [10, 20, 50, 100, 250, 1000]),
      quietPeriodMs,
      probeGraceMs: pick(random, [0, 200, 500, 1000]),
      minWaitMs: random() < 0.1 ? 5000 : 0,
      timeoutMs,
      maxConnections: random() < 0.15 ? 1 + Math.floor(random() * 3) : 0,
      backend,
      builds: pick(random, ['auto', 'auto', 'off', 'off', 'require']),
      logLevel: pick(random, ['info', 'debug']),
    },
    // Only the log reports when it has started.
    faults: isUnread ? [] : faults(random, atMs, lengthMs, 0.2),
    signal:
      !isUnread && random() < 0.06
        ? { name: pick(random, ['SIGTERM', 'SIGINT']), atMs: signalAtMs }
        : null,
    isUnread,
  };
}

/** A wait whose samples fail for longer than its quiet period, and a client that is connected meanwhile. */
function unknownPeriod(
  random: Random,
  endpoints: readonly EndpointName[],
  quietPeriodMs: number,
): { readonly wait: WaitPlan; readonly client: ClientPlan }[] {
  const planned = planWait(random, endpoints, 0, quietPeriodMs);
  const [backend, kind] = pick(random, [
    ['sock-diag', 'refuse'],
    ['procfs', 'mask-proc'],
    ['procfs', 'no-descriptors'],
  ] as const);
  const atMs = between(random, 3000, 4000);
  const lifeMs = quietPeriodMs + between(random, 1500, 3000);
  const intervalMs = pick(random, [100, 200, 250]);
  const rule = { ...planned.rule, endpoints: null, backend, intervalMs, maxConnections: 0 };
  const clientLifeMs = atMs + lifeMs + between(random, 100, 1000);
  return [
    {
      wait: {
        ...planned,
        atMs: 1000,
        rule,
        faults: [{ kind, atMs, lifeMs }],
        signal: null,
        isUnread: false,
      },
      client: {
        ...planClient(random, endpoints, 0, clientLifeMs),
        hasSentNothing: false,
        isMortal: false,
      },
    },
  ];
}

function faults(random: Random, fromMs: number, toMs: number, odds: number): Fault[] {
  const kinds = ['stop', 'refuse', 'mask-proc', 'no-descriptors'] as const;
  return kinds
    .filter(() => random() < odds)
    .map((kind) => ({
      kind,
      atMs: between(random, fromMs + 300, Math.max(fromMs + 400, toMs + 2000)),
      lifeMs: between(random, 50, 4000),
    }));
}

function arrivals(
  random: Random,
  endpoints: readonly EndpointName[],
  lengthMs: number,
  meanGapMs: number,
): ClientPlan[] {
  const clients: ClientPlan[] = [];
  for (let atMs = 0; atMs < lengthMs; atMs += exponential(random, meanGapMs)) {
    clients.push(planClient(random, endpoints, atMs, lifeMs(random)));
  }
  return clients;
}

function burst(
  random: Random,
  endpoints: readonly EndpointName[],
  lengthMs: number,
  odds: number,
): ClientPlan[] {
  const count = random() < odds ? between(random, 50, 300) : 0;
  const atMs = between(random, 0, lengthMs);
  return Array.from({ length: count }, () =>
    planClient(random, endpoints, atMs, between(random, 1, 2500)),
  );
}

/** Clients that come when the quiet period is about to end. */
function stragglers(
  random: Random,
  endpoints: readonly EndpointName[],
  lengthMs: number,
  quietPeriodMs: number,
): ClientPlan[] {
  const count = Math.floor(random() * 3);
  return Array.from({ length: count }, (_, index) => {
    const atMs = lengthMs + quietPeriodMs * (0.3 + random() * 0.9) * (index + 1);
    return planClient(random, endpoints, atMs, between(random, 20, 5000));
  });
}

function planClient(
  random: Random,
  endpoints: readonly EndpointName[],
  atMs: number,
  life: number,
): ClientPlan {
  const endpoint = pick(random, endpoints);
  return {
    atMs,
    lifeMs: life,
    endpoint,
    address: pick(random, listeners[endpoint].ways),
    end: pick(random, ['close', 'close', 'close', 'reset', 'finish']),
    hasSentNothing: random() < 0.08,
    isMortal: random() < 0.2,
  };
}

// As many between 1 and 10 ms as between 1 and 10 s.
function lifeMs(random: Random): number {
  return Math.round(10 ** (random() * 4));
}

function incidents(random: Random, lengthMs: number, restartOdds: number): Incident[] {
  const odds = {
    'restart-daemon': restartOdds,
    'stop-daemon': 0.12,
    'stop-clients': 0.2,
    'kill-clients': 0.2,
    build: 0.35,
    'build-of-client': 0.12,
    hog: 0.12,
    beside: 0.5,
  } as const;
  const kinds = Object.keys(odds) as Incident['kind'][];
  return kinds
    .filter((kind) => random() < odds[kind])
    .map((kind) => ({
      kind,
      atMs: between(random, 500, lengthMs),
      lifeMs: between(random, 20, 3000),
    }));
}

function someOf<Item>(random: Random, items: readonly Item[], least: number): Item[] {
  const some = items.filter(() => random() < 0.6);
  return some.length >= least ? some : [pick(random, items)];
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) {
    throw new RangeError('Expected at least one item to pick from but received none');
  }
  return item;
}

function between(random: Random, least: number, most: number): number {
  return Math.round(least + random() * (most - least));
}
