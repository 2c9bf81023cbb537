import { dirname } from 'node:path';
import { describe, expect } from 'vitest';
import type { SandboxProcess } from '../support/sandbox.ts';
import { asUser } from '../support/users.ts';
import { belowRun, printed, tcp } from './support/actors.ts';
import { isGiven, pathOf } from './support/binaries.ts';
import { realActors } from './support/buildkit.ts';
import { judgeRun } from './support/run-log.ts';
import { play } from './support/scenes.ts';
import type { Stage } from './support/stage.ts';

const uid = 1000;
const home = '/run/home';
const socket = 'unix:///run/user/1000/buildkit/buildkitd.sock';

// What a machine with such a user has: a home, a runtime folder, and ids for its user namespaces.
const prepare = `
  set -e
  mkdir -p ${home} /run/user/${uid}
  chown ${uid}:${uid} ${home} /run/user/${uid}
  echo 'user:x:${uid}:${uid}::${home}:/bin/sh' >/run/passwd
  echo user:100000:65536 >/run/ids
  mount --bind /run/passwd /etc/passwd
  mount --bind /run/ids /etc/subuid
  mount --bind /run/ids /etc/subgid`;

async function startRootless({ sandbox }: Stage): Promise<SandboxProcess> {
  const prepared = await (await sandbox.start(['sh', '-c', prepare])).ended;
  expect(prepared, prepared.stderr).toMatchObject({ code: 0 });
  const rootlesskit = [
    ...[pathOf('rootlesskit'), '--net=host', '--copy-up=/etc', `--state-dir=${home}/state`],
    ...[pathOf('buildkitd'), '--rootless', '--oci-worker-no-process-sandbox'],
    ...['--oci-worker-snapshotter=native', `--root=${home}/root`],
    ...[`--addr=${socket}`, `--addr=${tcp}`],
  ];
  const env = {
    ...{ HOME: home, USER: 'user', XDG_RUNTIME_DIR: `/run/user/${uid}`, TMPDIR: home },
    PATH: `${dirname(pathOf('rootlesskit'))}:${process.env['PATH']}`,
  };
  const started = await sandbox.start([...asUser(uid), ...belowRun, ...rootlesskit], { env });
  await printed(started, 'running server on', 2);
  return started;
}

describe.runIf(isGiven('rootlesskit'))('rootless buildkitd', () => {
  play(
    {
      'a rootless daemon below run': async (stage) => {
        const run = await startRootless(stage);
        const daemon = { process: run, addresses: [socket, tcp] };
        const options = { seconds: 4 };
        const build = await stage.actors.startBuild(stage.sandbox, daemon, tcp, options);
        await run.signal('SIGTERM');
        expect((await build.ended).code).toBe(0);
        await judgeRun(run, Date.now());
      },
    },
    () => realActors(),
  );
});
