import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import {
  type Buildkitd,
  type ClientKind,
  type ClientOptions,
  startBuildkitd,
  startClient,
} from './buildkitd.ts';
import { type Cli, type LogLine, startCli } from './cli.ts';
import { machineMs } from './machine-time.ts';
import type { Sandbox, SandboxProcess } from './sandbox.ts';
import { it as itInSandbox } from './test.ts';
import { waitFor } from './wait-for.ts';

const table = readFileSync(new URL('../../docs/cases.md', import.meta.url), 'utf8');

/** What `--quiet-period` is in every scenario that sets no other. */
const quietPeriodMs = 2000;

/** How a wait has ended, and how long after the last build. */
export interface Ending {
  readonly code: number | null;
  readonly outcome: string;
  /** The events of its log, in order, without the debug lines. */
  readonly events: readonly string[];
  readonly text: string;
  readonly last: LogLine;
  readonly heldMs: number;
}

/** A daemon that speaks buildkitd's API, its clients, and the wait: each a process of its own. */
export interface Scenario {
  readonly sandbox: Sandbox;
  readonly openSandbox: () => Promise<Sandbox>;
  readonly buildkitd: Buildkitd;
  /** Starts a client with a build, and resolves when the daemon runs it. */
  readonly build: (
    address: string,
    options?: ClientOptions & { readonly kind?: ClientKind; readonly through?: readonly string[] },
  ) => Promise<SandboxProcess>;
  readonly wait: (...args: readonly string[]) => Promise<Cli>;
  /** Waits for the end, at which no build of these daemons may have run, or of the scenario's own. */
  readonly ending: (wait: Cli, ...daemons: readonly Buildkitd[]) => Promise<Ending>;
  /** The same, where the builds are not to be checked: held since the given moment. */
  readonly endingSince: (wait: Cli, sinceMs: number) => Promise<Ending>;
}

/** A scenario with a name that stands in the table of docs/cases.md. */
export const it = itInSandbox.extend<{ scenario: Scenario }>({
  scenario: async ({ sandbox, openSandbox, task, annotate }, use) => {
    expect(table).toContain(`| ${task.name} |`);
    const buildkitd = await startBuildkitd(sandbox);

    const endingSince = async (wait: Cli, sinceMs: number): Promise<Ending> => {
      const { code, outcome, logs } = await wait.ended;
      const heldMs = machineMs() - sinceMs;
      const logged = logs.filter(({ level }) => level !== 'debug');
      const text = logged.map(({ message }) => message).join('\n');
      await annotate(`exit ${code}, ${outcome}, held for ${(heldMs / 1000).toFixed(1)} s\n${text}`);
      const last = logs.at(-1);
      if (last === undefined) {
        throw new Error('The wait has logged nothing');
      }
      return {
        code,
        outcome,
        events: logged.map(({ event }) => String(event)),
        text,
        last,
        heldMs,
      };
    };

    await use({
      sandbox,
      openSandbox,
      buildkitd,
      build: (address, options) => startBuild(sandbox, buildkitd, address, options),
      wait: (...args) =>
        startCli(sandbox, [
          'wait',
          '--quiet-period',
          `${quietPeriodMs}ms`,
          '--log-to=stderr',
          ...args,
        ]),
      async ending(wait, ...daemons) {
        await wait.ended;
        const endedMs = machineMs();
        const asked = daemons.length > 0 ? daemons : [buildkitd];
        const records = await Promise.all(asked.map((each) => each.record()));
        const ends = records.flat().map((build) => build.endedMs);
        expect(ends).not.toContain(null);
        const lastMs = Math.max(...ends.map(Number));
        expect(endedMs).toBeGreaterThan(lastMs + quietPeriodMs);
        return endingSince(wait, lastMs + (machineMs() - endedMs));
      },
      endingSince,
    });
  },
});

let builds = 0;

export async function startBuild(
  sandbox: Sandbox,
  buildkitd: Buildkitd,
  address: string,
  options: Parameters<Scenario['build']>[1] = {},
): Promise<SandboxProcess> {
  builds += 1;
  const { kind = 'build', through, ref = `build-${builds}`, ...others } = options;
  const client = await startClient(sandbox, kind, address, { ...others, ref }, { through });
  await waitFor('the build', async () => (await buildkitd.builds()).includes(ref));
  return client;
}
