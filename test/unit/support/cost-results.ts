import { figureOf } from '../../../bench/cost/statistics.ts';
import type { CostResults, PollCost } from '../../../bench/cost/types.ts';

function poll(method: string, pairs: number, clients: number, us: number, ratio: number): PollCost {
  return {
    method,
    pairs,
    clients,
    seen: clients,
    pollsPerRound: 10,
    cpuUs: figureOf([us, us, us * 1.2]),
    wallUs: figureOf([us * 2]),
    cpuRatio: figureOf([ratio]),
  };
}

/** The results of a run that never was. */
export const costResults: CostResults = {
  schema: 1,
  command: 'buildkit-drain bench cost',
  date: '2026-01-02T03:04:05.678Z',
  isComplete: true,
  host: {
    version: '1.2.3',
    node: 'v20.20.2',
    isBundle: false,
    kernel: '6.18.0',
    arch: 'x64',
    cpuModel: 'A CPU <fast & cheap>',
    cpus: 2,
    memoryMib: 24_106,
    tcpHashBuckets: 262_144,
  },
  network: { isPrivate: true, tcpSocketsBefore: 0 },
  plan: {
    pairs: [0, 8000],
    clients: [3, 100],
    rounds: 3,
    roundMs: 100,
    counts: 10,
    intervalsMs: [100, 1],
    windowMs: 60_000,
    leftOut: [3],
    processes: [300],
    starts: 1,
    exits: 2,
  },
  polls: [
    poll('sock_diag dump', 0, 3, 1000, 1),
    poll('netstat pipeline', 0, 3, 10_000, 10),
    poll('sock_diag dump', 8000, 3, 2000, 1),
    poll('netstat pipeline', 8000, 3, 240_000, 120),
    poll('sock_diag dump', 8000, 100, 2500, 1),
  ],
  counters: [poll('watchConnections', 8000, 3, 200, 1), poll('ss', 8000, 3, 8000, 40)],
  leftOut: [{ connections: 3, intervalMs: 100, ratio: 1.3, sliceRatio: figureOf([1.2, 1.3, 1.4]) }],
  discovery: [true, false].map((isGiven) => ({
    ...{ processes: 300, isGiven },
    ...{ firstSampleMs: figureOf([40]), cpuMs: figureOf([60, 70, 80]), blockedMs: figureOf([2]) },
  })),
  process: [
    {
      intervalMs: 100,
      clients: 3,
      windowMs: 60_001,
      waitCpuPercent: 0.24,
      timerCpuPercent: 0.16,
      ratio: 1.5,
      sliceRatio: figureOf([1.4, 1.5, 1.6]),
      waitPeakKib: 50 * 1024,
      timerPeakKib: 40 * 1024,
    },
    {
      intervalMs: 1,
      clients: 0,
      windowMs: 60_001,
      waitCpuPercent: 30,
      timerCpuPercent: 0,
      ratio: null,
      sliceRatio: null,
      waitPeakKib: 50 * 1024,
      timerPeakKib: 40 * 1024,
    },
  ],
  startUp: {
    waitMs: figureOf([30]),
    nodeMs: figureOf([20]),
    timeRatio: figureOf([1.5]),
    waitPeakKib: figureOf([45 * 1024]),
    nodePeakKib: figureOf([40 * 1024]),
    memoryRatio: figureOf([1.125]),
  },
  exit: { intervalMs: 100, quietPeriodMs: 1000, beyondMs: figureOf([10, 20]), mostMs: 20 },
  remarks: [{ what: 'ss', why: 'not installed' }],
};
