import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Form {
  readonly name: string;
  readonly description: string;
  readonly body: readonly {
    readonly type: string;
    readonly id?: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly validations?: { readonly required: boolean };
  }[];
}

interface Updates {
  readonly updates: readonly {
    readonly 'package-ecosystem': string;
    readonly directory?: string;
    readonly directories?: readonly string[];
  }[];
}

const read = (path: string): string => readFileSync(path, 'utf8');
const forms = '.github/ISSUE_TEMPLATE';

// A container's user is not the owner of the checkout.
function filesLike(pattern: string): string[] {
  const { stdout } = spawnSync(
    'git',
    ['-c', 'safe.directory=*', 'ls-files', '--cached', '--others', '--exclude-standard', pattern],
    {
      encoding: 'utf8',
    },
  );
  return stdout.split('\n').filter(Boolean);
}

describe.each(['bug', 'feature'])('the form for a %s', (name) => {
  const form = parse(read(`${forms}/${name}.yml`)) as Form;
  const fields = form.body.filter(({ type }) => type !== 'markdown');

  it('has what GitHub needs of a form', () => {
    expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String) });
    expect(new Set(fields.map(({ id }) => id)).size).toBe(fields.length);
    for (const { type, id, attributes } of fields) {
      expect(['input', 'textarea']).toContain(type);
      expect(id).toMatch(/^[a-z-]+$/);
      expect(attributes['label']).toBeDefined();
    }
  });

  it('asks for what is needed first', () => {
    const required = fields.filter(({ validations }) => validations?.required === true);
    const asked = required.map(({ attributes }) => attributes['label']);
    expect(asked).toEqual(
      name === 'feature'
        ? ['What you cannot do']
        : [
            'What happened',
            'Version',
            'Version of buildkitd',
            'buildkit-drain doctor --json',
            'Log',
          ],
    );
  });
});

it('leads vulnerabilities to SECURITY.md, and no issue past the forms', () => {
  const config = parse(read(`${forms}/config.yml`));
  expect(config.blank_issues_enabled).toBe(false);
  expect(config.contact_links[0].url).toMatch(/^https:\/\/.*\/SECURITY\.md$/);
});

it('has the editor agree with the formatters', () => {
  const [, all = ''] = /^\[\*\]\n([\s\S]*?)\n\n/m.exec(read('.editorconfig')) ?? [];
  const { formatter } = JSON.parse(read('biome.json'));
  expect(all).toContain(`indent_style = ${formatter.indentStyle}\n`);
  expect(all).toContain(`max_line_length = ${formatter.lineWidth}`);
  expect(read('.clang-format')).toContain(`ColumnLimit: ${formatter.lineWidth}\n`);
});

describe('dependabot', () => {
  const { updates } = parse(read('.github/dependabot.yml')) as Updates;
  const watched = (ecosystem: string): string[] =>
    updates
      .filter((each) => each['package-ecosystem'] === ecosystem)
      .flatMap(({ directory, directories }) => directories ?? directory ?? []);
  const foldersOf = (...patterns: readonly string[]): string[] =>
    patterns.flatMap(filesLike).map((path) => join('/', dirname(path)));

  it.each([
    ['npm', ['package-lock.json', '*/package-lock.json']],
    ['docker', ['Dockerfile', '*/Dockerfile']],
  ])('watches each folder of %s', (ecosystem, patterns) => {
    expect(watched(ecosystem).toSorted()).toEqual([...new Set(foldersOf(...patterns))].toSorted());
  });

  it('watches the actions', () => {
    expect(watched('github-actions')).toEqual(['/']);
  });
});

describe('CHANGELOG.md', () => {
  const headings = read('CHANGELOG.md').match(/^##+ .*$/gm) ?? [];

  it('has the headings of Keep a Changelog', () => {
    expect(headings[0]).toMatch(/^## \[(Unreleased|\d+\.\d+\.\d+)\]/);
    for (const heading of headings) {
      expect(heading).toMatch(
        /^(## \[Unreleased\]|## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d|### (Added|Changed|Deprecated|Removed|Fixed|Security))$/,
      );
    }
  });
});

it.each(filesLike('*.md'))('%s links to files that there are', (page) => {
  const links = [...read(page).matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map(([, link = '']) => link);
  const missing = links.filter(
    (link) => !link.includes('://') && !existsSync(join(dirname(page), link)),
  );
  expect(missing).toEqual([]);
});
