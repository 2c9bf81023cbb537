import { BackendError, type Endpoint, type Sample } from '../backends/types.ts';
import type { Knock } from '../builds/probe-api.ts';
import type { NotReady, Readiness } from './types.ts';

export interface CheckInput {
  /** One look at all endpoints. */
  readonly sample: Sample;
  /** Where the daemon was told to listen, and does not. */
  readonly unheard: readonly string[];
  /** Where each daemon that listens can be asked from here. */
  readonly daemons: readonly (readonly Endpoint[])[];
  /** Finds the marks of drains; null where drains don't matter. @throws BackendError */
  readonly findMarks: ((endpoints: readonly Endpoint[]) => readonly string[]) | null;
  readonly knock: (endpoint: Endpoint) => Promise<Knock>;
}

/**
 * Says whether the daemon serves. A listener proves nothing yet: the kernel takes connections for a
 * process that does nothing any more. So it has to answer, at each endpoint where it can be asked.
 */
export async function checkReadiness(input: CheckInput): Promise<Readiness> {
  return drainUnderWay(input) ?? deafness(input) ?? (await knockAtAll(input));
}

function drainUnderWay({ sample, findMarks }: CheckInput): NotReady | null {
  try {
    const marks = findMarks?.(sample.results.map(({ endpoint }) => endpoint)) ?? [];
    return marks.length > 0 ? { kind: 'draining', marks } : null;
  } catch (error) {
    if (error instanceof BackendError) {
      return { kind: 'drain-unknown', error };
    }
    throw error;
  }
}

function deafness({ sample, unheard, daemons }: CheckInput): NotReady | null {
  if (sample.kind === 'gone') {
    return { kind: 'gone' };
  }
  if (sample.kind === 'failed') {
    return { kind: 'failed', error: sample.error };
  }
  const silent = sample.results.filter(
    (result) => result.kind === 'polled' && result.snapshot.listenerInodes.length === 0,
  );
  if (silent.length > 0) {
    return { kind: 'silent', addresses: silent.map(({ endpoint }) => endpoint.address) };
  }
  if (unheard.length > 0) {
    return { kind: 'unheard', addresses: unheard };
  }
  return daemons.some((endpoints) => endpoints.length === 0)
    ? { kind: 'unreachable', addresses: sample.results.map(({ endpoint }) => endpoint.address) }
    : null;
}

async function knockAtAll({ sample, daemons, knock }: CheckInput): Promise<Readiness> {
  const knocks = await Promise.all(
    daemons.flat().map(async (endpoint) => ({ endpoint, came: await knock(endpoint) })),
  );
  for (const { endpoint, came } of knocks) {
    if (came.kind === 'unanswered') {
      const { error } = came;
      return { kind: 'unanswered', error, queued: queuedAt(sample, endpoint) };
    }
  }
  const where = (kind: Knock['kind']): Endpoint[] =>
    knocks.flatMap(({ endpoint, came }) => (came.kind === kind ? [endpoint] : []));
  return { kind: 'ready', answered: where('answered'), wanting: where('certificate-wanted') };
}

function queuedAt(sample: Sample, { address }: Endpoint): number {
  const connections = sample.kind === 'gone' ? [] : sample.connections;
  return connections.filter(({ endpoint, inode }) => endpoint === address && inode === 0).length;
}
