import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { printed, tcp, unix } from './support/actors.ts';
import { isGiven, pathOf } from './support/binaries.ts';
import { realActors, sleepFor, writeContext } from './support/buildkit.ts';
import { play, type Scenes } from './support/scenes.ts';

const gatewayClient = fileURLToPath(new URL('support/gateway.mjs', import.meta.url));

const gateway: Scenes = {
  'a container of the gateway that is held open': async (stage) => {
    const { sandbox } = stage;
    await stage.startDaemon();
    const command = [process.execPath, gatewayClient, tcp, '4000'];
    const client = await stage.enter(() => sandbox.start(command), { mayNotCount: false });
    await printed(client.process, 'running');
    await stage.judge(await stage.wait());
    expect(await client.ended).toBe(0);
    const lines = client.process
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual(['running', { second: 0 }, { first: 0 }, 'released', 'built']);
  },
};

const bake: Scenes = {
  'a bake with two targets': async (stage) => {
    const { sandbox } = stage;
    await stage.startDaemon();
    const folder = join(sandbox.directory, 'buildx');
    mkdirSync(folder);
    const env = { BUILDX_CONFIG: folder, HOME: folder };
    const buildx = (...words: readonly string[]) =>
      sandbox.start([pathOf('buildx'), ...words], { env });
    const create = ['create', '--name=real', '--driver=remote', unix];
    expect((await (await buildx(...create)).ended).code).toBe(0);
    const target = Object.fromEntries(
      [4, 6].map((seconds) => [
        `t${seconds}`,
        { context: writeContext(sandbox, sleepFor(seconds)) },
      ]),
    );
    const file = join(folder, 'bake.json');
    writeFileSync(file, JSON.stringify({ target }));
    const words = ['bake', '--builder=real', '--progress=plain', `--file=${file}`, 't4', 't6'];
    const client = await stage.enter(() => buildx(...words), { mayNotCount: true });
    await printed(client.process, ' running\n');
    const { text } = await stage.judge(await stage.wait());
    expect(text.includes('2 builds are running')).toBe(stage.isBelieved());
    expect(await client.ended).toBe(0);
  },
};

describe('a build that is not of buildctl', () => {
  play(gateway, () => realActors());
});

describe.runIf(isGiven('buildx'))('buildx', () => {
  play(bake, () => realActors());
});
