import { describe, expect } from 'vitest';
import { backendNames } from '../../src/backends/types.ts';
import { type Buildkitd, startBuildkitd, startClient } from '../support/buildkitd.ts';
import { type BuildsClientProcess, startBuildsClient } from '../support/builds-client.ts';
import { it as itInSandbox } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const it = itInSandbox.extend<{ buildkitd: Buildkitd; buildsClient: BuildsClientProcess }>({
  buildkitd: async ({ sandbox }, use) => {
    await use(await startBuildkitd(sandbox));
  },
  buildsClient: async ({ sandbox }, use) => {
    await use(await startBuildsClient(sandbox));
  },
});

const library = new URL('../../dist/index.js', import.meta.url).href;
const unix = 'unix:///run/buildkitd.sock';
const tcp = 'tcp://127.0.0.1:1234';
const none = { kind: 'known', builds: [], lastEndedAtMs: expect.any(Number) };

function unknown(code: string, message: RegExp) {
  return {
    kind: 'unknown',
    code,
    operation: 'call the daemon',
    message: expect.stringMatching(message),
  };
}

/** The call was answered, and the answer is not accepted. */
function notAccepted(code: string, message: RegExp) {
  return { ...unknown(code, message), operation: 'ask which builds are running' };
}

describe.concurrent('asking buildkitd which builds run', () => {
  it.for([
    ['a unix socket', unix, unix],
    ['an abstract unix socket', 'unix://@buildkitd', 'unix://@buildkitd'],
    ['TCP over IPv4', tcp, tcp],
    ['TCP over IPv6', 'tcp://[::1]:1234', 'tcp://[::1]:1234'],
    ['TCP on all addresses of IPv4', 'tcp://0.0.0.0:1234', 'tcp://0.0.0.0:1234'],
    ['TCP on all addresses', 'tcp://[::]:1234', 'tcp://[::]:1234'],
    ['TCP on all addresses, of which only IPv4 answers', tcp, 'tcp://[::]:1234'],
    ['TCP by a name', tcp, 'tcp://localhost:1234'],
    ['TCP without a host', tcp, 'tcp://:1234'],
  ] as const)(
    'names each of them, over %s',
    async ([, listened, asked], { buildkitd, buildsClient }) => {
      await buildkitd.listen(listened);
      await buildsClient.open(asked);
      expect(await buildsClient.ask()).toEqual(none);
      const before = Date.now();
      await buildkitd.begin('one', 'two');
      const answer = await buildsClient.ask();
      expect(answer).toEqual({
        kind: 'known',
        builds: ['one', 'two'].map((ref) => ({ ref, startedAtMs: expect.any(Number) })),
        lastEndedAtMs: null,
      });
      const [build] = answer.kind === 'known' ? answer.builds : [];
      expect(build?.startedAtMs).toBeGreaterThanOrEqual(before);
      expect(build?.startedAtMs).toBeLessThanOrEqual(Date.now());
      await buildkitd.end('one', 'two');
      const after = await buildsClient.ask();
      expect(after).toEqual(none);
      expect(after).toMatchObject({ lastEndedAtMs: expect.toSatisfy((ms) => ms >= before) });
    },
  );

  it('names the builds of clients, until they are done or killed', async ({
    sandbox,
    buildkitd,
    buildsClient,
  }) => {
    await buildkitd.listen(unix);
    await buildsClient.open(unix);
    const refs = async (): Promise<string[]> => {
      const answer = await buildsClient.ask();
      return answer.kind === 'known' ? answer.builds.map(({ ref }) => ref).sort() : ['unknown'];
    };
    const done = await startClient(sandbox, 'build', unix, { ref: 'done' });
    const killed = await startClient(sandbox, 'build', unix, { ref: 'killed', session: false });
    const via = '/run/relay.sock';
    const relayed = await startClient(sandbox, 'build-by-relay', unix, { ref: 'relayed', via });
    await waitFor('three builds', async () => (await buildkitd.builds()).length === 3);
    expect(await refs()).toEqual(['done', 'killed', 'relayed']);
    await buildkitd.end('done', 'relayed');
    expect((await done.ended).stdout).toContain('"built"');
    expect((await relayed.ended).stdout).toContain('"built"');
    expect(await refs()).toEqual(['killed']);
    await killed.signal('SIGKILL');
    await waitFor('no build', async () => (await buildkitd.builds()).length === 0);
    expect(await refs()).toEqual([]);
  });

  it('reads many builds, and large ones', async ({ buildkitd, buildsClient }) => {
    await buildkitd.listen(unix);
    await buildsClient.open(unix);
    const refs = Array.from({ length: 300 }, (_, index) => `${index} `.repeat(500));
    await buildkitd.begin(...refs);
    const answer = await buildsClient.ask();
    expect(answer.kind === 'known' && answer.builds.map(({ ref }) => ref)).toEqual(refs);
  });

  it('loads HTTP/2 for the first question, and not before', async ({ buildkitd, buildsClient }) => {
    await buildkitd.listen(unix);
    await buildsClient.open(unix);
    expect(await buildsClient.hasHttp2()).toBe(false);
    expect(await buildsClient.ask()).toEqual(none);
    expect(await buildsClient.hasHttp2()).toBe(true);
  });

  it('leaves no connection and no descriptor behind', async ({ buildkitd, buildsClient }) => {
    await buildkitd.listen(unix);
    await buildkitd.listenBroken('unix:///run/broken.sock', 'a reset after a build');
    let held = 0;
    for (let asks = 0; asks < 20; asks += 1) {
      await buildsClient.open(asks % 2 === 0 ? unix : 'unix:///run/broken.sock');
      await buildsClient.ask();
      await waitFor('the end of the connection', async () => (await buildsClient.own()).isSettled);
      held = asks === 1 ? await buildsClient.descriptors() : held;
    }
    expect((await buildsClient.own()).peers).toEqual([]);
    expect(await buildsClient.descriptors()).toBe(held);
    for (const by of backendNames) {
      expect(await buildsClient.poll(by, unix)).toMatchObject({ connections: [] });
    }
  });

  it.for([
    ['that answers', 0, 'known', 20_000],
    ['that does not', -1, 'unknown', 300],
  ] as const)(
    'keeps no process alive, with a daemon %s',
    async ([, delayMs, kind, timeoutMs], { sandbox, buildkitd }) => {
      await buildkitd.listen(unix);
      await buildkitd.behave({ delayMs });
      const script = `
      import { createBuildsClient, parseEndpoint } from ${JSON.stringify(library)};
      const client = createBuildsClient({ endpoint: parseEndpoint('${unix}'), timeoutMs: ${timeoutMs} });
      console.log((await client.ask()).kind);`;
      const asked = await sandbox.start([
        process.execPath,
        '--input-type=module',
        '--eval',
        script,
      ]);
      expect(await asked.ended).toMatchObject({ code: 0, stdout: `${kind}\n`, stderr: '' });
    },
  );
});

describe.concurrent('a zero is not believed', () => {
  it.for([
    ['v0.13.0-rc1', 'github.com/moby/buildkit'],
    ['', 'github.com/moby/buildkit'],
    ['v0.0.0+unknown', 'github.com/moby/buildkit'],
    ['v0.20.0', 'github.com/earthly/buildkit'],
  ])('of version "%s" of %s', async ([version = '', name = ''], { buildkitd, buildsClient }) => {
    await buildkitd.listen(unix);
    await buildkitd.behave({ answer: 'false-zero', version, package: name });
    await buildkitd.begin('one');
    await buildsClient.open(unix);
    expect(await buildsClient.ask()).toEqual(notAccepted('ERR_ZERO_NOT_TRUSTED', /names no build/));
    await buildkitd.behave({ answer: 'right' });
    expect(await buildsClient.ask()).toMatchObject({ kind: 'known', builds: [{ ref: 'one' }] });
  });

  it.for(['v0.11.0', 'v0.12.3'])(
    'of version %s, which is asked for that alone',
    async (version, { buildkitd, buildsClient }) => {
      await buildkitd.listen(unix);
      // Asked with so many builds, it would never end one.
      const refs = Array.from({ length: 33 }, (_, index) => `build-${index}`);
      await buildkitd.behave({ answer: 'false-zero', version });
      await buildkitd.begin(...refs);
      await buildsClient.open(unix);
      expect(await buildsClient.ask()).toEqual(
        notAccepted(
          'ERR_UNIMPLEMENTED',
          /is asked for its version alone, .* names no build whatever it runs/,
        ),
      );
      await buildkitd.end(...refs);
      expect(await buildkitd.builds()).toEqual([]);
    },
  );

  it('of a daemon that does not know the question', async ({ buildkitd, buildsClient }) => {
    await buildkitd.listen(unix);
    await buildkitd.behave({ answer: 'unimplemented' });
    await buildsClient.open(unix);
    expect(await buildsClient.ask()).toEqual(
      unknown('ERR_UNIMPLEMENTED', /needs buildkitd v0\.12\.4/),
    );
  });

  it('of a daemon without history, which never shows a build', async ({
    buildkitd,
    buildsClient,
  }) => {
    await buildkitd.listen(unix);
    await buildkitd.behave({ version: 'v0.33.0', history: 0, recordsBuilds: false });
    await buildsClient.open(unix);
    for (const ref of ['one', 'two']) {
      expect(await buildsClient.ask()).toEqual(
        notAccepted('ERR_NO_HISTORY', /names no build, .* the history can be switched off/),
      );
      await buildkitd.begin(ref);
    }
    await buildkitd.behave({ recordsBuilds: true });
    expect(await buildsClient.ask()).toMatchObject({
      kind: 'known',
      builds: [{ ref: 'one' }, { ref: 'two' }],
    });
  });

  it.for([
    ['error', 'ERR_GRPC_STATUS', /UNAVAILABLE: not now/],
    ['garbage', 'ERR_ANSWER_MALFORMED', /the answer is malformed/],
  ] as const)(
    'of a daemon that answers with %s',
    async ([answer, code, message], { buildkitd, buildsClient }) => {
      await buildkitd.listen(unix);
      await buildkitd.behave({ answer });
      await buildsClient.open(unix);
      expect(await buildsClient.ask()).toEqual(unknown(code, message));
    },
  );
});

describe.concurrent('a zero is believed', () => {
  it.for([
    ['one record', 1, true],
    // Some megabytes more than an answer may have.
    ['more records than are read', 5000, false],
  ] as const)(
    'of a daemon that has %s of the past',
    async ([, history, knowsLimit], { buildkitd, buildsClient }) => {
      await buildkitd.listen(unix);
      await buildkitd.behave({ history, knowsLimit });
      await buildsClient.open(unix, { timeoutMs: 10_000 });
      expect(await buildsClient.ask()).toEqual(none);
      await waitFor('the end of the connection', async () => (await buildsClient.own()).isSettled);
    },
  );

  it('of a daemon without records, of a version that always keeps them', async ({
    buildkitd,
    buildsClient,
  }) => {
    await buildkitd.listen(unix);
    await buildkitd.behave({ version: 'v0.32.2', history: 0 });
    await buildsClient.open(unix);
    expect(await buildsClient.ask()).toEqual({ kind: 'known', builds: [], lastEndedAtMs: null });
  });

  it('of any daemon that has named a running build before', async ({ buildkitd, buildsClient }) => {
    await buildkitd.listen(unix);
    await buildkitd.behave({ version: 'v0.0.0+unknown', history: 0 });
    await buildsClient.open(unix);
    expect(await buildsClient.ask({ namesBuilds: false })).toMatchObject({ kind: 'unknown' });
    expect(await buildsClient.ask({ namesBuilds: true })).toMatchObject({
      kind: 'known',
      builds: [],
    });
  });

  it('unless a build has begun before it is shown that there is a history', async ({
    buildkitd,
    buildsClient,
  }) => {
    await buildkitd.listen(unix);
    await buildkitd.behave({ answer: 'late-build' });
    await buildsClient.open(unix);
    expect(await buildsClient.ask()).toMatchObject({ kind: 'known', builds: [{ ref: 'late' }] });
  });
});

const codes: Record<string, [code: string, message: RegExp]> = {
  'garbage instead of HTTP/2': ['ERR_NO_GRPC', /without TLS .*--tls-ca/],
  'garbage in a frame': ['ERR_ANSWER_MALFORMED', /the answer is malformed/],
  'garbage instead of a frame': ['ERR_ANSWER_COMPRESSED', /compressed/],
  'a cut frame': ['ERR_ANSWER_CUT', /last message is incomplete/],
  'a cut frame header': ['ERR_ANSWER_CUT', /last message is incomplete/],
  'a message cut within its frame': ['ERR_ANSWER_MALFORMED', /ends within/],
  'a compressed frame': ['ERR_ANSWER_COMPRESSED', /compressed/],
  'a frame of 4 GiB': ['ERR_ANSWER_TOO_LARGE', /a message is larger than/],
  'frames without end': ['ERR_ANSWER_TOO_LARGE', /the answer is larger than/],
  'no trailers': ['ERR_ANSWER_CUT', /no grpc-status/],
  'trailers without a status': ['ERR_ANSWER_CUT', /no grpc-status/],
  'an error after a build': ['ERR_GRPC_STATUS', /UNAVAILABLE: going away$/],
  'an error in its head': ['ERR_GRPC_STATUS', /PERMISSION_DENIED/],
  'a status that is no number': ['ERR_GRPC_STATUS', /answered fine/],
  'HTTP status 500': ['ERR_HTTP_STATUS', /HTTP status 500/],
  'a page': ['ERR_NO_GRPC', /text\/html/],
  'a reset': ['ERR_ANSWER_CUT', /cut off/],
  'a reset after a build': ['ERR_ANSWER_CUT', /cut off/],
  'the end of the connection': ['ERR_ANSWER_CUT', /cut off/],
  'HTTP/1.1': ['ERR_NO_GRPC', /without TLS .*--tls-ca/],
  'an end without a word': ['ERR_NO_GRPC', /does not speak gRPC/],
  'a reset without a word': ['ERR_NO_GRPC', /does not speak gRPC/],
  'no word at all': ['ERR_CALL_TIMEOUT', /within 1000ms: .* for the first HTTP\/2 frame/],
  'no answer': ['ERR_CALL_TIMEOUT', /within 1000ms: .* for the answer/],
};

describe.concurrent('what can not be read is unknown, never zero:', () => {
  it.for(Object.entries(codes))(
    '%s',
    async ([how, [code, message]], { buildkitd, buildsClient }) => {
      for (const address of [unix, tcp]) {
        await buildkitd.listenBroken(address, how);
        // Sixteen megabytes may take longer than an answer may.
        await buildsClient.open(address, how === 'frames without end' ? { timeoutMs: 20_000 } : {});
        expect(await buildsClient.ask()).toEqual(unknown(code, message));
        await waitFor(
          'the end of the connection',
          async () => (await buildsClient.own()).isSettled,
        );
      }
    },
  );

  it('a socket that is not there, or refuses', async ({ buildkitd, buildsClient }) => {
    await buildsClient.open(unix);
    expect(await buildsClient.ask()).toEqual(unknown('ENOENT', /cannot be reached/));
    await buildsClient.open(tcp);
    expect(await buildsClient.ask()).toEqual(unknown('ECONNREFUSED', /cannot be reached/));
    await buildkitd.listen(tcp);
    expect(await buildsClient.ask()).toEqual(none);
    await buildkitd.unlisten(tcp);
    expect(await buildsClient.ask()).toEqual(unknown('ECONNREFUSED', /cannot be reached/));
  });

  it('an answer after its call was given up', async ({ buildkitd, buildsClient }) => {
    await buildkitd.listen(unix);
    await buildkitd.behave({ delayMs: -1 });
    await buildsClient.open(unix, { timeoutMs: 60_000 });
    await buildsClient.begin();
    await waitFor('a connection', async () => !(await buildsClient.own()).isSettled);
    await buildsClient.close();
    expect(await buildsClient.answer()).toEqual(unknown('ERR_CLOSED', /closed/));
    expect(await buildsClient.ask()).toEqual(unknown('ERR_CLOSED', /closed/));
  });

  it('the answer of a daemon that has stopped', async ({ buildkitd, buildsClient }) => {
    await buildkitd.listen(tcp);
    await buildkitd.process.signal('SIGSTOP');
    await buildsClient.open(tcp);
    expect(await buildsClient.ask()).toEqual(unknown('ERR_CALL_TIMEOUT', /within 1000ms/));
    await buildkitd.process.signal('SIGCONT');
    expect(await buildsClient.ask()).toEqual(none);
  });
});

describe.concurrent("the tool's own connection", () => {
  it.for([
    ['TCP over IPv4', tcp],
    ['TCP over IPv6', 'tcp://[::1]:1234'],
    ['TCP by a name', 'tcp://localhost:1234'],
    ['a unix socket', unix],
  ] as const)(
    'is distinguished from all others, over %s',
    async ([, address], { sandbox, buildkitd, buildsClient }) => {
      await buildkitd.listen(address.replace('localhost', '127.0.0.1'));
      const idle = await startClient(sandbox, 'idle', address);
      await idle.line(0);
      await buildkitd.behave({ delayMs: -1 });
      await buildsClient.open(address, { timeoutMs: 60_000 });
      await buildsClient.begin();
      for (const by of backendNames) {
        const peers = await waitFor('two connections', async () => {
          const { connections } = await buildsClient.poll(by, address);
          return connections.length === 2 && connections.map(({ peer }) => peer);
        });
        const own = await buildsClient.own();
        expect(own).toEqual({ peers: [expect.any(String)], isSettled: false });
        const isNamed = by === 'sock-diag' || address.startsWith('tcp');
        expect(peers.filter((peer) => own.peers.includes(peer ?? ''))).toHaveLength(
          isNamed ? 1 : 0,
        );
      }
      await buildkitd.behave({ delayMs: 0 });
      await buildsClient.close();
      await waitFor('the end of the connection', async () => (await buildsClient.own()).isSettled);
      expect(await buildsClient.poll('procfs', address)).toMatchObject({ connections: [{}] });
    },
  );
});
