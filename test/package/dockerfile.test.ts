import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Dockerfile, DockerfileParser, Label } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest';
import { type MadeBundle, makeBundle } from '../support/bundle.ts';
import { it } from '../support/test.ts';

const text = readFileSync('Dockerfile', 'utf8');
const dockerfile: Dockerfile = DockerfileParser.parse(text);
const images = ['folder', 'buildkit', 'buildkit-rootless', 'sidecar'];
const inImage = '/opt/buildkit-drain';

interface Stage {
  readonly name: string;
  /** What it begins with, its arguments filled in with their defaults. */
  readonly base: string;
  readonly instructions: ReturnType<Dockerfile['getInstructions']>;
}

function readStages(): Stage[] {
  const all = dockerfile.getInstructions();
  const froms = dockerfile.getFROMs();
  return froms.map((from, n) => {
    const begin = all.findIndex(
      (each) => each.getRange().start.line === from.getRange().start.line,
    );
    const next = froms[n + 1]?.getRange().start.line ?? Number.POSITIVE_INFINITY;
    const instructions = all.slice(begin + 1).filter((each) => each.getRange().start.line < next);
    return {
      name: from.getBuildStage() ?? '',
      base: filledIn(from.getImage() ?? ''),
      instructions,
    };
  });
}

function filledIn(image: string): string {
  const defaults = new Map(
    dockerfile.getInitialARGs().map((each) => {
      const property = each.getProperty();
      return [property?.getName(), property?.getValue() ?? ''];
    }),
  );
  const filled = image.replaceAll(/\$\{(\w+)\}/g, (_, name) => defaults.get(name) ?? '');
  return filled === image ? image : filledIn(filled);
}

const stages = readStages();

function stageCalled(name: string): Stage {
  const found = stages.find((stage) => stage.name === name);
  if (found === undefined) {
    throw new Error(`The Dockerfile has no stage ${name}`);
  }
  return found;
}

function argumentsOf(stage: string, keyword: string): string[] {
  return stageCalled(stage)
    .instructions.filter((each) => each.getKeyword() === keyword)
    .map((each) => each.getArgumentsContent() ?? '');
}

/** Those of OCI's annotations, without the prefix of all. */
function labelsOf(stage: string): Record<string, string | undefined> {
  const labels = stageCalled(stage)
    .instructions.filter((each) => each instanceof Label)
    .flatMap((each) => each.getProperties())
    .map((each): [string, string] => [
      each.getName().replace('org.opencontainers.image.', ''),
      filledIn(each.getValue() ?? ''),
    ]);
  return Object.fromEntries(labels);
}

function commandOf(stage: string, keyword: 'ENTRYPOINT' | 'CMD'): string[] {
  return JSON.parse(argumentsOf(stage, keyword)[0] ?? '[]') as string[];
}

describe('the Dockerfile', () => {
  it('has nothing that a linter finds wrong', () => {
    expect(validate(text)).toEqual([]);
  });

  it('has a stage for each image', () => {
    expect(stages.map(({ name }) => name)).toEqual(['build', ...images]);
  });

  it('begins every stage with nothing, or with an exact version', () => {
    for (const { base } of stages) {
      expect(base).toMatch(/^(scratch|[\w./-]+:v?\d+\.\d+\.\d+(-[\w-]+)?)$/);
    }
  });

  it('copies from stages that there are, and only the folder', () => {
    for (const copy of dockerfile.getCOPYs().filter((each) => each.getFromFlag() !== null)) {
      expect(copy.getFromFlag()?.getValue()).toBe('build');
      expect(copy.getArguments().map(String)).toEqual(['/made/buildkit-drain', inImage]);
    }
    expect(images.map((image) => argumentsOf(image, 'COPY').length)).toEqual([1, 1, 1, 1]);
  });

  it('sets a numeric user other than root in its own images', () => {
    for (const { name } of stages.filter(({ base }) => base === 'scratch')) {
      expect(argumentsOf(name, 'USER')).toEqual(['65532:65532']);
    }
  });

  it('leaves the images of buildkitd as they are otherwise', () => {
    for (const { name, instructions } of stages.filter(({ base }) => base.includes('buildkit:'))) {
      expect([name, instructions.map((each) => each.getKeyword())]).toEqual([
        name,
        ['ARG', 'LABEL', 'COPY'],
      ]);
    }
  });

  it('says in labels what each image is, of which version or upon which image', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    for (const { name, base } of stages.slice(1)) {
      const { title, description, ...others } = labelsOf(name);
      expect([title, description]).toEqual([expect.any(String), expect.any(String)]);
      expect([name, others]).toEqual([
        name,
        base === 'scratch'
          ? { version, licenses: labelsOf('folder')['licenses'] }
          : { 'base.name': base },
      ]);
    }
  });
});

describe('the images', () => {
  let bundle: MadeBundle;
  beforeAll(() => {
    bundle = makeBundle('x64');
  }, 300_000);
  afterAll(() => {
    bundle.remove();
  }, 300_000);

  it('have what the build stage makes of what is sent to it: the bytes of this checkout', () => {
    // Where its parts can be linked to.
    const context = mkdtempSync(resolve('out/context-'));
    onTestFinished(() => rmSync(context, { recursive: true }));
    const sent = readFileSync('.dockerignore', 'utf8').split('\n');
    expect(sent.slice(1, 2)).toEqual(['*']);
    for (const path of sent.flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []))) {
      copyInto(context, path);
    }
    // In the image these come from the network, which tests have none of.
    copyInto(context, 'node_modules', '--link');
    copyInto(context, 'out/npm', '--link');
    const made = join(context, 'made');
    for (const command of argumentsOf('build', 'RUN')) {
      const { status, stdout, stderr } = spawnSync(
        'sh',
        ['-c', command.replaceAll('/made', made)],
        {
          cwd: context,
          encoding: 'utf8',
          env: {
            PATH: process.env['PATH'],
            TARGETARCH: 'amd64',
          },
        },
      );
      expect(status, `${command}:\n${stdout}${stderr}`).toBe(0);
    }
    const hashOf = (path: string): string =>
      createHash('sha256').update(readFileSync(path)).digest('hex');
    expect(hashOf(join(made, basename(bundle.archive)))).toBe(hashOf(bundle.archive));
    expect(readdirSync(join(made, 'buildkit-drain'))).toEqual(readdirSync(bundle.folder));
  }, 300_000);

  it('tell the licences of what is in them', () => {
    const list = readFileSync(join(bundle.folder, 'LICENSES/LIST.txt'), 'utf8');
    const licences = [...list.matchAll(/^licence: ([^,\n]+)/gm)].map(
      ([, licence]) => licence ?? '',
    );
    const told = labelsOf('folder')['licenses']?.split(' AND ') ?? [];
    expect(told.toSorted()).toEqual([...new Set(licences)].toSorted());
  });

  it.for(['folder', 'sidecar'])('%s starts a file of it', (image) => {
    const [program = ''] = commandOf(image, 'ENTRYPOINT');
    expect(existsSync(program.replace(inImage, bundle.folder))).toBe(true);
  });

  it('folder copies it to where its argument says, as its user', () => {
    const root = bundle.emptyRoot(inImage);
    mkdirSync(join(root, 'target'), { mode: 0o777 });
    spawnSync('chmod', ['777', join(root, 'target')]);
    const [user = ''] = argumentsOf('folder', 'USER');
    const args = [...(hasOtherUsers() ? [`--userspec=${user}`] : []), root];
    const command = [...args, ...commandOf('folder', 'ENTRYPOINT'), '/target'];
    const { status, stderr } = spawnSync('chroot', command, {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] },
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const { stdout } = spawnSync(join(root, 'target/buildkit-drain'), ['--version'], {
      encoding: 'utf8',
    });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('sidecar is healthy when its own answer is 200, and only then', async ({ sandbox }) => {
    const [check = ''] = argumentsOf('sidecar', 'HEALTHCHECK');
    const words = JSON.parse(check.replace(/^.*?CMD /, '')) as string[];
    const command = words.map((word) => word.replace(inImage, bundle.folder));
    const isHealthy = async (listen: string): Promise<boolean> => {
      const env = listen === '' ? {} : { BUILDKIT_DRAIN_LISTEN: listen };
      return (await (await sandbox.start(command, { env })).ended).code === 0;
    };
    expect(await isHealthy('')).toBe(false);
    const answering = `require('node:http').createServer(({ url }, answer) => {
        answer.writeHead(url === '/healthz' ? Number(process.argv[2]) : 404).end();
      }).listen(process.argv[1], () => console.log('ready'))`;
    const start = async (port: string, status: string) =>
      (await sandbox.start([process.execPath, '-e', answering, port, status])).line(0);
    await start('9234', '200');
    await start('9235', '503');
    await start('9236', '200');
    expect(await isHealthy('')).toBe(true);
    expect(await isHealthy(':9235')).toBe(false);
    expect(await isHealthy('127.0.0.1:9236')).toBe(true);
    expect(await isHealthy('[::1]:9236')).toBe(true);
  });
});

function copyInto(context: string, path: string, ...options: string[]): void {
  const target = join(context, dirname(path));
  mkdirSync(target, { recursive: true });
  const { status } = spawnSync('cp', ['--archive', ...options, path, target]);
  expect(status, path).toBe(0);
}

// A namespace of an unprivileged user has that one alone.
function hasOtherUsers(): boolean {
  const [, , many] = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/);
  return Number(many) > 1;
}
