import { describe, expect, it } from 'vitest';
import { parseDocument, readDocument } from '../../../src/verify/documents.ts';
import { createStored } from '../support/stored.ts';

const longest = 8 * 1024 * 1024;
const unreadable = {
  finding: { kind: 'unknown', error: { code: 'ERR_DOCUMENT' } },
  document: null,
};

describe('a document', () => {
  it.each([
    [{ manifests: [{ digest: 'a' }, { digest: 'b' }] }, { kind: 'index', manifests: ['a', 'b'] }],
    [{ manifests: [] }, { kind: 'index', manifests: [] }],
    [
      { config: { digest: 'a' }, layers: [{ digest: 'b' }] },
      { kind: 'manifest', config: 'a', layers: ['b'] },
    ],
    // As Go writes an empty list.
    [
      { config: { digest: 'a' }, layers: null },
      { kind: 'manifest', config: 'a', layers: [] },
    ],
    [{ manifests: [{ digest: 1 }] }, null],
    [{ config: { digest: 'a' }, layers: [{}] }, null],
    [{ config: { digest: 'a' } }, null],
    [{ layers: [] }, null],
    [null, null],
    [[], null],
    ['text', null],
  ])('of %j is %j', (value, document) => {
    expect(parseDocument(JSON.stringify(value))).toEqual(document);
  });

  it('that is no JSON is none', () => {
    expect(parseDocument('{"manifests": [')).toBeNull();
  });

  it('is not read if it is too large to be one', async () => {
    const { content, listed, add } = createStored();
    const text = JSON.stringify({ manifests: [] });
    const [most, more] = [longest, longest + 1].map((bytes) =>
      listed.get(add(Buffer.from(text.padEnd(bytes)))),
    );
    const blob = { digest: '', bytes: 0, labels: new Map() };
    expect(await readDocument(content, most ?? blob)).toMatchObject({
      document: { kind: 'index' },
    });
    const unread = { ...content, read: () => expect.fail('it is read') };
    expect(await readDocument(unread, more ?? blob)).toMatchObject(unreadable);
  });

  it('is unknown if its bytes are right and it is none, and corrupt if they are not', async () => {
    const { content, listed, add } = createStored();
    const [none, right] = [add({ a: 1 }), add({ manifests: [] })].map((digest) => {
      return { digest, bytes: 0, labels: new Map(), ...listed.get(digest) };
    });
    expect(await readDocument(content, none ?? expect.fail())).toMatchObject(unreadable);
    const wrong = { ...(right ?? expect.fail()), digest: none?.digest ?? '' };
    const swapped = { ...content, read: () => content.read(right?.digest ?? '', 0) };
    expect(await readDocument(swapped, wrong)).toEqual({
      finding: { kind: 'corrupt' },
      document: null,
    });
  });
});
