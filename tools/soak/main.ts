// The program of `npm run soak`: scripts/soak.mjs starts it, in namespaces of its own.
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isClean, resultJson, resultText } from './report.ts';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('Expected --minutes with a number above 0, and --seed with a whole number');
  process.exit(2);
}
console.log(`npm run soak -- --minutes ${minutes} --seed ${seed}`);
const result = await soak({ seed, lengthMs: minutes * 60_000, onProgress: console.log });
mkdirSync('out', { recursive: true });
writeFileSync(`out/soak-${seed}.json`, resultJson(result));
console.log(resultText(result));
process.exit(isClean(result) ? 0 : 1);
