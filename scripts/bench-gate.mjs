// Compares a run of `bench cost` with the one in docs/: node scripts/bench-gate.mjs <its --json file>
// Only ratios of what one run measured side by side, since the speed of machines differs. Exits 1 where one
// is worse than is allowed.
import { readFileSync } from 'node:fs';

// What differs between two machines, and two versions of Node.js, is below these; what they are to detect,
// such as a poll that searches the host's sockets, is far above.
const allowed = { poll: 4, process: 2, startTime: 1.5, startMemory: 1.25 };

/** Costs as ratios: more is worse. */
function figuresOf({ polls, process, startUp }) {
  return new Map([
    ...polls
      .filter(({ method }) => method !== 'tracked set')
      .map(({ method, pairs, clients, cpuRatio }) => [
        `CPU of a poll, to ${method}, ${pairs} pairs, ${clients} clients`,
        { ratio: 1 / cpuRatio.median, factor: allowed.poll },
      ]),
    ...process.map(({ intervalMs, clients, sliceRatio }) => [
      `CPU of the process, to an empty timer, each ${intervalMs} ms, ${clients} clients`,
      { ratio: sliceRatio.median, factor: allowed.process },
    ]),
    [
      'time to start, to node -e 0',
      { ratio: startUp?.timeRatio.median, factor: allowed.startTime },
    ],
    [
      'memory at the start, to node -e 0',
      { ratio: startUp?.memoryRatio.median, factor: allowed.startMemory },
    ],
  ]);
}

const read = (path) => figuresOf(JSON.parse(readFileSync(path, 'utf8')));

const [path] = process.argv.slice(2);
const [measured, expected] = [read(path), read('docs/benchmarks.json')];
const rows = [...expected].flatMap(([figure, { ratio, factor }]) => {
  const now = measured.get(figure)?.ratio;
  return now === undefined
    ? []
    : [{ figure, docs: ratio, now, allowed: ratio * factor, isWorse: now > ratio * factor }];
});
for (const { figure, docs, now, allowed: most, isWorse } of rows) {
  const [one, other, limit] = [docs, now, most].map((each) => each.toPrecision(3));
  console.log(
    `${isWorse ? 'WORSE' : 'ok   '} ${figure}: ${other}, in docs ${one}, allowed ${limit}`,
  );
}
if (rows.length < expected.size / 4) {
  console.error(`${path} has only ${rows.length} of ${expected.size} figures`);
  process.exitCode = 1;
}
if (rows.some(({ isWorse }) => isWorse)) {
  process.exitCode = 1;
}
