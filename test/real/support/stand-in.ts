import { join } from 'node:path';
import { type Buildkitd, startBuildkitd, startClient } from '../../support/buildkitd.ts';
import { compiled } from '../../support/native.ts';
import type { SandboxProcess } from '../../support/sandbox.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type ActorDaemon, type Actors, belowRun, tcp, unix } from './actors.ts';

// As gRPC sets it for its server's sockets, without TLS.
const goTimeouts = { USER_TIMEOUT_MS: '20000' };

const started = new Map<SandboxProcess, Buildkitd>();
let builds = 0;

/** How the stand-in answers as a version of buildkitd does. */
export const versions = {
  'v0.32.2': { version: 'v0.32.2', history: 0, onSigterm: 'wait' },
  'v0.12.3': {
    ...{ version: 'v0.12.3', history: 0, onSigterm: 'die' },
    ...{ answer: 'false-zero', knowsLimit: false },
  },
  unstamped: { version: 'v0.0.0+unknown', history: 0, onSigterm: 'wait' },
} as const satisfies Record<string, Parameters<Buildkitd['behave']>[0]>;

/** The stand-in for buildkitd, and its clients. */
export function standInActors(version: keyof typeof versions = 'v0.32.2'): Actors {
  const startBuild: Actors['startBuild'] = async (sandbox, daemon, address, options) => {
    const { seconds = 3, tls, from = sandbox, throughDialStdio } = options;
    const standIn = standInOf(daemon);
    builds += 1;
    const ref = `build-${builds}`;
    const kind = throughDialStdio ? 'build-by-relay' : 'build';
    const via = join('/run', `${ref}.sock`);
    const secrets = tls && address.startsWith('tcp') ? { tls: { ca: tls.ca, ...tls.client } } : {};
    const client = await startClient(from, kind, address, { ref, via, ...secrets });
    await waitFor('the build', async () => (await standIn.builds()).includes(ref));
    setTimeout(() => void standIn.end(ref).catch(() => {}), seconds * 1000);
    return client;
  };
  return {
    async startDaemon(sandbox, { addresses = [unix, tcp], tls, isBelowRun } = {}) {
      const standIn = await startBuildkitd(sandbox, {
        through: isBelowRun ? belowRun : [],
        env: { LD_PRELOAD: compiled('accept_options', '-shared', '-fPIC'), ...goTimeouts },
      });
      await standIn.behave(versions[version]);
      for (const address of addresses) {
        const isSecret = tls && address.startsWith('tcp');
        await standIn.listen(address, isSecret ? { ca: tls.ca, ...tls.server } : undefined);
      }
      const daemon = { process: standIn.process, addresses };
      started.set(standIn.process, standIn);
      return daemon;
    },
    startBuild,
    buildQuickly: (sandbox, daemon, address) =>
      startBuild(sandbox, daemon, address, { seconds: 0 }),
    startMonitor: (sandbox, address) => startClient(sandbox, 'monitor', address),
    probe: (sandbox, address) => startClient(sandbox, 'probe', address),
  };
}

function standInOf(daemon: ActorDaemon): Buildkitd {
  const standIn = started.get(daemon.process);
  if (standIn === undefined) {
    throw new Error('This daemon was not started here');
  }
  return standIn;
}
