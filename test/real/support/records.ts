import { fileURLToPath } from 'node:url';
import type { Sandbox } from '../../support/sandbox.ts';

const program = fileURLToPath(new URL('answers.mjs', import.meta.url));

/** A build in the daemon's own history, with its times by the clock of the machine. */
interface BuildEvent {
  readonly type: 'STARTED' | 'COMPLETE' | 'DELETED';
  readonly ref: string;
  /** Of gRPC; null for a build without an error. */
  readonly errorCode: number | null;
  readonly createdMs: number;
  /** Null while it runs. */
  readonly completedMs: number | null;
}

/** What a daemon says of itself and its builds; codes are those of gRPC. */
export interface Answers {
  readonly info: {
    readonly code: number;
    readonly package: string | null;
    readonly version: string | null;
  };
  readonly history: {
    readonly code: number;
    readonly details: string;
    readonly events: readonly BuildEvent[];
  };
}

/** Asks the daemon at an address, by a connection of a process of its own. */
export async function askDaemon(
  sandbox: Sandbox,
  address: string,
  ...activeOnly: readonly 'active-only'[]
): Promise<Answers> {
  const asking = await sandbox.start([process.execPath, program, address, ...activeOnly]);
  const { code, stdout, stderr } = await asking.ended;
  if (code !== 0) {
    throw new Error(`${address} cannot be asked: ${stderr}`);
  }
  return JSON.parse(stdout);
}
