import { type HelperOptions, type HelperProcess, startHelper } from '../runner/helper-process.ts';
import { processCpuMs } from '../runner/proc.ts';
import { type TrueConnection, trueConnections, visibleMs } from './ground-truth.ts';
import type { ClientRecord } from './load.ts';
import type { Recording } from './recording.ts';
import { type PlayedPhase, rounded, scorePhases, timesOf } from './score.ts';
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

// The first connections come a moment after the command to make them.
const leadMs = 20;

/**
 * Has detectors watch the same connections at the same time, and scores what they saw. Told to
 * stop, it scores the phases that are over.
 */
export async function playSession(
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
    const played = await playPhases(stage, workload, phases);
    const recordings = await Promise.all(watchers.map((each) => each.call({ do: 'finish' })));
    const truths = await truthsOf(workload, played.acts);
    return messageOf(stage, detectors, recordings, played, truths);
  } finally {
    await Promise.all([workload, ...watchers].map((each) => each.close()));
  }
}

/** Asked to stop, the processes have yet to hand over what they have. */
function unstopped(stage: AccuracyStage): HelperOptions {
  return { ...stage, signal: new AbortController().signal };
}

/** A phase that is over. */
interface Act {
  readonly phase: Phase;
  readonly fromMs: number;
  readonly toMs: number;
  readonly untilMs: number;
  readonly records: readonly ClientRecord[];
}

interface Played {
  readonly acts: readonly Act[];
  readonly cpuPercent: number;
}

async function playPhases(
  { plan, signal, stopped, nowMs, sleep, startStep }: AccuracyStage,
  workload: WorkloadProcesses,
  phases: readonly Phase[],
): Promise<Played> {
  const cpuMs = (): number => workload.pids.reduce((sum, pid) => sum + processCpuMs(pid), 0);
  const ways = (arrival: Phase['arrivals'][number]): Phase['arrivals'][number] =>
    arrival.way === 'tcp6' && !workload.hasIpv6 ? { ...arrival, way: 'tcp4' } : arrival;
  const acts: Act[] = [];
  const beganMs = nowMs();
  const cpuFromMs = cpuMs();
  let busyUntilMs = beganMs;
  let cpuToMs = cpuFromMs;
  for (const phase of phases) {
    startStep(phase.name);
    await workload.setBackground(phase.hasBackground ? plan.backgroundPerSecond : 0, plan.seed);
    await sleep(settleMs);
    const fromMs = nowMs() + leadMs;
    const playing = workload.play({ arrivals: phase.arrivals.map(ways), fromMs });
    await Promise.race([Promise.all([playing, sleep(phase.durationMs + leadMs)]), stopped]);
    if (signal.aborted) {
      break;
    }
    const toMs = nowMs();
    if (phase.hasBackground) {
      busyUntilMs = toMs;
      cpuToMs = cpuMs();
    }
    await sleep(phase.quietAfterMs);
    acts.push({ phase, fromMs, toMs, untilMs: nowMs(), records: await playing });
    if (signal.aborted) {
      break;
    }
  }
  const busyMs = Math.max(1, busyUntilMs - beganMs);
  return { acts, cpuPercent: ((cpuToMs - cpuFromMs) / busyMs) * 100 };
}

async function truthsOf(
  workload: WorkloadProcesses,
  acts: readonly Act[],
): Promise<TrueConnection[][]> {
  const accepted = await workload.accepted();
  return acts.map(({ records }) => trueConnections(records, accepted));
}

function messageOf(
  { plan }: AccuracyStage,
  detectors: readonly Detector[],
  recordings: readonly (Recording | null)[],
  { acts, cpuPercent }: Played,
  truths: readonly (readonly TrueConnection[])[],
): AccuracyMeasurement {
  const endMs = acts.at(-1)?.untilMs ?? 0;
  const watched = detectors.flatMap((detector, index) => {
    const recording = recordings[index];
    const ofTransport = (truth: readonly TrueConnection[]): TrueConnection[] =>
      truth.filter(({ transport }) => transport === detector.transport);
    const phases = acts.map(
      ({ phase, fromMs, toMs, untilMs }, act): PlayedPhase => ({
        ...{ name: phase.name, fromMs, toMs, untilMs },
        truth: ofTransport(truths[act] ?? []),
      }),
    );
    return recording ? [{ detector, recording, phases }] : [];
  });
  return {
    kind: 'session',
    facts: factsOf(detectors, acts, truths, cpuPercent),
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
  acts: readonly Act[],
  truths: readonly (readonly TrueConnection[])[],
  cpuPercent: number,
): SessionFacts {
  const lifetimes = acts.map(({ phase, records }, index): LifetimeFacts => {
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
    workloadCpuPercent: rounded(cpuPercent),
  };
}
