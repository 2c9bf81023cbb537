import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import type { TlsConfig } from '../../src/grpc/types.ts';
import { type Buildkitd, startBuildkitd, startClient } from '../support/buildkitd.ts';
import { type BuildsClientProcess, startBuildsClient } from '../support/builds-client.ts';
import { type Authority, type Certificate, createAuthority } from '../support/certificates.ts';
import { it as itInSandbox } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

interface Stage {
  readonly buildkitd: Buildkitd;
  readonly buildsClient: BuildsClientProcess;
  readonly authority: Authority;
  readonly other: Authority;
  readonly server: Certificate;
  readonly client: Certificate;
}

const it = itInSandbox.extend<{ stage: Stage }>({
  stage: async ({ sandbox }, use) => {
    const authority = createAuthority(sandbox.directory);
    await use({
      buildkitd: await startBuildkitd(sandbox),
      buildsClient: await startBuildsClient(sandbox),
      authority,
      other: createAuthority(sandbox.directory, 'other-ca'),
      server: authority.sign('server', ['DNS:buildkitd.test', 'IP:127.0.0.1']),
      client: authority.sign('client', ['DNS:client']),
    });
  },
});

const tcp = 'tcp://127.0.0.1:1234';
const none = { kind: 'known', builds: [], lastEndedAtMs: expect.any(Number) };

function config(files: Partial<Record<keyof TlsConfig, string>>): TlsConfig {
  const read = (path: string | undefined): string | null =>
    path === undefined ? null : readFileSync(path, 'utf8');
  const { ca, cert, key, serverName = null } = files;
  return { ca: read(ca), cert: read(cert), key: read(key), serverName };
}

function unknown(code: string, message: RegExp) {
  return {
    kind: 'unknown',
    code,
    operation: 'call the daemon',
    message: expect.stringMatching(message),
  };
}

describe.concurrent('asking a buildkitd with TLS', () => {
  it('works with its authority, by its address or by a name that it has', async ({ stage }) => {
    const { buildkitd, buildsClient, authority, server } = stage;
    await buildkitd.listen('tcp://0.0.0.0:1234', server);
    await buildkitd.begin('one');
    for (const serverName of [undefined, 'buildkitd.test', '127.0.0.1']) {
      const files = { ca: authority.ca, ...(serverName && { serverName }) };
      for (const address of [tcp, 'tcp://0.0.0.0:1234']) {
        await buildsClient.open(address, { tls: config(files) });
        expect(await buildsClient.ask()).toMatchObject({ kind: 'known', builds: [{ ref: 'one' }] });
      }
    }
  });

  it('works with a certificate of its own, where the daemon asks for one', async ({
    sandbox,
    stage,
  }) => {
    const { buildkitd, buildsClient, authority, server, client } = stage;
    const { ca } = authority;
    await buildkitd.listen(tcp, { ...server, ca });
    await buildsClient.open(tcp, { tls: config({ ca, ...client }) });
    expect(await buildsClient.ask()).toEqual(none);
    await startClient(sandbox, 'build', tcp, { ref: 'one', tls: { ca, ...client } });
    await waitFor('a build', async () => (await buildkitd.builds()).length === 1);
    expect(await buildsClient.ask()).toMatchObject({ kind: 'known', builds: [{ ref: 'one' }] });
    await waitFor('the end of the connection', async () => (await buildsClient.own()).isSettled);
  });

  it('fails without one, or with one of another authority', async ({ stage }) => {
    const { buildkitd, buildsClient, authority, other, server } = stage;
    const { ca } = authority;
    await buildkitd.listen(tcp, { ...server, ca });
    await buildsClient.open(tcp, { tls: config({ ca }) });
    expect(await buildsClient.ask()).toEqual(
      unknown(
        'ERR_TLS_CLIENT_CERT',
        /does not accept this client \(it asks for a certificate\): give .* --tls-cert and --tls-key/,
      ),
    );
    // The stand-in does not say why, as buildkitd does.
    const stranger = other.sign('stranger', ['DNS:client']);
    await buildsClient.open(tcp, { tls: config({ ca, ...stranger }) });
    expect(await buildsClient.ask()).toEqual(
      unknown('ERR_TLS_REFUSED', /may not trust this client.* --tls-cert and --tls-key/),
    );
  });

  it('fails with the wrong authority, or with that of the system', async ({ stage }) => {
    const { buildkitd, buildsClient, other, server } = stage;
    await buildkitd.listen(tcp, server);
    for (const files of [{ ca: other.ca }, {}]) {
      await buildsClient.open(tcp, { tls: config(files) });
      expect(await buildsClient.ask()).toEqual(
        unknown('ERR_TLS_UNTRUSTED', /not signed .* --tls-ca/),
      );
    }
  });

  it.for(['other.test', '127.0.0.2', 'localhost'])(
    'fails for the name %s, which its certificate does not have',
    async (serverName, { stage }) => {
      const { buildkitd, buildsClient, authority, server } = stage;
      await buildkitd.listen(tcp, server);
      await buildsClient.open(tcp, { tls: config({ ca: authority.ca, serverName }) });
      expect(await buildsClient.ask()).toEqual(
        unknown('ERR_TLS_NAME', /another name .* --tls-server-name/),
      );
    },
  );

  it('fails without TLS', async ({ stage }) => {
    const { buildkitd, buildsClient, server } = stage;
    await buildkitd.listen(tcp, server);
    await buildsClient.open(tcp);
    expect(await buildsClient.ask()).toEqual(
      unknown('ERR_NO_GRPC', /if buildkitd speaks TLS .* --tls-ca/),
    );
  });

  it('fails where the daemon has none, but for its unix socket', async ({ stage }) => {
    const { buildkitd, buildsClient, authority } = stage;
    const tls = config({ ca: authority.ca });
    await buildkitd.listen(tcp);
    await buildsClient.open(tcp, { tls });
    expect(await buildsClient.ask()).toEqual(unknown('ERR_NO_TLS', /does not speak TLS: omit/));
    await buildkitd.listen('unix:///run/buildkitd.sock');
    await buildsClient.open('unix:///run/buildkitd.sock', { tls });
    expect(await buildsClient.ask()).toEqual(none);
  });

  it.for([
    ['an end without a word', 'ERR_TLS', /handshake .* failed/],
    ['HTTP/1.1', 'ERR_NO_TLS', /does not speak TLS/],
    ['no word at all', 'ERR_CALL_TIMEOUT', /waiting for the TLS handshake/],
  ] as const)('fails at a server of %s', async ([how, code, message], { stage }) => {
    const { buildkitd, buildsClient, authority } = stage;
    await buildkitd.listenBroken(tcp, how);
    await buildsClient.open(tcp, { tls: config({ ca: authority.ca }) });
    expect(await buildsClient.ask()).toEqual(unknown(code, message));
  });

  it('says what is wrong with a certificate and a key that do not fit', async ({ stage }) => {
    const { buildkitd, buildsClient, authority, server, client } = stage;
    await buildkitd.listen(tcp, server);
    const tls = config({ ca: authority.ca, cert: client.cert, key: server.key });
    await buildsClient.open(tcp, { tls });
    expect(await buildsClient.ask()).toEqual(
      unknown('ERR_CALL_FAILED', /^the call failed: the key does not belong to the certificate$/),
    );
  });
});
