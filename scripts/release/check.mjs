// Says what is not ready for a release: node scripts/release/check.mjs v0.1.0 [owner/repository]
// In a workflow GitHub names the repository.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [tag = '', repository = process.env.GITHUB_REPOSITORY] = process.argv.slice(2);
if (!/^v\d+\.\d+\.\d+$/.test(tag) || !/^[\w.-]+\/[\w.-]+$/.test(repository ?? '')) {
  console.error(
    'expected a tag such as v0.1.0, and owner/repository as an argument or in GITHUB_REPOSITORY',
  );
  process.exit(2);
}
const [owner] = repository.toLowerCase().split('/');

/** What stands in tracked files until the project has a repository, and what takes its place there. */
const placeholders = {
  'github.com/buildkit-drain/buildkit-drain': `github.com/${repository}`,
  '@buildkit-drain/maintainers': 'who reviews changes',
  'registry.example/buildkit-drain:': `ghcr.io/${owner}/buildkit-drain:`,
  'registry.example/buildkit-drain-sidecar:': `ghcr.io/${owner}/buildkit-drain-sidecar:`,
  'not published yet': 'nothing: now it is',
};

function versionProblems() {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const isSame = tag === `v${version}`;
  return isSame ? [] : [`package.json: version ${version}, and the tag is ${tag}`];
}

function changelogProblems() {
  const command = ['scripts/release/changelog-section.mjs', tag.slice(1)];
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  return status === 0 ? [] : [stderr.trim()];
}

function placesOf(text) {
  // A container's user is not the owner of the checkout.
  const search = ['-c', 'safe.directory=*', 'grep', '-nIF', '-e', text];
  const command = [
    ...search,
    '--',
    ':!scripts/release/check.mjs',
    ':!test/package/release.test.ts',
  ];
  const { status, stdout, stderr } = spawnSync('git', command, { encoding: 'utf8' });
  if (status > 1 || status === null) {
    throw new Error(`git grep failed: ${stderr}`);
  }
  return stdout.split('\n').flatMap((line) => /^[^:]+:\d+/.exec(line) ?? []);
}

const replacements = Object.entries(placeholders).filter(([text, other]) => text !== other);
const problems = [
  ...versionProblems(),
  ...changelogProblems(),
  ...replacements.flatMap(([text, other]) =>
    placesOf(text).map((place) => `${place}: "${text}" becomes ${other}`),
  ),
];
for (const problem of problems) {
  console.error(problem);
}
process.exit(problems.length > 0 ? 1 : 0);
