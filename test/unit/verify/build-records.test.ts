import { describe, expect, it } from 'vitest';
import { callError, GrpcStatusError, malformed } from '../../../src/grpc/errors.ts';
import { encodeMessage } from '../../../src/grpc/protobuf.ts';
import type { GrpcConnection } from '../../../src/grpc/types.ts';
import { readBuildRecords } from '../../../src/verify/build-records.ts';

const descriptor = (digest: string): Uint8Array => encodeMessage([[2, digest]]);
const entry = (value: Uint8Array): Uint8Array => encodeMessage([[2, value]]);
const event = (...fields: [number, string | Uint8Array][]): Uint8Array =>
  encodeMessage([[2, encodeMessage(fields)]]);

const versionOf = (version: string): Uint8Array =>
  encodeMessage([
    [
      1,
      encodeMessage([
        [1, 'github.com/moby/buildkit'],
        [2, version],
      ]),
    ],
  ]);

/** A connection whose history is this. */
function history(
  messages: Iterable<Uint8Array>,
  end: Error | null = null,
  version = 'v0.25.0',
): GrpcConnection {
  return {
    call: async () => [versionOf(version)],
    async *stream() {
      yield* messages;
      if (end !== null) {
        throw end;
      }
    },
  };
}

describe('the history of builds', () => {
  it('names all blobs of a build', async () => {
    const result = encodeMessage([
      [1, descriptor('deprecated')],
      [2, descriptor('attestation')],
      [3, entry(descriptor('result'))],
    ]);
    const record = event(
      ...([
        [1, 'one'],
        [8, descriptor('logs')],
        [10, result],
        [11, entry(encodeMessage([[3, entry(descriptor('of a platform'))]]))],
        [13, descriptor('trace')],
        [18, descriptor('error')],
      ] as [number, string | Uint8Array][]),
    );
    const other = event([1, 'two'], [8, descriptor('logs')]);
    const builds = await readBuildRecords(history([record, other]));
    expect(Object.fromEntries(builds)).toEqual({
      ...{ deprecated: ['one'], attestation: ['one'], result: ['one'], 'of a platform': ['one'] },
      ...{ logs: ['one', 'two'], trace: ['one'], error: ['one'] },
    });
  });

  it('is not read where the question may end the daemon', async () => {
    const one = event([1, 'one'], [8, descriptor('logs')]);
    expect((await readBuildRecords(history([one], null, 'v0.12.3'))).size).toBe(0);
    expect((await readBuildRecords(history([one], null, 'v0.12.4'))).size).toBe(1);
  });

  it('is read until it fills too much memory', async () => {
    let sent = 0;
    function* endless(): Generator<Uint8Array> {
      for (;;) {
        sent += 1;
        yield event([1, `${sent}`.padEnd(1_000_000)], [8, descriptor('logs')]);
      }
    }
    expect((await readBuildRecords(history(endless()))).get('logs')).toHaveLength(sent);
    expect(sent).toBeLessThan(100);
  });

  it('has what came before an error, which ends no check', async () => {
    const one = event([1, 'one'], [8, descriptor('logs')]);
    const unknown = callError('ERR_UNIMPLEMENTED', 'it does not know the question');
    expect([...(await readBuildRecords(history([], unknown)))]).toEqual([]);
    const refusal = new GrpcStatusError('INTERNAL', 'a');
    expect([...(await readBuildRecords(history([one], refusal)))]).toEqual([['logs', ['one']]]);
    expect([...(await readBuildRecords(history([one], malformed('a'))))]).toEqual([
      ['logs', ['one']],
    ]);
  });
});
