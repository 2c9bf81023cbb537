import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly needs?: string | readonly string[];
  readonly environment?: string;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions?: unknown;
  readonly concurrency?: { readonly group: string };
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = '.github/workflows';
const texts = readdirSync(folder).map((name): [string, string] => [
  name,
  readFileSync(`${folder}/${name}`, 'utf8'),
]);
const workflows = texts.map(([name, text]): [string, Workflow] => [name, parse(text) as Workflow]);
const jobs = workflows.flatMap(([file, workflow]) =>
  Object.entries(workflow.jobs).map(([name, job]): [string, Job] => [`${file}: ${name}`, job]),
);
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};

describe.each(texts)('the workflow %s', (_, text) => {
  const uses = text.split('\n').filter((line) => /^\s*(- )?uses:/.test(line));

  it('pins each action by a commit, and tells its version', () => {
    expect(uses).not.toEqual([]);
    for (const line of uses) {
      expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
  });
});

it('has one commit for each action in all workflows', () => {
  const pins = texts.flatMap(([, text]) => [...text.matchAll(/uses: (\S+)@(.*)/g)]);
  const actions = new Set(pins.map(([, action]) => action));
  expect(new Set(pins.map(([pin]) => pin)).size).toBe(actions.size);
});

it.each(workflows)(
  '%s gives no permission to all of its jobs, and runs one at a time',
  (_, each) => {
    expect(each.permissions).toEqual({});
    expect(each.concurrency?.group).toBeDefined();
  },
);

describe.each(jobs)('the job %s', (name, job) => {
  it('ends after a time, and names what it may do', () => {
    expect(job['timeout-minutes']).toBeLessThanOrEqual(120);
    expect(job.permissions).toBeDefined();
  });

  it('writes only where it publishes, in the environment that has the approval', () => {
    const writes = Object.values(job.permissions ?? {}).includes('write');
    expect(writes).toBe(/^release.yml: (npm|images|github)$/.test(name));
    expect(job.environment).toBe(writes ? 'release' : undefined);
  });

  it('keeps no token in its checkout', () => {
    const checkouts = job.steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'));
    for (const checkout of checkouts) {
      expect(checkout.with).toEqual({ 'persist-credentials': false });
    }
  });

  it('runs scripts that there are', () => {
    const commands = job.steps.flatMap(({ run }) => run ?? []).join('\n');
    const named = [...commands.matchAll(/npm run ([\w:-]+)/g)].map(([, script = '']) => script);
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
    const paths = [...commands.matchAll(/\b(scripts|examples)\/\S+/g)].map(([path]) => path);
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });
});

describe('a release', () => {
  const release = workflows.find(([name]) => name === 'release.yml')?.[1].jobs ?? {};
  const neededBy = (name: string): string[] =>
    [release[name]?.needs ?? []].flat().flatMap((each) => [each, ...neededBy(each)]);

  it('publishes nothing before the addons were rebuilt and compared, and the archives were run', () => {
    expect(release['build']?.steps.map(({ run }) => run)).toContain('npm run check');
    expect(scripts['check']).toContain('npm run check:more');
    expect(scripts['check:more']).toContain('npm run check:prebuilds');
    for (const name of ['npm', 'images', 'github']) {
      expect(neededBy(name)).toEqual(expect.arrayContaining(['build', 'archives']));
    }
  });
});
