import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Buildkitd, startBuildkitd } from './buildkitd.ts';
import { createAuthority } from './certificates.ts';
import { type Example, valuesOf } from './examples.ts';
import type { Sandbox } from './sandbox.ts';
import { startBuild } from './scenario.ts';
import { asUser, hasOtherUsers } from './users.ts';

// Where clients come to a daemon that listens on all addresses. Its certificate has this address and not
// 127.0.0.1, so that a client there has to know the name in it.
const clientHost = '127.0.0.2';

/** A stand-in for an example's buildkitd, with its API, its addresses and, where it has that, its TLS. */
export interface ExamplePod {
  readonly buildkitd: Buildkitd;
  /** Has a client begin a build at each address, and resolves with their names when they run. */
  readonly build: () => Promise<readonly string[]>;
  /** The words of a command line, with the paths of the test's certificates. */
  readonly wordsOf: (args: readonly string[]) => readonly string[];
}

/** @param through what starts the daemon */
export async function startPod(
  sandbox: Sandbox,
  { example, through }: { readonly example: Example; readonly through: readonly string[] },
): Promise<ExamplePod> {
  const args = valuesOf(example.content, 'args').flat().map(String);
  // Kubernetes mounts a secret for all to read.
  chmodSync(sandbox.directory, 0o755);
  const authority = createAuthority(sandbox.directory);
  const ofDaemon = authority.sign('daemon', ['DNS:buildkitd', `IP:${clientHost}`]);
  const ofClient = authority.sign('client', ['DNS:client']);
  chmodSync(ofDaemon.key, 0o644);
  chmodSync(ofClient.key, 0o644);

  const buildkitd = await startBuildkitd(sandbox, { through });
  const tls = (own: typeof ofDaemon) =>
    args.some((arg) => arg.startsWith('--tlscert=')) ? { ca: authority.ca, ...own } : undefined;
  const run = async (...command: string[]): Promise<void> => {
    await (await sandbox.start(command)).ended;
  };
  const addresses = addressesOf(example);
  for (const address of addresses) {
    if (!address.startsWith('unix://')) {
      await buildkitd.listen(address, tls(ofDaemon));
      continue;
    }
    const path = address.slice('unix://'.length);
    await run('mkdir', '-p', dirname(path));
    await run('chmod', '777', dirname(path));
    await buildkitd.listen(address);
    const [group] = args.flatMap((arg) => /^--group=(.*)$/.exec(arg)?.[1] ?? []);
    if (group !== undefined && hasOtherUsers) {
      await run('chgrp', group, path);
      await run('chmod', '660', path);
    }
  }

  return {
    buildkitd,
    build: () =>
      Promise.all(
        addresses.map(async (address, n) => {
          const ref = `build-${n}`;
          const to = address.replace('0.0.0.0', clientHost);
          const secret = to.startsWith('tcp://') ? tls(ofClient) : undefined;
          await startBuild(sandbox, buildkitd, to, { ref, ...(secret && { tls: secret }) });
          return ref;
        }),
      ),
    wordsOf: (words) =>
      words.map((word) =>
        word
          .replace('/certs/ca.pem', authority.ca)
          .replace('/certs/cert.pem', ofClient.cert)
          .replace('/certs/key.pem', ofClient.key),
      ),
  };
}

/** Where the daemon of an example listens: its `--addr`, or what its chart, operator or distribution sets. */
function addressesOf({ path, content }: Example): readonly string[] {
  const args = valuesOf(content, 'args').flat() as string[];
  const configured = args.flatMap((arg) => /^--addr=(.*)$/.exec(arg)?.[1] ?? []);
  if (configured.length > 0) {
    return [...new Set(configured)];
  }
  // The chart writes the folder of rootless buildkitd, or nothing, between two slashes.
  const socket = path.includes('andrcuns') ? '/run//buildkit' : '/run/buildkit';
  return [`unix://${socket}/buildkitd.sock`, 'tcp://0.0.0.0:1234'];
}

/** For `through`: as the user that the example's container sets; else as root. */
export function asItsUser({ content }: Example): readonly string[] {
  const [uid] = valuesOf(content, 'runAsUser');
  return uid === undefined || !hasOtherUsers ? [] : asUser(Number(uid));
}
