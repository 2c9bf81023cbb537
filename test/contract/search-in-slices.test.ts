import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { startDaemon } from '../support/peer-process.ts';
import { it } from '../support/test.ts';

const library = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const given = 'tcp://127.0.0.1:8372';
const notGiven = 'tcp://127.0.0.1:8373';
const processes = 2000;

// They end with their standard input.
const crowd = `
  exec 3<&0
  i=0
  while [ $i -lt ${processes} ]; do (read line <&3) & i=$((i + 1)); done
  echo started
  wait`;

const countSamples = `
  import { openMonitor } from ${JSON.stringify(library)};
  const seen = [];
  const monitor = openMonitor({
    addresses: ['${given}'],
    notify({ kind, addresses }) {
      seen.push(kind);
      if (kind === 'addresses-not-given') {
        console.log(JSON.stringify({ addresses, seen }));
        process.exit();
      }
    },
  });
  monitor.sample();
  setInterval(() => seen.push(monitor.sample().kind), 1);`;

describe('the search for the daemons behind given addresses', () => {
  it('lets polls pass while it reads thousands of processes', async ({ sandbox }) => {
    const others = await sandbox.start(['sh', '-c', crowd]);
    await others.line(0);
    const daemon = await startDaemon(sandbox);
    await daemon.listen(given);
    await daemon.listen(notGiven);
    const script = ['--input-type=module', '--eval', countSamples];
    const watch = await sandbox.start([process.execPath, ...script]);
    const { stdout, stderr } = await watch.ended;
    expect(stderr).toBe('');
    const { addresses, seen } = JSON.parse(stdout);
    expect(addresses).toEqual([notGiven]);
    expect(seen.filter((kind: string) => kind === 'counted').length).toBeGreaterThan(1);
  });
});
