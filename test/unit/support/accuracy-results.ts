import type {
  AccuracyResults,
  Detector,
  LifetimeScore,
  VerdictScore,
} from '../../../bench/accuracy/types.ts';
import { costResults } from './cost-results.ts';

const own: Detector = { method: 'tracked-events', transport: 'tcp', intervalMs: 100 };
const plain: Detector = { method: 'dump', transport: 'tcp', intervalMs: 1 };
const pipeline: Detector = { method: 'netstat', transport: 'tcp', intervalMs: 100 };

function lifetimeScore(changes: Partial<LifetimeScore>): LifetimeScore {
  return {
    ...plain,
    ...{ lifetime: '5ms', connections: 100, seen: 98, recall: 0.98, expectedRecall: 0.99 },
    ...{ standardError: 0.005, countError: 0.05, expectedCountError: 0.04, meanOpen: 0.5 },
    ...{ falseDetections: 0, polls: 1000, cpuPercent: 40 },
    arrivalMs: { median: 0.6, p99: 1.2, most: 3 },
    departureMs: { median: 0.5, p99: 1.1, most: 3 },
    achievedMs: { median: 1.4, p99: 2, most: 5 },
    ...changes,
  };
}

function verdictScore(changes: Partial<VerdictScore>): VerdictScore {
  return {
    ...plain,
    ...{ quietPeriodMs: 100, waits: 20, early: 0, missed: 0, unended: 0 },
    lateMs: { median: 1.5, p99: 2, most: 2 },
    ...changes,
  };
}

const empty = {
  ...{ lifetime: 'rest', connections: 0, seen: 0, recall: null, expectedRecall: null },
  ...{ standardError: null, countError: 0, arrivalMs: null, departureMs: null },
};

/** A run of two lifetimes, in which the pipeline did badly. */
export const accuracyResults: AccuracyResults = {
  schema: 1,
  command: 'buildkit-drain bench accuracy',
  date: '2026-11-21T09:00:00.000Z',
  isComplete: true,
  host: costResults.host,
  network: { isPrivate: true },
  plan: {
    ...{ seed: 1, lifetimes: [5, 'mix'], methods: ['tracked-events', 'dump', 'netstat'] },
    ...{ intervalsMs: [1, 100], phaseMs: 4000, ratePerSecond: 40, backgroundPerSecond: 10 },
    quietPeriodsMs: [0, 100],
  },
  sessions: [
    {
      detectors: [plain, own, pipeline],
      lifetimes: [
        {
          ...{ lifetime: '5ms', connections: 150, failed: 1 },
          livedMs: { median: 5.1, p99: 6, most: 9 },
          uncertaintyMs: { median: 0.3, p99: 1, most: 2 },
        },
      ],
      workloadCpuPercent: 10,
    },
  ],
  scores: [
    lifetimeScore({}),
    lifetimeScore({ lifetime: 'mix', recall: 0.9, cpuPercent: 60, countError: 0.15 }),
    lifetimeScore({ ...empty, cpuPercent: 30 }),
    ...['5ms', 'mix'].map((lifetime) =>
      lifetimeScore({
        ...{ ...own, lifetime, seen: 100, recall: 1, expectedRecall: 1, standardError: 0 },
        ...{ countError: 0.2, expectedCountError: null, cpuPercent: 0.5 },
      }),
    ),
    lifetimeScore({ ...own, ...empty, cpuPercent: 0.15 }),
    lifetimeScore({ ...pipeline, recall: 0.01, expectedRecall: 0.05, falseDetections: 7 }),
  ],
  verdicts: [
    verdictScore({ quietPeriodMs: 0 }),
    verdictScore({ missed: 1 }),
    verdictScore({ ...own, quietPeriodMs: 0, lateMs: { median: 0.2, p99: 1, most: 1 } }),
    verdictScore({ ...own, missed: 4 }),
    verdictScore({ ...pipeline, early: 3, unended: 2, lateMs: null }),
  ],
  remarks: [{ what: 'ss (tcp)', why: 'not installed' }],
};
