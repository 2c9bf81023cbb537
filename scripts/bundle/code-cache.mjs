// Makes the file that start.cjs reads: what V8 compiles from the program up to the line of its first sample.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeVersion } from './node-package.mjs';
import { emulatorFor } from './toolchain.mjs';

const recorder = fileURLToPath(new URL('record-code.cjs', import.meta.url));
const program = 'dist/bin/buildkit-drain.cjs';

// The order of the code depends on the seed of V8's hashes, which is random otherwise.
const sameOrder = '--hash-seed=1';
// Where V8's header has the hash of its flags: they must be those of the launcher.
const flagHash = { start: 12, end: 16 };

/** Adds the cache for the program in a folder, which must be complete but for that. */
export async function addCodeCache(cargo, cpu, loader, folder, ownComponent) {
  const code = await record(cpu, loader, folder, [sameOrder]);
  const asStarted = await record(cpu, loader, folder, []);
  asStarted.copy(code, flagHash.start, flagHash.start, flagHash.end);
  cargo.add(
    `${program}.v${nodeVersion}-${cpu}.cache`,
    Buffer.concat([code, code, readFileSync(`${folder}/${program}`)]),
    ownComponent,
  );
}

/** Has the folder's own Node.js wait for a client that stays, up to a deadline. */
async function record(cpu, loader, folder, flags) {
  const runtime = `${folder}/runtime`;
  const node = [`${runtime}/${loader}`, '--library-path', runtime, `${runtime}/node`];
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  const output = mkdtempSync(join(tmpdir(), 'buildkit-drain-code-'));
  try {
    const [command, ...args] = [
      ...[...emulatorFor(cpu), ...node, ...flags, '--require', recorder],
      ...[`${folder}/dist/bin/start.cjs`, 'wait', '--addr', `tcp://127.0.0.1:${port}`],
      ...['--timeout', '100ms', '--builds', 'off', '--log-to', 'stderr'],
    ];
    const CODE_FILE = join(output, 'code');
    const child = spawn(command, args, { env: { CODE_FILE }, stdio: 'ignore' });
    const [status] = await once(child, 'exit');
    if (status !== 3) {
      throw new Error(`to record its code, the program should have ended with 3, not ${status}`);
    }
    return readFileSync(CODE_FILE);
  } finally {
    client.destroy();
    server.close();
    rmSync(output, { recursive: true });
  }
}
