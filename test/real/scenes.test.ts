import { describe, vi } from 'vitest';
import { answers } from './scenes/answers.ts';
import { clients, silentClients } from './scenes/clients.ts';
import { commands } from './scenes/commands.ts';
import { daemons, unstamped } from './scenes/daemons.ts';
import { atOnce, chains } from './scenes/many.ts';
import { ways } from './scenes/ways.ts';
import { isGiven, pathOf } from './support/binaries.ts';
import { realActors } from './support/buildkit.ts';
import { play } from './support/scenes.ts';

vi.setConfig({ maxConcurrency: 3 });

describe.concurrent('buildkitd', () => {
  play(silentClients, () => realActors());
});

describe('buildkitd', () => {
  play({ ...ways, ...clients, ...daemons, ...commands, ...answers, ...atOnce, ...chains }, () =>
    realActors(),
  );
});

describe.runIf(isGiven('unstampedBuildkitd'))('buildkitd without a version', () => {
  play(unstamped, () => realActors(pathOf('unstampedBuildkitd')));
});
