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
import type { Place, Resident } from './place.ts';
import { it as itInPlace } from './test.ts';
import { until } from './until.ts';

const table = readFileSync(new URL('../../docs/who-holds-the-wait.md', import.meta.url), 'utf8');

/** What `--quiet-period` is in every scene that does not say otherwise. */
const quietPeriodMs = 2000;

/** How a wait has ended, and how long after the last build. */
export interface Ending {
  readonly code: number | null;
  readonly outcome: string;
  /** What its log says, in order, without the debug lines. */
  readonly events: readonly string[];
  readonly text: string;
  readonly last: LogLine;
  readonly heldMs: number;
}

/** A daemon that speaks buildkitd's API, its clients, and the wait: each a process of its own. */
export interface WatchStatus {
  readonly place: Place;
  readonly openPlace: () => Promise<Place>;
  readonly buildkitd: Buildkitd;
  /** Starts a client with a build, and resolves when the daemon runs it. */
  readonly build: (
    address: string,
    options?: ClientOptions & { readonly kind?: ClientKind; readonly through?: readonly string[] },
  ) => Promise<Resident>;
  readonly wait: (...args: readonly string[]) => Promise<Cli>;
  /** Waits for the end, at which no build of these daemons may have run, or of the scene's own. */
  readonly ending: (wait: Cli, ...daemons: readonly Buildkitd[]) => Promise<Ending>;
  /** The same, where the builds are not to be looked at: held since the given moment. */
  readonly endingSince: (wait: Cli, sinceMs: number) => Promise<Ending>;
}

/** A scene whose name stands in the table of docs/who-holds-the-wait.md. */
export const it = itInPlace.extend<{ scene: WatchStatus }>({
  scene: async ({ place, openPlace, task, annotate }, use) => {
    expect(table).toContain(`| ${task.name} |`);
    const buildkitd = await startBuildkitd(place);

    const endingSince = async (wait: Cli, sinceMs: number): Promise<Ending> => {
      const { code, outcome, logs } = await wait.ended;
      const heldMs = machineMs() - sinceMs;
      const told = logs.filter(({ level }) => level !== 'debug');
      const text = told.map(({ message }) => message).join('\n');
      await annotate(`exit ${code}, ${outcome}, held for ${(heldMs / 1000).toFixed(1)} s\n${text}`);
      const last = logs.at(-1);
      if (last === undefined) {
        throw new Error('The wait has said nothing');
      }
      return { code, outcome, events: told.map(({ event }) => String(event)), text, last, heldMs };
    };

    await use({
      place,
      openPlace,
      buildkitd,
      build: (address, options) => startBuild(place, buildkitd, address, options),
      wait: (...args) =>
        startCli(place, [
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
  place: Place,
  buildkitd: Buildkitd,
  address: string,
  options: Parameters<WatchStatus['build']>[1] = {},
): Promise<Resident> {
  builds += 1;
  const { kind = 'build', through, ref = `build-${builds}`, ...others } = options;
  const client = await startClient(place, kind, address, { ...others, ref }, through);
  await until('the build', async () => (await buildkitd.builds()).includes(ref));
  return client;
}
