import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Installed, installPackage } from '../support/installed.ts';

const tsc = fileURLToPath(new URL('../../node_modules/.bin/tsc', import.meta.url));

const strict = {
  ...{ strict: true, noEmit: true, skipLibCheck: false, exactOptionalPropertyTypes: true },
  ...{ noUncheckedIndexedAccess: true, target: 'es2022', lib: ['es2022'], types: ['node'] },
};
const resolutions = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

const program = `
  import { countConnections, openBackend, openMonitor, parseEndpoint, waitForDrain, watchConnections } from 'buildkit-drain';

  export async function run(signal: AbortSignal): Promise<string> {
    const counted = countConnections('tcp://127.0.0.1:1');
    const count: number | string = counted.count === null ? counted.error.code : counted.count;
    using monitor = openMonitor({ addresses: ['tcp://127.0.0.1:1'] });
    const sample = monitor.sample();
    const clients: number | null = sample.kind === 'counted' ? sample.connections.length : null;
    using backend = openBackend();
    using endpoint = backend.open(parseEndpoint('tcp://127.0.0.1:1'));
    const revision: number = endpoint.poll().revision;
    for await (const { kind } of watchConnections('tcp://127.0.0.1:1', { signal })) {
      return kind + count + clients + revision;
    }
    // @ts-expect-error A misspelled option.
    await waitForDrain({ timeoutMS: 1 });
    const { kind } = await waitForDrain({ signal, onEvent: (event) => event.kind });
    return kind satisfies 'drained' | 'gone' | 'nothing-found' | 'timed-out' | 'unknown' | 'interrupted';
  }
`;

let installed: Installed;
beforeAll(() => {
  installed = installPackage();
  for (const extension of ['mts', 'cts']) {
    writeFileSync(join(installed.folder, `program.${extension}`), program);
  }
}, 120_000);
afterAll(() => installed?.remove());

it.each(Object.entries(resolutions))(
  'a strict program has the types, by the resolution of %s',
  (name, resolution) => {
    const config = join(installed.folder, `${name}.json`);
    const files = ['program.mts', 'program.cts'];
    const compilerOptions = { ...strict, ...resolution };
    writeFileSync(config, JSON.stringify({ compilerOptions, files }));
    const { status, stdout } = spawnSync(tsc, ['--project', config], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  },
);
