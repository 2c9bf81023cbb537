import { type HelperOptions, type HelperProcess, startHelper } from '../runner/helper-process.ts';
import { processCpuMs } from '../runner/proc.ts';
import { type TrueConnection, trueConnections, visibleMs } from './ground-truth.ts';
import type { ClientRecord } from './load.ts';
import type { Recording } from './recording.ts';
import { type FinishedPhase, scorePhases, timesOf, toFiveDigits } from './score.ts';
import type {
  AccuracyMeasurement,
  AccuracyStageInput,
  Detector,
  LifetimeFacts,
  SessionFacts,
} from './types.ts';
import { scoreVerdicts } from './verdicts.ts';
import { methodOf, type WatchCommand } from './watcher.ts';
import { type Phase, settleMs } from './workload.ts';
import { startWorkload, type WorkloadProcesses } from './workload-processes.ts';

type WatcherProcess = HelperProcess<WatchCommand, Recording | null>;

/** What a session works with. */
export interface AccuracyStage extends AccuracyStageInput {
  readonly env: Readonly<Record<string, string>>;
  readonly startStep: (text: string) => void;
  /** Resolves when the run is to stop. */
  readonly stopped: Promise<void>;
  /** Ends early, without an error, when the run is to stop. */
  readonly sleep: (durationMs: number) => Promise<void>;
}

// Between the command to connect and the first connections.
const leadMs = 20;

/**
 * Runs detectors at the same time on the same connections, and scores what they saw. When it is asked
 * to stop, it scores the phases that are over.
 */
export async function runSession(
  stage: AccuracyStage,
  detectors: readonly Detector[],
  phases: readonly Phase[],
): Promise<AccuracyMeasurement> {
  const workload = await startWorkload(unstopped(stage));
  const watchers = detectors.map(
    () => startHelper('accuracy-watcher', unstopped(stage)) as WatcherProcess,
  );
  try {
    await Promise.all(
      watchers.map((watcher, index) => {
        const detector = detectors[index] as Detector;
        return watcher.call({
          ...{ do: 'watch', detector, target: workload.target },
          ...{ quietPeriodsMs: stage.plan.quietPeriodsMs, searchPath: stage.searchPath },
        });
      }),
    );
    const record = await runPhases(stage, workload, phases);
    const recordings = await Promise.all(watchers.map((each) => each.call({ do: 'finish' })));
    const truths = await truthsOf(workload, record.finished);
    return messageOf(stage, detectors, recordings, record, truths);
  } finally {
    await Promise.all([workload, ...watchers].map((each) => each.close()));
  }
}

/** When the run is to stop, the processes have yet to return their records. */
function unstopped(stage: AccuracyStage): HelperOptions {
  return { ...stage, signal: new AbortController().signal };
}

/** A phase that is over. */
interface PhaseRecord {
  readonly phase: Phase;
  readonly fromMs: number;
  readonly toMs: number;
  readonly untilMs: number;
  readonly records: readonly ClientRecord[];
}

interface SessionRecord {
  readonly finished: readonly PhaseRecord[];
  readonly cpuPercent: number;
}

async function runPhases(
  { plan, signal, stopped, nowMs, sleep, startStep }: AccuracyStage,
  workload: WorkloadProcesses,
  phases: readonly Phase[],
): Promise<SessionRecord> {
  const cpuMs = (): number => workload.pids.reduce((sum, pid) => sum + processCpuMs(pid), 0);
  const ways = (arrival: Phase['arrivals'][number]): Phase['arrivals'][number] =>
    arrival.family === 'tcp6' && !workload.hasIpv6 ? { ...arrival, family: 'tcp4' } : arrival;
  const finished: PhaseRecord[] = [];
  const beganMs = nowMs();
  const cpuFromMs = cpuMs();
  let busyUntilMs = beganMs;
  let cpuToMs = cpuFromMs;
  for (const phase of phases) {
    startStep(phase.name);
    await workload.setBackground(phase.hasBackground ? plan.backgroundPerSecond : 0, plan.seed);
    await sleep(settleMs);
    const fromMs = nowMs() + leadMs;
    const connecting = workload.connect({ arrivals: phase.arrivals.map(ways), fromMs });
    await Promise.race([Promise.all([connecting, sleep(phase.durationMs + leadMs)]), stopped]);
    if (signal.aborted) {
      break;
    }
    const toMs = nowMs();
    if (phase.hasBackground) {
      busyUntilMs = toMs;
      cpuToMs = cpuMs();
    }
    await sleep(phase.quietAfterMs);
    finished.push({ phase, fromMs, toMs, untilMs: nowMs(), records: await connecting });
    if (signal.aborted) {
      break;
    }
  }
  const busyMs = Math.max(1, busyUntilMs - beganMs);
  return { finished, cpuPercent: ((cpuToMs - cpuFromMs) / busyMs) * 100 };
}

async function truthsOf(
  workload: WorkloadProcesses,
  finished: readonly PhaseRecord[],
): Promise<TrueConnection[][]> {
  const accepted = await workload.accepted();
  return finished.map(({ records }) => trueConnections(records, accepted));
}

function messageOf(
  { plan }: AccuracyStage,
  detectors: readonly Detector[],
  recordings: readonly (Recording | null)[],
  { finished, cpuPercent }: SessionRecord,
  truths: readonly (readonly TrueConnection[])[],
): AccuracyMeasurement {
  const endMs = finished.at(-1)?.untilMs ?? 0;
  const watched = detectors.flatMap((detector, at) => {
    const recording = recordings[at];
    const ofTransport = (truth: readonly TrueConnection[]): TrueConnection[] =>
      truth.filter(({ transport }) => transport === detector.transport);
    const phases = finished.map(
      ({ phase, fromMs, toMs, untilMs }, index): FinishedPhase => ({
        ...{ name: phase.name, fromMs, toMs, untilMs },
        truth: ofTransport(truths[index] ?? []),
      }),
    );
    return recording ? [{ detector, recording, phases }] : [];
  });
  return {
    kind: 'session',
    facts: factsOf(detectors, finished, truths, cpuPercent),
    scores: watched.flatMap(({ detector, recording, phases }) =>
      scorePhases(detector, methodOf(detector.method).hasEvents, recording, phases),
    ),
    verdicts: watched.flatMap(({ detector, recording, phases }) => {
      const truth = phases.flatMap((phase) => phase.truth);
      return scoreVerdicts(detector, truth, recording, plan.quietPeriodsMs, endMs);
    }),
  };
}

function factsOf(
  detectors: readonly Detector[],
  finished: readonly PhaseRecord[],
  truths: readonly (readonly TrueConnection[])[],
  cpuPercent: number,
): SessionFacts {
  const lifetimes = finished.map(({ phase, records }, index): LifetimeFacts => {
    const truth = truths[index] ?? [];
    return {
      lifetime: phase.name,
      connections: truth.length,
      failed: records.length - truth.length,
      livedMs: timesOf(truth.map(visibleMs)),
      uncertaintyMs: timesOf(truth.map(({ openFromMs, openToMs }) => openToMs - openFromMs)),
    };
  });
  return {
    detectors: detectors.map(({ method, transport, intervalMs }) => ({
      method,
      transport,
      intervalMs,
    })),
    lifetimes,
    workloadCpuPercent: toFiveDigits(cpuPercent),
  };
}
