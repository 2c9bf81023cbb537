import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { startCli } from '../support/cli.ts';
import { outside } from '../support/containerd.ts';
import { tcp, unix } from './support/actors.ts';
import { imageBuild, realActors, sleepFor, writeContext } from './support/buildkit.ts';
import { play } from './support/scenes.ts';
import type { Stage } from './support/stage.ts';

async function verify({ sandbox }: Stage, ...args: readonly string[]) {
  const { code, stdout } = await (await startCli(sandbox, ['verify', '--json', ...args])).ended;
  return { code, answer: JSON.parse(stdout) };
}

describe('verify', () => {
  play(
    {
      'a store with a blob taken out': async (stage) => {
        await stage.startDaemon();
        const folder = writeContext(stage.sandbox, sleepFor(0));
        const build = await stage.sandbox.start(imageBuild(tcp, folder, 'scene'));
        expect((await build.ended).code).toBe(0);
        const whole = await verify(stage, '--digests', '--addr', unix);
        expect(whole).toMatchObject({ code: 0, answer: { state: 'whole' } });
        expect(whole.answer.blobs.checked).toBeGreaterThan(0);

        const blobs = outside(stage.sandbox, '/run/root/runc-native/content/blobs/sha256');
        const sizeOf = (name: string): number => statSync(join(blobs, name)).size;
        // The layer with busybox.
        const [name = ''] = readdirSync(blobs).sort((one, other) => sizeOf(other) - sizeOf(one));
        rmSync(join(blobs, name));
        const damaged = await verify(stage, '--addr', unix);
        expect(damaged).toMatchObject({ code: 5, answer: { state: 'damaged' } });
        expect(damaged.answer.blobs.missing).toMatchObject([{ digest: `sha256:${name}` }]);
      },
    },
    () => realActors(),
  );
});
