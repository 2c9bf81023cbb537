import { describe, expect, it } from 'vitest';
import {
  type Backend,
  BackendError,
  type BackendName,
  type EndpointSnapshot,
} from '../../../src/backends/types.ts';
import { type BackendNotice, withFallback } from '../../../src/backends/with-fallback.ts';
import { client, tcpEndpoint } from '../support/samples.ts';

const vouched: EndpointSnapshot = { listenerInodes: [5], connections: [client('10.0.0.5:1')] };
const nobody: EndpointSnapshot = { listenerInodes: [], connections: [] };

/** A backend that answers what it is told to, and counts how often it was asked. */
class Scripted implements Backend {
  readonly name: BackendName;
  answer: EndpointSnapshot | string;
  results = 0;

  constructor(name: BackendName, answer: EndpointSnapshot | string) {
    this.name = name;
    this.answer = answer;
  }

  poll(): EndpointSnapshot {
    this.results += 1;
    if (typeof this.answer === 'string') {
      throw new BackendError(this.answer, 'look', `refused with ${this.answer}`);
    }
    return this.answer;
  }

  close(): void {}
}

function setUp(sockDiag: EndpointSnapshot | string, procfs: EndpointSnapshot | string) {
  const first = new Scripted('sock-diag', sockDiag);
  const second = new Scripted('procfs', procfs);
  const notices: BackendNotice[] = [];
  const poller = withFallback(tcpEndpoint, [first, second], (notice) => notices.push(notice));
  return { first, second, notices, poller, result: poller.poll };
}

describe('the choice of a backend', () => {
  it('is the first one, where it sees the listener, and the second is not even asked', () => {
    const { result, second, notices } = setUp(vouched, vouched);
    expect(result()).toMatchObject({ kind: 'polled', backend: 'sock-diag' });
    expect(second.results).toBe(0);
    expect(notices).toMatchObject([
      { kind: 'backend-chosen', backend: 'sock-diag', skipped: null },
    ]);
  });

  it('is the second where the first fails, and says why', () => {
    const { result, notices } = setUp('EPROTONOSUPPORT', vouched);
    expect(result()).toMatchObject({ kind: 'polled', backend: 'procfs' });
    expect(notices).toMatchObject([
      {
        backend: 'procfs',
        skipped: { backend: 'sock-diag', reason: 'refused with EPROTONOSUPPORT' },
      },
    ]);
  });

  it('is the second where the first sees no listener and the second does', () => {
    const { result, notices } = setUp(nobody, vouched);
    expect(result()).toMatchObject({ backend: 'procfs' });
    expect(notices).toMatchObject([{ skipped: { reason: 'it sees no listener' } }]);
  });

  it('is the first where neither sees a listener', () => {
    expect(setUp(nobody, nobody).result()).toMatchObject({ backend: 'sock-diag' });
  });

  it('is put off where both fail, with both reasons', () => {
    const { result, first, notices } = setUp('EPERM', 'EACCES');
    expect(result()).toMatchObject({
      kind: 'failed',
      error: {
        code: 'EPERM',
        message: 'sock-diag: refused with EPERM; procfs: refused with EACCES',
      },
    });
    expect(notices).toEqual([]);
    first.answer = vouched;
    expect(result()).toMatchObject({ kind: 'polled', backend: 'sock-diag' });
  });
});

describe('a handicap of the chosen backend', () => {
  it('is told once, and once more when it is over', () => {
    const { result, first, notices } = setUp(vouched, vouched);
    let degraded: string | null = 'it is dear';
    const sighted = Object.assign(first, { degraded: () => degraded });
    const lookOften = (): void => {
      for (let results = 0; results < 120; results += 1) {
        result();
      }
    };
    lookOften();
    degraded = null;
    lookOften();
    expect(notices.slice(1)).toMatchObject([
      { kind: 'backend-degraded', backend: sighted.name, degraded: 'it is dear' },
      { kind: 'backend-degraded', degraded: null },
    ]);
  });
});

describe('a handicap of a backend that gave way', () => {
  it('is not said to be over for the one that took its place', () => {
    const { result, first, notices } = setUp(vouched, vouched);
    Object.assign(first, { degraded: () => 'it is dear' });
    result();
    result();
    first.answer = 'EPERM';
    for (let results = 0; results < 120; results += 1) {
      result();
    }
    expect(notices.map(({ kind }) => kind)).toEqual([
      'backend-chosen',
      'backend-degraded',
      'backend-switched',
    ]);
  });
});

describe('a chosen backend that fails', () => {
  it('is tried again, and its failures are never an answer', () => {
    const { result, first, second } = setUp(vouched, vouched);
    result();
    first.answer = 'EPERM';
    expect([result(), result(), result(), result()].map(({ kind }) => kind)).toEqual(
      Array(4).fill('failed'),
    );
    expect(second.results).toBe(0);
    first.answer = vouched;
    expect(result()).toMatchObject({ kind: 'polled', backend: 'sock-diag' });
  });

  it('gives way to the other one after five failures in a row, for good', () => {
    const { result, first, notices } = setUp(vouched, vouched);
    result();
    first.answer = 'EPERM';
    for (let failures = 0; failures < 4; failures += 1) {
      result();
    }
    expect(result()).toMatchObject({ kind: 'polled', backend: 'procfs' });
    expect(notices[1]).toMatchObject({
      kind: 'backend-switched',
      backend: 'procfs',
      skipped: { backend: 'sock-diag', reason: 'refused with EPERM' },
    });
    first.answer = vouched;
    expect(result()).toMatchObject({ backend: 'procfs' });
  });

  it('stays where the other one fails too, and is followed when it works again', () => {
    const { result, first } = setUp(vouched, 'EACCES');
    result();
    first.answer = 'EPERM';
    for (let failures = 0; failures < 12; failures += 1) {
      expect(result().kind).toBe('failed');
    }
    first.answer = vouched;
    expect(result()).toMatchObject({ backend: 'sock-diag' });
  });

  it('gives way where it has lost sight of a listener that the other one sees', () => {
    const { result, first } = setUp(vouched, vouched);
    result();
    first.answer = nobody;
    const backends = Array.from({ length: 50 }, () => {
      const seen = result();
      return seen.kind === 'polled' ? seen.backend : null;
    });
    expect(backends.slice(0, 49)).toEqual(Array(49).fill('sock-diag'));
    expect(backends[49]).toBe('procfs');
  });

  it('that throws something unforeseen is a failure like any other', () => {
    const { result, first, second } = setUp(vouched, 'EACCES');
    second.answer = 'EACCES';
    first.poll = () => {
      throw new TypeError('undefined is not a function');
    };
    expect(result()).toMatchObject({ kind: 'failed', error: { code: 'ERR_BUG' } });
  });
});
