import { createAuthority } from '../../support/certificates.ts';
import { type SceneTls, tcp, unix } from '../support/actors.ts';
import type { Scenes } from '../support/scenes.ts';
import type { Stage } from '../support/stage.ts';

/** A daemon that wants certificates of its TCP clients, and the certificates. */
function certificates({ sandbox }: Stage): SceneTls {
  const { ca, sign } = createAuthority(sandbox.directory);
  const server = sign('server', ['IP:127.0.0.1', 'DNS:localhost']);
  return { ca, server, client: sign('client', ['DNS:client']) };
}

/** One build, by each way to the daemon. */
export const ways: Scenes = {
  'a build over TCP': async (stage) => {
    const daemon = await stage.startDaemon();
    await stage.build(daemon, tcp);
    await stage.judge(await stage.wait());
  },

  'a build over a unix socket': async (stage) => {
    const daemon = await stage.startDaemon({ addresses: [unix] });
    await stage.build(daemon, unix);
    await stage.judge(await stage.wait());
  },

  'a build over TLS with client certificates': async (stage) => {
    const tls = certificates(stage);
    const daemon = await stage.startDaemon({ tls });
    await stage.build(daemon, tcp, { tls });
    const { ca, client } = tls;
    const files = [`--tls-ca=${ca}`, `--tls-cert=${client.cert}`, `--tls-key=${client.key}`];
    await stage.judge(await stage.wait(...files));
  },

  'a build over TLS, of which the wait has no certificate': async (stage) => {
    const tls = certificates(stage);
    const daemon = await stage.startDaemon({ addresses: [tcp, unix], tls });
    await stage.build(daemon, tcp, { tls });
    await stage.judge(await stage.wait());
  },

  'a build through dial-stdio': async (stage) => {
    const daemon = await stage.startDaemon({ addresses: [unix] });
    await stage.build(daemon, unix, { throughDialStdio: true });
    await stage.judge(await stage.wait());
  },
};
