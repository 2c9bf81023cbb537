import { describe } from 'vitest';
import { answers } from '../real/scenes/answers.ts';
import { clients } from '../real/scenes/clients.ts';
import { commands } from '../real/scenes/commands.ts';
import { daemons, unstamped } from '../real/scenes/daemons.ts';
import { ways } from '../real/scenes/ways.ts';
import { play } from '../real/support/scenes.ts';
import { standInActors } from '../real/support/stand-in.ts';

// What test/real plays with buildkitd itself, so that the stand-in is held to the same.

describe.concurrent('the stand-in plays as buildkitd does', () => {
  play({ ...ways, ...clients, ...daemons, ...commands, ...answers }, standInActors);
  play(unstamped, () => standInActors('unstamped'));
});
