import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const ci = readFileSync('.github/workflows/ci.yml', 'utf8');

function lint(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'drain-test-workflow-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'ci.yml');
  writeFileSync(path, text);
  const { status, stderr } = spawnSync(process.execPath, ['scripts/lint-workflows.mjs', path], {
    encoding: 'utf8',
  });
  return { code: status, problems: stderr.replaceAll(path, 'ci.yml') };
}

it('finds nothing wrong with the workflow of the CI', () => {
  expect(lint(ci)).toEqual({ code: 0, problems: '' });
});

it.each([
  [
    'what the schema has not',
    'timeout-minutes:',
    'timeout:',
    "Additional property 'timeout' is not allowed",
  ],
  ['a need for another job', 'needs: lint', 'needs: lnt', 'needs job "lnt" which does not exist'],
  [
    'a name that an expression cannot have',
    'matrix.node }',
    'matrix.nod }',
    'property "nod" is not defined',
  ],
  [
    'an input that an action has not',
    /(checkout@)\S+ # v\S+\n( +with:\n)/,
    `$1${'0'.repeat(40)} # v4.2.2\n$2          dept: 1\n`,
    'input "dept" is not defined',
  ],
])('finds %s', (_, part, other, problem) => {
  expect(ci.replace(part, other)).not.toBe(ci);
  const { code, problems } = lint(ci.replace(part, other));
  expect(problems).toContain(problem);
  expect(code).toBe(1);
});
