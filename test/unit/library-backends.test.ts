import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as library from '../../src/index.ts';
import { tcpEndpoint, unixEndpoint } from './support/samples.ts';

const badValue = expect.objectContaining({ code: 'ERR_BAD_VALUE' });
const closed = expect.objectContaining({ code: 'ERR_CLOSED' });

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Every method but `close`. */
function methodsOf(object: object): [string, () => unknown][] {
  return Object.entries(object).filter(
    ([name, value]) => typeof value === 'function' && name !== 'close',
  );
}

describe.each(library.backendNames)('the backend %s', (name) => {
  it('opens endpoints alone', ({ onTestFinished }) => {
    const backend = library.openBackend(name);
    onTestFinished(() => backend.close());
    expect(backend).toMatchObject({ name, skipped: null });
    expect(() => backend.open({ kind: 'tcp', localPort: 0 } as never)).toThrow(badValue);
    expect(() => backend.open('tcp://127.0.0.1:1' as never)).toThrow(badValue);
  });

  it.each([tcpEndpoint, unixEndpoint])('uses no endpoint after its end: $kind', (endpoint) => {
    using backend = library.openBackend(name);
    const before = descriptors();
    const open = backend.open(endpoint);
    expect(open.poll()).toMatchObject({ connections: [] });
    open.close();
    open.close();
    expect(descriptors()).toBe(before);
    const methods = methodsOf(open);
    expect(methods.map(([method]) => method)).toContain('poll');
    for (const [method, call] of methods) {
      expect(call, method).toThrow(closed);
    }
    const another = backend.open(endpoint);
    expect(another.poll()).toMatchObject({ connections: [] });
  });

  it('frees all that it has opened, once it is closed', () => {
    const before = descriptors();
    const backend = library.openBackend(name);
    expect(descriptors()).toBe(before);
    const open = [tcpEndpoint, unixEndpoint, tcpEndpoint].map((endpoint) => backend.open(endpoint));
    for (const each of open) {
      each.poll();
    }
    open[0]?.close();
    backend.close();
    backend.close();
    expect(descriptors()).toBe(before);
    expect(() => open[1]?.poll()).toThrow(closed);
    expect(() => backend.open(tcpEndpoint)).toThrow(closed);
  });

  it('is closed at the end of a block, and so are its endpoints', () => {
    const before = descriptors();
    {
      using backend = library.openBackend(name);
      using endpoint = backend.open(tcpEndpoint);
      endpoint.poll();
    }
    expect(descriptors()).toBe(before);
  });
});

describe('a TCP endpoint of sock-diag', () => {
  it('takes a function or null to be called back', () => {
    using backend = library.openBackend('sock-diag');
    const open = backend.open(library.parseEndpoint('tcp://127.0.0.1:1'));
    open.poll();
    expect(() => open.onEnd('no' as never)).toThrow(badValue);
    expect(open.onEnd(() => {})).toBe(true);
    expect(open.onEnd(null)).toBe(false);
    expect(open.takeEnded()).toEqual([]);
    expect(open.traffic().size).toBe(0);
  });
});

describe('opening a backend', () => {
  it('takes the first that works, which is sock-diag here', () => {
    using backend = library.openBackend();
    expect(backend).toMatchObject({ name: 'sock-diag', skipped: null });
  });

  it('fails at once with one that does not work', () => {
    const open = (): unknown => library.openBackend('procfs', { netDirectory: '/nowhere' });
    expect(open).toThrow(expect.objectContaining({ name: 'BackendError', code: 'ENOENT' }));
  });
});
