import { describe, vi } from 'vitest';
import { answers } from '../real/scenes/answers.ts';
import { silentClients } from '../real/scenes/clients.ts';
import { commands } from '../real/scenes/commands.ts';
import { daemons } from '../real/scenes/daemons.ts';
import { atOnce, chains } from '../real/scenes/many.ts';
import { ways } from '../real/scenes/ways.ts';
import { play } from '../real/support/scenes.ts';
import { standInActors } from '../real/support/stand-in.ts';

// The scenes that take long, or many processes; and those of an old version.
vi.setConfig({ testTimeout: 240_000 });

describe.concurrent('the stand-in plays as buildkitd does, for long', () => {
  play({ ...silentClients, ...atOnce, ...chains }, standInActors);
});

describe.concurrent('the stand-in plays as buildkitd v0.12.3 does', () => {
  play({ ...ways, ...daemons, ...commands, ...answers, ...atOnce }, () => standInActors('v0.12.3'));
});
