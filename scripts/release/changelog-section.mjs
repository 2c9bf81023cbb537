// Prints what CHANGELOG.md says of a version: node scripts/release/changelog-section.mjs 0.1.0
import { readFileSync } from 'node:fs';

const [version] = process.argv.slice(2);
const sections = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m).slice(1);
const section = sections.find((each) => each.startsWith(`[${version}] - `));
const [heading, ...lines] = section?.split('\n') ?? [''];
if (!/^\[.*\] - \d{4}-\d\d-\d\d$/.test(heading)) {
  console.error(`CHANGELOG.md has no heading "## [${version}] - <year>-<month>-<day>"`);
  process.exit(1);
}
console.log(lines.join('\n').trim());
