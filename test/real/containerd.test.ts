import { rmSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { startCli } from '../support/cli.ts';
import { blobFile, outside, socket, startContainerd } from '../support/containerd.ts';
import { printed, tcp } from './support/actors.ts';
import { isGiven, pathOf } from './support/binaries.ts';
import {
  containerdWorker,
  imageBuild,
  realActors,
  sleepFor,
  writeContext,
} from './support/buildkit.ts';
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
        const containerd = await startContainerd(stage.sandbox, pathOf('containerd'));
        await stage.startDaemon();
        const folder = writeContext(stage.sandbox, sleepFor(3));
        const command = imageBuild(tcp, folder, 'docker.io/library/scene:latest');
        const build = await stage.enter(() => stage.sandbox.start(command), { mayNotCount: false });
        await printed(build.process, ' running\n');
        await stage.judge(await stage.wait());
        expect(await build.ended).toBe(0);
        const whole = await verify(stage, '--digests');
        expect(whole).toMatchObject({ code: 0, answer: { state: 'whole' } });
        expect(whole.answer.blobs.checked).toBeGreaterThan(0);

        const [, digest = ''] = /^(sha256:\S+)/m.exec(await containerd.ctr('content', 'ls')) ?? [];
        rmSync(outside(stage.sandbox, blobFile(digest)));
        const damaged = await verify(stage);
        expect(damaged).toMatchObject({ code: 5, answer: { state: 'damaged' } });
        expect(damaged.answer.blobs.missing).toMatchObject([{ digest }]);
      },
    },
    () => realActors(pathOf('buildkitd'), containerdWorker),
  );
});
