import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { type Cli, type CliOptions, cliPath, startCli } from '../support/cli.ts';
import { digestOf, type Store, startStore } from '../support/content.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it as itInSandbox } from '../support/test.ts';

const it = itInSandbox.extend<{ store: Store }>({
  store: async ({ sandbox }, use) => {
    await use(await startStore(sandbox));
  },
});

const unix = 'unix:///run/buildkitd.sock';
const tcp = 'tcp://127.0.0.1:1234';

interface Verified {
  readonly code: number | null;
  /** What stands on standard output. */
  readonly text: string;
  readonly events: readonly string[];
}

/** A check to its end. */
async function verify(
  sandbox: Sandbox,
  args: readonly string[] = [],
  options: CliOptions = {},
): Promise<Verified> {
  return verified(await startVerify(sandbox, args, options));
}

function startVerify(
  sandbox: Sandbox,
  args: readonly string[] = [],
  options: CliOptions = {},
): Promise<Cli> {
  return startCli(sandbox, ['verify', '--log-to=stderr', ...args], options);
}

async function verified({ ended }: Cli): Promise<Verified> {
  const { code, stdout, logs } = await ended;
  return { code, text: stdout, events: logs.map(({ event }) => event) };
}

interface Answer {
  readonly code: number | null;
  readonly state: string;
  readonly stores: readonly string[];
  readonly blobs: {
    readonly checked: number;
    readonly bytes: number;
    readonly missing: readonly Broken[];
    readonly short: readonly Broken[];
    readonly corrupt: readonly Broken[];
    readonly unchecked: readonly { readonly name: string; readonly error: Fault }[];
  };
  readonly error: Fault | null;
}

interface Broken {
  readonly digest: string;
  readonly expectedBytes: number;
  readonly foundBytes: number | null;
}

interface Fault {
  readonly code: string;
  readonly message: string;
}

/** What `verify --json` answers. */
async function answer(
  sandbox: Sandbox,
  args: readonly string[] = [],
  options: CliOptions = {},
): Promise<Answer> {
  return answerOf(await startVerify(sandbox, ['--json', ...args], options));
}

async function answerOf(cli: Cli): Promise<Answer> {
  const { code, text } = await verified(cli);
  return { code, ...(JSON.parse(text) as Omit<Answer, 'code'>) };
}

/** Whole, with so many blobs. */
const whole = (checked: number) => ({ code: 0, state: 'whole', blobs: { checked }, error: null });

/** The whole check is unknown for this reason. */
const failed = (code: string, message: RegExp) => ({
  ...{ code: 4, state: 'unknown' },
  error: { code, message: expect.stringMatching(message) },
});

/** Of one blob it is unknown whether it is whole. */
const unchecked = (name: string, code: string, message: RegExp) => ({
  ...{ code: 4, state: 'unknown', error: null },
  blobs: { unchecked: [{ name, error: { code, message: expect.stringMatching(message) } }] },
});

const dozen = Array.from({ length: 12 }, (_, number) => `blob ${number}`);

describe.concurrent('a buildkitd whose blobs are all there', () => {
  it.for([unix, tcp, 'tcp://[::]:1234'])(
    'is whole, by the ends of the blobs or by all bytes: %s',
    async (address, { sandbox, store }) => {
      await store.buildkitd.listen(address);
      await store.add('one', '', Buffer.alloc(3_000_000));
      for (const args of [[], ['--digests'], ['--addr', address]]) {
        const { code, text, events } = await verify(sandbox, args);
        expect(text).toContain(`Whole: 3 blobs (3 MB) of ${address} were checked`);
        expect({ code, events }).toEqual({ code: 0, events: ['verified'] });
      }
    },
  );

  it('is whole with more of them than one message has', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    await store.add(...Array.from({ length: 1234 }, (_, number) => `blob ${number}`));
    expect(await answer(sandbox)).toMatchObject(whole(1234));
  });

  it('is whole, though its history of builds is garbage', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    await store.add('one');
    await store.buildkitd.behave({ answer: 'garbage' });
    expect(await answer(sandbox)).toMatchObject(whole(1));
  });

  it('is whole without any, and says so', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    const { code, text } = await verify(sandbox);
    expect({ code, text }).toEqual({ code: 0, text: `Whole: ${unix} is empty.\n` });
  });

  it('prints nothing but the result to standard output', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    await store.add('one');
    const cli = await startVerify(sandbox, ['--json']);
    const { stdout, stderr } = await cli.process.ended;
    expect(stdout).toMatch(/^\{"state":"whole".*\}\n$/);
    expect(stderr).toMatch(/^\{"timestamp".*"event":"verified".*\}\n$/);
  });

  it('is whole with a file that has become longer', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    const [digest = ''] = await store.add('one');
    writeFileSync(store.pathOf(digest), 'one and more');
    expect(await answer(sandbox)).toMatchObject(whole(1));
    expect(await answer(sandbox, ['--digests'])).toMatchObject(whole(1));
  });
});

describe.concurrent('a buildkitd whose blobs are not as its metadata says', () => {
  it('is damaged by files that are missing', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    const [one = '', empty = ''] = await store.add('one', '', ...dozen);
    rmSync(store.pathOf(one));
    rmSync(store.pathOf(empty));
    for (const args of [[], ['--digests']]) {
      const { code, text, events } = await verify(sandbox, args);
      expect({ code, events }).toEqual({ code: 5, events: ['verified'] });
      expect(text).toMatch(/^Damaged: 14 blobs .* were checked: 2 blobs are broken\.\n/);
      expect(text).toContain(`  missing: ${one} of 3 bytes`);
      expect(text).toContain(`  missing: ${empty} of 0 bytes`);
    }
    expect(await answer(sandbox)).toMatchObject({
      ...{ code: 5, state: 'damaged', error: null },
      blobs: {
        ...{ checked: 14, short: [], corrupt: [], unchecked: [] },
        missing: [
          { digest: one, expectedBytes: 3, foundBytes: null },
          { digest: empty, expectedBytes: 0, foundBytes: null },
        ],
      },
    });
  });

  it.for([0, 1, 1_234_567, 2_999_999])(
    'is damaged by a file of %d bytes of 3,000,000, and says so',
    async (bytes, { sandbox, store }) => {
      await store.buildkitd.listen(unix);
      const [digest = ''] = await store.add(Buffer.alloc(3_000_000), ...dozen);
      truncateSync(store.pathOf(digest), bytes);
      const short = [{ digest, expectedBytes: 3_000_000, foundBytes: bytes }];
      for (const args of [[], ['--digests']]) {
        expect(await answer(sandbox, args)).toMatchObject({ code: 5, blobs: { short } });
        const { text } = await verify(sandbox, args);
        expect(text).toContain(`  short: ${digest} with ${bytes} of 3000000 bytes`);
      }
    },
  );

  it('is damaged by a changed byte, which --digests alone finds', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    const [digest = ''] = await store.add('one', ...dozen);
    writeFileSync(store.pathOf(digest), 'onf');
    expect(await answer(sandbox)).toMatchObject(whole(13));
    expect(await answer(sandbox, ['--digests'])).toMatchObject({
      ...{ code: 5, state: 'damaged' },
      blobs: { missing: [], short: [], corrupt: [{ digest, expectedBytes: 3, foundBytes: null }] },
    });
  });

  it('is damaged by 20 GB of which there is nothing', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    const [digest = ''] = await store.add('');
    await store.announce({ digest, size: String(20e9) });
    const short = [{ digest, expectedBytes: 20e9, foundBytes: 0 }];
    expect(await answer(sandbox)).toMatchObject({ code: 5, blobs: { short } });
    expect(await answer(sandbox, ['--digests'])).toMatchObject({ code: 5, blobs: { short } });
  });

  it('names the build that needs the blob', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    const [digest = ''] = await store.add('the logs of a build');
    await store.buildkitd.behave({ logs: digest });
    rmSync(store.pathOf(digest));
    const missing = [
      { digest, usedBy: [{ kind: 'build', name: expect.stringMatching(/^past-0/) }] },
    ];
    expect(await answer(sandbox)).toMatchObject({ code: 5, blobs: { missing } });
  });

  it('is unknown where a file can not be read, and damaged where another one is broken', async ({
    sandbox,
    store,
  }) => {
    await store.buildkitd.listen(unix);
    const [one = '', two = ''] = await store.add('one', 'two', ...dozen);
    rmSync(store.pathOf(one));
    mkdirSync(store.pathOf(one));
    const unknown = unchecked(one, 'ERR_GRPC_STATUS', /UNKNOWN: .*: is a directory$/);
    expect(await answer(sandbox)).toMatchObject(unknown);
    rmSync(store.pathOf(two));
    expect(await answer(sandbox)).toMatchObject({
      ...{ ...unknown, code: 5, state: 'damaged' },
      blobs: { checked: 13, missing: [{ digest: two }], unchecked: [{ name: one }] },
    });
  });
});

describe.concurrent('a blob that changes while it is checked', () => {
  it.for([
    ['is collected before it is read', 12],
    ['loses its file before it is read, and its metadata after one Info', 12],
    ['is away while it is read first', 13],
  ] as const)('is no damage where it %s', async ([how, checked], { sandbox, store }) => {
    for (const args of [[], ['--digests']]) {
      const [digest = ''] = await store.add('one', ...dozen);
      await store.doom(digest, how);
      await store.buildkitd.listen(unix).catch(() => {});
      expect(await answer(sandbox, args)).toMatchObject(whole(checked));
    }
  });
});

describe.concurrent('a buildkitd that lies about a blob', () => {
  it.for([
    ['sends more than asked for', [], 'ERR_ANSWER_MALFORMED', /more than 1 bytes/],
    ['sends more than asked for', ['--digests'], 'ERR_ANSWER_MALFORMED', /more than 3 bytes/],
    ['sends for ever', [], 'ERR_ANSWER_MALFORMED', /more than 1 bytes/],
    ['sends for ever', ['--digests'], 'ERR_ANSWER_MALFORMED', /more than 3 bytes/],
    ['sends garbage', [], 'ERR_ANSWER_MALFORMED', /malformed/],
    ['has an internal error', [], 'ERR_GRPC_STATUS', /INTERNAL: .*broken$/],
    ['has an internal error at its end', [], 'ERR_GRPC_STATUS', /INTERNAL: .*broken$/],
    ['has an internal error at its end', ['--digests'], 'ERR_GRPC_STATUS', /INTERNAL: .*broken$/],
    ['is never found, and its Info is garbage', [], 'ERR_ANSWER_MALFORMED', /malformed/],
    ['is never found, and its Info fails', [], 'ERR_GRPC_STATUS', /UNKNOWN: .*broken$/],
  ] as const)(
    'is unknown, and the others are checked: it %s %j',
    async ([how, args, code, message], { sandbox, store }) => {
      await store.buildkitd.listen(unix);
      const [digest = ''] = await store.add('one', ...dozen);
      await store.doom(digest, how);
      const found = await answer(sandbox, args);
      expect(found).toMatchObject(unchecked(digest, code, message));
      expect(found.blobs.checked).toBe(12);
    },
  );

  it('ends the check by a status that there is not', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    const [digest = ''] = await store.add('one');
    await store.doom(digest, 'answers with a status that there is not');
    expect(await answer(sandbox)).toMatchObject(failed('ERR_GRPC_STATUS', /answered 99: a$/));
  });

  it('does not use up the connection for the others', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    const liars = await store.add(...Array.from({ length: 100 }, (_, at) => `liar ${at}`));
    await Promise.all(liars.map((digest) => store.doom(digest, 'sends for ever')));
    await store.add(Buffer.alloc(3_000_000), ...dozen);
    const { code, blobs } = await answer(sandbox, ['--digests']);
    expect({ code, checked: blobs.checked }).toEqual({ code: 4, checked: 13 });
    expect(blobs.unchecked).toHaveLength(100);
  });
});

describe.concurrent('a buildkitd that lies about its list', () => {
  it.for([
    ['sends garbage', 'ERR_ANSWER_MALFORMED', /malformed/],
    ['sends blobs for ever', 'ERR_ANSWER_MALFORMED', /list of blobs does not end/],
    ['sends tiny blobs for ever', 'ERR_ANSWER_MALFORMED', /list of blobs does not end/],
    ['sends labels for ever', 'ERR_ANSWER_MALFORMED', /list of blobs does not end/],
    ['sends nothing for ever', 'ERR_VERIFY_TIMEOUT', /took longer than 1s/],
    ['hangs', 'ERR_VERIFY_TIMEOUT', /took longer than 1s/],
    ['has no such method', 'ERR_UNIMPLEMENTED', /needs containerd, or buildkitd v0\.11 or later/],
    ['has lost its containerd', 'ERR_GRPC_STATUS', /UNAVAILABLE: .*connection refused/],
    ['answers with a status that there is not', 'ERR_GRPC_STATUS', /answered 99: a$/],
  ] as const)('is unknown: it %s', async ([how, code, message], { sandbox, store }) => {
    await store.buildkitd.listen(unix);
    await store.add('one');
    await store.lieInList(how);
    const timeout = code === 'ERR_VERIFY_TIMEOUT' ? '1s' : '5m';
    const { options, expectBelow } = measuring(sandbox);
    const found = await answer(sandbox, [`--timeout=${timeout}`], options);
    expect(found).toMatchObject(failed(code, message));
    expectBelow(900);
  });

  it.for([
    ['sha256:', '1', /has no digest/],
    ['none', '1', /has no digest/],
    ['', '1', /has no digest/],
    [digestOf('one'), '-1', /size of -1 bytes/],
    [digestOf('one'), String(2n ** 53n), /size of 9007199254740992 bytes/],
    [digestOf('one'), String(2n ** 64n - 1n), /size of -1 bytes/],
    [digestOf('one'), String(2n ** 53n - 1n), /larger than any disk/],
  ] as const)(
    'is unknown: it lists %j with a size of %s',
    async ([digest, size, message], { sandbox, store }) => {
      await store.buildkitd.listen(unix);
      await store.add(...dozen);
      await store.announce({ digest, size });
      expect(await answer(sandbox)).toMatchObject(failed('ERR_ANSWER_MALFORMED', message));
    },
  );

  it.for([
    ...['garbage instead of HTTP/2', 'garbage in a frame', 'garbage instead of a frame'],
    ...['a cut frame', 'a cut frame header', 'a message cut within its frame'],
    ...['a compressed frame', 'a frame of 4 GiB', 'frames without end', 'no trailers'],
    ...['trailers without a status', 'a status that is no number', 'an error after a build'],
    ...['an error in its head', 'HTTP status 500', 'a page', 'a reset', 'a reset after a build'],
    ...['the end of the connection', 'HTTP/1.1', 'an end without a word'],
    ...['a reset without a word', 'no word at all', 'no answer'],
  ])('is unknown: %s', async (how, { sandbox, store }) => {
    await store.buildkitd.listenBroken(tcp, how);
    const args = ['--addr', tcp, '--timeout=3s'];
    const found = await answer(sandbox, args);
    expect(found).toMatchObject({ code: 4, state: 'unknown' });
    expect(found.error?.code).toMatch(/^ERR_/);
    expect(found.error?.message).not.toMatch(/^the call failed/);
  });
});

/** Options for a process that tells how much memory it has had at most. */
function measuring(sandbox: Sandbox) {
  const result = join(sandbox.directory, 'memory');
  const script = join(sandbox.directory, 'measuring.cjs');
  const line = `require('node:fs').writeFileSync('${result}', \`\${process.resourceUsage().maxRSS}\`)`;
  writeFileSync(script, `process.on('exit', () => ${line});`);
  return {
    options: { program: [process.execPath, '--require', script, cliPath] },
    expectBelow(megabytes: number): void {
      // A checker of memory takes much itself.
      if (process.env['CHECKED_NODE'] === undefined) {
        expect(Number(readFileSync(result, 'utf8')) / 1000).toBeLessThan(megabytes);
      }
    },
  };
}

describe.concurrent('the memory of a check', () => {
  it('is bounded, however large a blob is', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    await store.add(Buffer.alloc(300_000_000), Buffer.alloc(100_000_000, 'a'));
    const { options, expectBelow } = measuring(sandbox);
    expect(await answer(sandbox, ['--digests'], options)).toMatchObject({
      ...whole(2),
      blobs: { bytes: 400_000_000 },
    });
    expectBelow(250);
  });

  it('is bounded, however much is sent for blobs of 20 GB', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    const digests = dozen.map((each) => digestOf(each));
    await store.announce(...digests.map((digest) => ({ digest, size: String(20e9) })));
    await Promise.all(digests.map((digest) => store.doom(digest, 'sends for ever')));
    const { options, expectBelow } = measuring(sandbox);
    const args = ['--digests', '--timeout=3s'];
    expect(await answer(sandbox, args, options)).toMatchObject(
      failed('ERR_VERIFY_TIMEOUT', /took longer than 3s/),
    );
    expectBelow(250);
  });
});

describe.concurrent('a check that ends early', () => {
  it.for([
    ['hangs', []],
    ['hangs', ['--digests']],
    ['sends nothing for ever', []],
    ['sends nothing for ever', ['--digests']],
  ] as const)(
    'is unknown where a blob %s, but for the damage that was found: %j',
    async ([how, args], { sandbox, store }) => {
      await store.buildkitd.listen(unix);
      const [lost = '', hanging = ''] = await store.add('one', 'two');
      await store.doom(hanging, how);
      const short = ['--timeout=4s', ...args];
      const timedOut = failed('ERR_VERIFY_TIMEOUT', /took longer than 4s/);
      expect(await answer(sandbox, short)).toMatchObject(timedOut);
      rmSync(store.pathOf(lost));
      expect(await answer(sandbox, short)).toMatchObject({
        ...{ ...timedOut, code: 5, state: 'damaged' },
        blobs: { checked: 1, missing: [{ digest: lost }] },
      });
      const { text } = await verify(sandbox, short);
      expect(text).toMatch(/^Damaged: 1 blob .*; the check could not go on: it took longer/);
    },
  );

  it.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'shows by %s what was found until then',
    async ([signal, code], { sandbox, store }) => {
      await store.buildkitd.listen(unix);
      const [lost = '', slow = ''] = await store.add('one', 'two');
      await store.announce({ digest: slow, size: String(20e9) });
      await store.doom(slow, 'arrives byte by byte');
      rmSync(store.pathOf(lost));
      const args = ['--digests', '--json', '--progress-every=100ms'];
      const cli = await startVerify(sandbox, args);
      expect(await cli.event('verify-progress', 2)).toMatchObject({
        ...{ store: unix, checkedBlobs: 1, allBlobs: 2, allBytes: 20e9 + 3 },
        bytes: expect.any(Number),
      });
      await cli.process.signal(signal);
      expect(await answerOf(cli)).toMatchObject({
        ...{ code, state: 'damaged' },
        blobs: { checked: 1, missing: [{ digest: lost }] },
        error: { code: 'ERR_INTERRUPTED', message: `interrupted by ${signal}` },
      });
    },
  );

  it.for([
    ['SIGSTOP', '5s'],
    ['SIGKILL', '5m'],
  ] as const)(
    'is unknown where the daemon gets %s, but for the damage that was found',
    async ([signal, timeout], { sandbox, store }) => {
      await store.buildkitd.listen(unix);
      const [lost = '', slow = ''] = await store.add('one', 'two');
      await store.announce({ digest: slow, size: String(20e9) });
      await store.doom(slow, 'arrives byte by byte');
      rmSync(store.pathOf(lost));
      const args = ['--digests', '--json', '--progress-every=100ms', `--timeout=${timeout}`];
      const cli = await startVerify(sandbox, args);
      await cli.event('verify-progress', 1);
      await store.buildkitd.process.signal(signal);
      expect(await answerOf(cli)).toMatchObject({
        ...{ code: 5, state: 'damaged' },
        blobs: { checked: 1, missing: [{ digest: lost }] },
        error: { code: signal === 'SIGKILL' ? 'ERR_ANSWER_CUT' : 'ERR_VERIFY_TIMEOUT' },
      });
      await store.buildkitd.process.signal('SIGCONT').catch(() => {});
    },
  );

  it('tells in its log how long it will take', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    const [slow = ''] = await store.add('one');
    await store.announce({ digest: slow, size: String(20e9) });
    await store.doom(slow, 'arrives byte by byte');
    const args = ['--digests', '--progress-every=500ms', '--timeout=3s'];
    const { logs } = await (await startVerify(sandbox, args)).ended;
    const progress = logs.filter(({ event }) => event === 'verify-progress');
    expect(progress.length).toBeGreaterThan(2);
    expect(progress[0]).toMatchObject({ level: 'info', checkedBlobs: 0 });
    expect(progress.at(-1)?.['leftMs']).toBeGreaterThan(1e9);
    expect(progress.at(-1)?.message).toMatch(
      /^0 of 1 blob of unix:\S+ are checked, \d+ B of 20 GB are read, about \d+h.* left\.$/,
    );
  });
});

describe.concurrent('which daemons are checked', () => {
  it('are all that listen, each once', async ({ sandbox, store }) => {
    const other = await startStore(sandbox, 'other');
    await store.buildkitd.listen(unix);
    await store.buildkitd.listen(tcp);
    await other.buildkitd.listen('tcp://127.0.0.1:1235');
    await store.add('one');
    const [lost = ''] = await other.add('two', 'three');
    expect(await answer(sandbox)).toMatchObject({ code: 0, blobs: { checked: 3 } });
    rmSync(other.pathOf(lost));
    const found = await answer(sandbox);
    expect(found).toMatchObject({
      ...{ code: 5, state: 'damaged' },
      blobs: { checked: 3, missing: [{ store: 'tcp://127.0.0.1:1235', digest: lost }] },
    });
    expect([...found.stores].sort()).toEqual(['tcp://127.0.0.1:1235', unix]);
    const { text } = await verify(sandbox);
    expect(text).toMatch(/^Whole: 1 blob .* of unix:/m);
    expect(text).toMatch(/^Damaged: 2 blobs .* of tcp:/m);
    const { code } = await answer(sandbox, ['--addr', unix]);
    expect(code).toBe(0);
  });

  it('are unknown where one of them is, whole as the other may be', async ({ sandbox, store }) => {
    const other = await startStore(sandbox, 'other');
    await store.buildkitd.listen(unix);
    await other.buildkitd.listen(tcp);
    await store.add('one');
    await other.lieInList('sends garbage');
    expect(await answer(sandbox)).toMatchObject({
      ...failed('ERR_ANSWER_MALFORMED', /malformed/),
      blobs: { checked: 1 },
    });
  });

  it('share one deadline, with all their addresses', async ({ sandbox, store }) => {
    const other = await startStore(sandbox, 'other');
    for (const [each, port] of [
      [store, 1234],
      [other, 1235],
    ] as const) {
      await each.buildkitd.listen(`unix:///run/${port}.sock`);
      await each.buildkitd.listen(`tcp://127.0.0.1:${port}`);
      await each.lieInList('hangs');
    }
    const { stores, ...found } = await answer(sandbox, ['--timeout=1s']);
    expect(found).toMatchObject(failed('ERR_VERIFY_TIMEOUT', /took longer than 1s/));
    expect(stores).toHaveLength(2);
    const { text } = await verify(sandbox, ['--timeout=1s']);
    expect(text.match(/took longer than 1s/g)).toHaveLength(2);
  });

  it('end by one Ctrl-C', async ({ sandbox, store }) => {
    const other = await startStore(sandbox, 'other');
    await store.buildkitd.listen(unix);
    await other.buildkitd.listen(tcp);
    for (const each of [store, other]) {
      const [slow = ''] = await each.add('one');
      await each.announce({ digest: slow, size: String(20e9) });
      await each.doom(slow, 'arrives byte by byte');
    }
    const cli = await startVerify(sandbox, ['--digests', '--json', '--progress-every=100ms']);
    await cli.event('verify-progress');
    await cli.process.signal('SIGINT');
    expect(await answerOf(cli)).toMatchObject({ code: 130, error: { code: 'ERR_INTERRUPTED' } });
  });

  it('are asked at another address where one does not answer', async ({ sandbox, store }) => {
    await store.buildkitd.listenBroken(unix, 'a reset without a word');
    await store.buildkitd.listen(tcp);
    await store.add('one');
    expect(await answer(sandbox)).toMatchObject({ ...whole(1), stores: [tcp] });
  });

  it('are unknown where nothing listens', async ({ sandbox, store }) => {
    expect(store.buildkitd.process.hasEnded()).toBe(false);
    expect(await answer(sandbox, ['--addr', unix])).toMatchObject(
      failed('ERR_NO_LISTENER', /nothing listens on unix:\/\/\/run\/buildkitd\.sock/),
    );
  });

  it('are unknown where there is none', async ({ sandbox }) => {
    const { code, text } = await verify(sandbox);
    expect(code).toBe(4);
    expect(text).toMatch(/^Unknown: .*nothing listens on /);
  });
});

describe.concurrent('a buildkitd with TLS', () => {
  it('is checked with its authority, and unknown without', async ({ sandbox, store }) => {
    const authority = createAuthority(sandbox.directory);
    const other = createAuthority(sandbox.directory, 'other');
    const server = authority.sign('server', ['IP:127.0.0.1']);
    const { cert, key } = authority.sign('client', ['DNS:client']);
    await store.buildkitd.listen(tcp, { ...server, ca: authority.ca });
    await store.add('one');
    const own = ['--tls-cert', cert, '--tls-key', key];
    const trusting = (ca: string) => ['--tls-ca', ca, ...own];
    expect(await answer(sandbox, trusting(authority.ca))).toMatchObject(whole(1));
    const untrusted = failed('ERR_TLS_UNTRUSTED', /give the right one by --tls-ca/);
    expect(await answer(sandbox, trusting(other.ca))).toMatchObject(untrusted);
    expect(await answer(sandbox, ['--tls-ca', authority.ca])).toMatchObject(
      failed('ERR_TLS_CLIENT_CERT', /--tls-cert/),
    );
    expect(await answer(sandbox)).toMatchObject(failed('ERR_NO_GRPC', /give --tls-ca/));
  });
});

describe.concurrent('the options of verify', () => {
  it('do not take the deadline of the wait for their own', async ({ sandbox, store }) => {
    await store.buildkitd.listen(unix);
    await store.add('one');
    for (const text of ['1ms', 'soon']) {
      const options = { env: { BUILDKIT_DRAIN_TIMEOUT: text } };
      expect(await answer(sandbox, [], options)).toMatchObject(whole(1));
    }
  });

  it.for([
    [['--digest'], /unknown option "--digest" \(did you mean --digests\?\)/],
    [['--timeout=0s'], /--timeout: expected a duration/],
    [['--namespace=a'], /--namespace: expected --containerd with it/],
    [['--snapshots'], /--snapshots: expected --containerd with it/],
    [['--remove-broken'], /--remove-broken: expected --containerd with it/],
    [['--containerd=relative'], /--containerd: expected/],
    [['--containerd=tcp://127.0.0.1:1'], /--containerd: expected the path of containerd's socket/],
    [['--containerd=/run/c', '--addr=tcp://:1'], /--addr: expected no --containerd with it/],
    [['--containerd=/run/c', '--pid=1'], /--pid: expected no --containerd with it/],
    [['--tls-ca=/nowhere'], /--tls-ca: expected a readable PEM file/],
  ] as const)(
    'are refused if wrong, with the help of verify: %j',
    async ([args, message], { sandbox }) => {
      const { code, stdout, stderr } = await (await startCli(sandbox, ['verify', ...args])).process
        .ended;
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(message);
      expect(stderr).toContain('Try: buildkit-drain verify --help');
    },
  );
});
