import { countText } from '../render/numbers.ts';

/** Where a benchmark ran. */
export interface HostFacts {
  /** Version of buildkit-drain. */
  readonly version: string;
  readonly node: string;
  /** Whether it is the bundle, with its own Node.js. */
  readonly isBundle: boolean;
  readonly kernel: string;
  readonly arch: string;
  readonly cpuModel: string;
  readonly cpus: number;
  readonly memoryMib: number;
  /** Size of the host's hash table of TCP connections; null where the kernel does not export it. */
  readonly tcpHashBuckets: number | null;
}

/** Something that was not measured, or not as intended, and the reason. */
interface Remark {
  readonly what: string;
  readonly why: string;
}

/** What is known before the first measurement. */
export interface KnownFacts<Plan> {
  readonly plan: Plan;
  readonly date: string;
  readonly host: HostFacts;
  readonly isPrivate: boolean;
}

/** What the results of every benchmark contain. */
export interface RunResults<Plan> {
  readonly schema: 1;
  readonly command: string;
  readonly date: string;
  /** False when the run was interrupted. */
  readonly isComplete: boolean;
  readonly host: HostFacts;
  /** `isPrivate`: whether the benchmark had a network namespace of its own. */
  readonly network: { readonly isPrivate: boolean };
  readonly plan: Plan;
  readonly remarks: readonly Remark[];
}

/** The messages that every stage sends. */
export type RunMessage =
  | {
      readonly kind: 'progress';
      readonly step: number;
      readonly steps: number;
      readonly text: string;
    }
  | { readonly kind: 'remark'; readonly remark: Remark }
  | { readonly kind: 'end' };

/** One of the benchmarks. */
export interface Benchmark<Plan, Measurement, Results extends RunResults<Plan>> {
  /** The role of bench/helper.ts that measures. */
  readonly role: string;
  /** How long the stage may take to stop and clean up. */
  readonly longestStopMs: number;
  readonly empty: (known: KnownFacts<Plan>) => Results;
  /** The results with one more measurement. */
  readonly withMeasurement: (results: Results, measurement: Measurement) => Results;
}

/** The results after one more message from the stage. */
export function withMessage<
  Plan,
  Measurement extends { readonly kind: string },
  Results extends RunResults<Plan>,
>(
  { withMeasurement }: Benchmark<Plan, Measurement, Results>,
  results: Results,
  message: Measurement | RunMessage,
): Results {
  if (!isRunMessage(message)) {
    return withMeasurement(results, message);
  }
  switch (message.kind) {
    case 'progress':
      return results;
    case 'remark':
      return { ...results, remarks: withRemark(results.remarks, message.remark) };
    case 'end':
      return { ...results, isComplete: true };
  }
}

function isRunMessage(message: { readonly kind: string }): message is RunMessage {
  return ['progress', 'remark', 'end'].includes(message.kind);
}

/** A stage repeats a remark, for example for each size at which a program is not installed. */
function withRemark(remarks: readonly Remark[], remark: Remark): readonly Remark[] {
  const isKnown = remarks.some(({ what, why }) => what === remark.what && why === remark.why);
  return isKnown ? remarks : [...remarks, remark];
}

/** The line above a report: what was measured where. */
export function headlineOf(
  title: string,
  { host, network, isComplete, date }: RunResults<unknown>,
): string {
  const buckets =
    host.tcpHashBuckets === null ? '' : `, ${countText(host.tcpHashBuckets)} TCP hash buckets`;
  const where = network.isPrivate
    ? 'in a network namespace of its own'
    : 'in the existing network namespace';
  return [
    `${title}: buildkit-drain ${host.version}, ${host.isBundle ? "the bundle's " : ''}Node.js ${host.node},`,
    `Linux ${host.kernel} (${host.arch}), ${host.cpus} × ${host.cpuModel},`,
    `${countText(host.memoryMib)} MiB${buckets}; ${where}; ${date.slice(0, 10)}.`,
    ...(isComplete ? [] : ['The run was interrupted: these are the measurements up to then.']),
  ].join(' ');
}

/** The rows of a report's table of remarks. */
export function remarkRows({ remarks }: RunResults<unknown>): string[][] {
  return [['what', 'why'], ...remarks.map(({ what, why }) => [what, why])];
}
