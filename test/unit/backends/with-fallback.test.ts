import { describe, expect, it } from 'vitest';
import {
  type Backend,
  BackendError,
  type BackendName,
  type EndpointSnapshot,
  type TrackedEndpoint,
} from '../../../src/backends/types.ts';
import { type BackendNotice, withFallback } from '../../../src/backends/with-fallback.ts';
import { client, tcpEndpoint, tcpFacts } from '../support/samples.ts';

const listening: EndpointSnapshot = {
  revision: 1,
  listenerInodes: [5],
  connections: [client('10.0.0.5:1')],
};
const nothing: EndpointSnapshot = { revision: 2, listenerInodes: [], connections: [] };

/** A backend with a scripted answer, which counts its polls and its open endpoints. */
class Scripted implements Backend {
  readonly name: BackendName;
  answer: EndpointSnapshot | string;
  tcp = tcpFacts();
  polls = 0;
  opened = 0;

  constructor(name: BackendName, answer: EndpointSnapshot | string) {
    this.name = name;
    this.answer = answer;
  }

  open(): TrackedEndpoint {
    this.opened += 1;
    return {
      poll: () => this.poll(),
      ...this.tcp,
      close: () => {
        this.opened -= 1;
      },
    };
  }

  poll(): EndpointSnapshot {
    this.polls += 1;
    if (typeof this.answer === 'string') {
      throw new BackendError(this.answer, 'poll', `refused with ${this.answer}`);
    }
    return this.answer;
  }
}

function setUp(sockDiag: EndpointSnapshot | string, procfs: EndpointSnapshot | string) {
  const first = new Scripted('sock-diag', sockDiag);
  const second = new Scripted('procfs', procfs);
  const notices: BackendNotice[] = [];
  const poller = withFallback(tcpEndpoint, [first, second], (notice) => notices.push(notice));
  return { first, second, notices, poller, result: poller.poll };
}

describe('the choice of a backend', () => {
  it('is the first one, where it finds the listener, and the second is not even polled', () => {
    const { result, second, notices } = setUp(listening, listening);
    expect(result()).toMatchObject({ kind: 'polled', backend: 'sock-diag' });
    expect(second.polls).toBe(0);
    expect(notices).toMatchObject([
      { kind: 'backend-chosen', backend: 'sock-diag', skipped: null },
    ]);
  });

  it('is the second where the first fails, and reports why', () => {
    const { result, notices } = setUp('EPROTONOSUPPORT', listening);
    expect(result()).toMatchObject({ kind: 'polled', backend: 'procfs' });
    expect(notices).toMatchObject([
      {
        backend: 'procfs',
        skipped: { backend: 'sock-diag', reason: 'refused with EPROTONOSUPPORT' },
      },
    ]);
  });

  it('is the second where the first finds no listener and the second does', () => {
    const { result, notices } = setUp(nothing, listening);
    expect(result()).toMatchObject({ backend: 'procfs' });
    expect(notices).toMatchObject([{ skipped: { reason: 'it sees no listener' } }]);
  });

  it('is the first where neither finds a listener', () => {
    expect(setUp(nothing, nothing).result()).toMatchObject({ backend: 'sock-diag' });
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
    first.answer = listening;
    expect(result()).toMatchObject({ kind: 'polled', backend: 'sock-diag' });
  });
});

describe('a chosen backend that is degraded', () => {
  it('is reported once, and once more when that is over', () => {
    const { result, first, notices } = setUp(listening, listening);
    let degraded: string | null = 'it is costly';
    first.tcp = tcpFacts({ degraded: () => degraded });
    const pollOften = (): void => {
      for (let polls = 0; polls < 120; polls += 1) {
        result();
      }
    };
    pollOften();
    degraded = null;
    pollOften();
    expect(notices.slice(1)).toMatchObject([
      { kind: 'backend-degraded', backend: 'sock-diag', degraded: 'it is costly' },
      { kind: 'backend-degraded', degraded: null },
    ]);
  });
});

describe('a degraded backend that was replaced', () => {
  it('is not reported as recovered for the one that replaced it', () => {
    const { result, first, notices } = setUp(listening, listening);
    first.tcp = tcpFacts({ degraded: () => 'it is costly' });
    result();
    result();
    first.answer = 'EPERM';
    for (let polls = 0; polls < 120; polls += 1) {
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
    const { result, first, second } = setUp(listening, listening);
    result();
    first.answer = 'EPERM';
    expect([result(), result(), result(), result()].map(({ kind }) => kind)).toEqual(
      Array(4).fill('failed'),
    );
    expect(second.polls).toBe(0);
    first.answer = listening;
    expect(result()).toMatchObject({ kind: 'polled', backend: 'sock-diag' });
  });

  it('gives way to the other one after five failures in a row, for good', () => {
    const { result, first, notices } = setUp(listening, listening);
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
    first.answer = listening;
    expect(result()).toMatchObject({ backend: 'procfs' });
  });

  it('stays where the other one fails too, and is followed when it works again', () => {
    const { result, first } = setUp(listening, 'EACCES');
    result();
    first.answer = 'EPERM';
    for (let failures = 0; failures < 12; failures += 1) {
      expect(result().kind).toBe('failed');
    }
    first.answer = listening;
    expect(result()).toMatchObject({ backend: 'sock-diag' });
  });

  it('gives way if it no longer finds a listener that the other one finds', () => {
    const { result, first } = setUp(listening, listening);
    result();
    first.answer = nothing;
    const backends = Array.from({ length: 50 }, () => {
      const seen = result();
      return seen.kind === 'polled' ? seen.backend : null;
    });
    expect(backends.slice(0, 49)).toEqual(Array(49).fill('sock-diag'));
    expect(backends[49]).toBe('procfs');
  });

  it('is closed when it gives way, and so is each one that was only tried', () => {
    const { result, poller, first, second } = setUp('EPERM', 'EACCES');
    result();
    expect([first.opened, second.opened]).toEqual([0, 0]);
    first.answer = listening;
    result();
    expect([first.opened, second.opened]).toEqual([1, 0]);
    first.answer = 'EPERM';
    for (let failures = 0; failures < 5; failures += 1) {
      result();
    }
    expect([first.opened, second.opened]).toEqual([1, 0]);
    second.answer = listening;
    for (let failures = 0; failures < 5; failures += 1) {
      result();
    }
    expect([first.opened, second.opened]).toEqual([0, 1]);
    poller.close();
    expect([first.opened, second.opened]).toEqual([0, 0]);
    expect(result()).toMatchObject({ kind: 'failed', error: { code: 'ERR_CLOSED' } });
  });

  it('hands on its callback and its number of unseen connections when it gives way', () => {
    const { result, poller, first, second } = setUp(listening, listening);
    const called: string[] = [];
    const facts = (name: string) =>
      tcpFacts({ seenBetweenPolls: () => 3, onEnd: () => called.push(name) > 0 });
    first.tcp = facts('first');
    second.tcp = facts('second');
    poller.onEnd(() => {});
    expect([called, poller.seenBetweenPolls()]).toEqual([[], 0]);
    result();
    expect([called, poller.seenBetweenPolls()]).toEqual([['first'], 3]);
    first.answer = 'EPERM';
    for (let failures = 0; failures < 5; failures += 1) {
      result();
    }
    expect([called, poller.seenBetweenPolls()]).toEqual([['first', 'second'], 6]);
    poller.close();
    expect(poller.seenBetweenPolls()).toBe(6);
  });

  it('that throws something unforeseen is a failure like any other', () => {
    const { result, first, second } = setUp(listening, 'EACCES');
    second.answer = 'EACCES';
    first.poll = () => {
      throw new TypeError('undefined is not a function');
    };
    expect(result()).toMatchObject({ kind: 'failed', error: { code: 'ERR_BUG' } });
  });
});
