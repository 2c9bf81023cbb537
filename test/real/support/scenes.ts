import { it } from '../../support/test.ts';
import type { Actors } from './actors.ts';
import { createStage, type Stage } from './stage.ts';

/** What is played, by its name, with buildkitd itself and with the stand-in for it. */
export type Scenes = Readonly<Record<string, (stage: Stage) => Promise<void>>>;

/** Makes a test of each scene. */
export function play(scenes: Scenes, actors: () => Actors): void {
  it.for(Object.entries(scenes))(
    '%s',
    async ([, scene], { sandbox, openSandbox, annotate, skip }) => {
      await scene(createStage(actors(), sandbox, openSandbox, { annotate, skip }));
    },
  );
}
