import { rmSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { startCli } from '../support/cli.ts';
import { blobFile, outside, socket, startContainerd } from '../support/containerd.ts';
import { tcp } from './support/actors.ts';
import { isGiven, pathOf } from './support/binaries.ts';
import { containerdWorker, realActors } from './support/buildkit.ts';
import { play } from './support/scenes.ts';
import type { Stage } from './support/stage.ts';

async function verify({ sandbox }: Stage, ...args: readonly string[]) {
  const words = ['verify', '--json', '--containerd', socket, ...args];
  const { code, stdout } = await (await startCli(sandbox, words)).ended;
  return { code, answer: JSON.parse(stdout) };
}

describe.runIf(isGiven('containerd'))('buildkitd with a containerd worker', () => {
  play(
    {
      'a build by the containerd worker, and a blob of its store taken out': async (stage) => {
        await startContainerd(stage.sandbox, pathOf('containerd'));
        const daemon = await stage.startDaemon();
        const build = await stage.build(daemon, tcp);
        await stage.judge(await stage.wait());
        expect(await build.ended).toBe(0);
        await stage.untilRecorded(daemon, 1);
        const whole = await verify(stage, '--digests');
        expect(whole).toMatchObject({ code: 0, answer: { state: 'whole' } });
      },
    },
    () => realActors(pathOf('buildkitd'), containerdWorker),
  );
});
