import { describe, expect, it } from 'vitest';
import {
  InspectError,
  type Inspector,
  type InspectorName,
  type Sight,
} from '../../../src/backends/types.ts';
import { type ChoiceNotice, lookByBest } from '../../../src/backends/with-fallback.ts';
import { client, tcpEndpoint } from '../support/samples.ts';

const vouched: Sight = { listenerInodes: [5], connections: [client('10.0.0.5:1')] };
const nobody: Sight = { listenerInodes: [], connections: [] };

/** An inspector that answers what it is told to, and counts how often it was asked. */
class Scripted implements Inspector {
  readonly name: InspectorName;
  answer: Sight | string;
  looks = 0;

  constructor(name: InspectorName, answer: Sight | string) {
    this.name = name;
    this.answer = answer;
  }

  look(): Sight {
    this.looks += 1;
    if (typeof this.answer === 'string') {
      throw new InspectError(this.answer, 'look', `refused with ${this.answer}`);
    }
    return this.answer;
  }

  close(): void {}
}

function setUp(sockDiag: Sight | string, procfs: Sight | string) {
  const first = new Scripted('sock-diag', sockDiag);
  const second = new Scripted('procfs', procfs);
  const notices: ChoiceNotice[] = [];
  const looker = lookByBest(tcpEndpoint, [first, second], (notice) => notices.push(notice));
  return { first, second, notices, looker, look: looker.look };
}

describe('the choice of an inspector', () => {
  it('is the first one, where it sees the listener, and the second is not even asked', () => {
    const { look, second, notices } = setUp(vouched, vouched);
    expect(look()).toMatchObject({ kind: 'seen', inspector: 'sock-diag' });
    expect(second.looks).toBe(0);
    expect(notices).toMatchObject([
      { kind: 'inspector-chosen', inspector: 'sock-diag', passedOver: null },
    ]);
  });

  it('is the second where the first fails, and says why', () => {
    const { look, notices } = setUp('EPROTONOSUPPORT', vouched);
    expect(look()).toMatchObject({ kind: 'seen', inspector: 'procfs' });
    expect(notices).toMatchObject([
      {
        inspector: 'procfs',
        passedOver: { inspector: 'sock-diag', reason: 'refused with EPROTONOSUPPORT' },
      },
    ]);
  });

  it('is the second where the first sees no listener and the second does', () => {
    const { look, notices } = setUp(nobody, vouched);
    expect(look()).toMatchObject({ inspector: 'procfs' });
    expect(notices).toMatchObject([{ passedOver: { reason: 'it sees no listener' } }]);
  });

  it('is the first where neither sees a listener', () => {
    expect(setUp(nobody, nobody).look()).toMatchObject({ inspector: 'sock-diag' });
  });

  it('is put off where both fail, with both reasons', () => {
    const { look, first, notices } = setUp('EPERM', 'EACCES');
    expect(look()).toMatchObject({
      kind: 'unseen',
      error: {
        code: 'EPERM',
        message: 'sock-diag: refused with EPERM; procfs: refused with EACCES',
      },
    });
    expect(notices).toEqual([]);
    first.answer = vouched;
    expect(look()).toMatchObject({ kind: 'seen', inspector: 'sock-diag' });
  });
});

describe('a handicap of the chosen inspector', () => {
  it('is told once, and once more when it is over', () => {
    const { look, first, notices } = setUp(vouched, vouched);
    let handicap: string | null = 'it is dear';
    const sighted = Object.assign(first, { handicap: () => handicap });
    const lookOften = (): void => {
      for (let looks = 0; looks < 120; looks += 1) {
        look();
      }
    };
    lookOften();
    handicap = null;
    lookOften();
    expect(notices.slice(1)).toMatchObject([
      { kind: 'inspector-handicapped', inspector: sighted.name, handicap: 'it is dear' },
      { kind: 'inspector-handicapped', handicap: null },
    ]);
  });
});

describe('a handicap of an inspector that gave way', () => {
  it('is not said to be over for the one that took its place', () => {
    const { look, first, notices } = setUp(vouched, vouched);
    Object.assign(first, { handicap: () => 'it is dear' });
    look();
    look();
    first.answer = 'EPERM';
    for (let looks = 0; looks < 120; looks += 1) {
      look();
    }
    expect(notices.map(({ kind }) => kind)).toEqual([
      'inspector-chosen',
      'inspector-handicapped',
      'inspector-switched',
    ]);
  });
});

describe('a chosen inspector that fails', () => {
  it('is tried again, and its failures are never an answer', () => {
    const { look, first, second } = setUp(vouched, vouched);
    look();
    first.answer = 'EPERM';
    expect([look(), look(), look(), look()].map(({ kind }) => kind)).toEqual(
      Array(4).fill('unseen'),
    );
    expect(second.looks).toBe(0);
    first.answer = vouched;
    expect(look()).toMatchObject({ kind: 'seen', inspector: 'sock-diag' });
  });

  it('gives way to the other one after five failures in a row, for good', () => {
    const { look, first, notices } = setUp(vouched, vouched);
    look();
    first.answer = 'EPERM';
    for (let failures = 0; failures < 4; failures += 1) {
      look();
    }
    expect(look()).toMatchObject({ kind: 'seen', inspector: 'procfs' });
    expect(notices[1]).toMatchObject({
      kind: 'inspector-switched',
      inspector: 'procfs',
      passedOver: { inspector: 'sock-diag', reason: 'refused with EPERM' },
    });
    first.answer = vouched;
    expect(look()).toMatchObject({ inspector: 'procfs' });
  });

  it('stays where the other one fails too, and is followed when it works again', () => {
    const { look, first } = setUp(vouched, 'EACCES');
    look();
    first.answer = 'EPERM';
    for (let failures = 0; failures < 12; failures += 1) {
      expect(look().kind).toBe('unseen');
    }
    first.answer = vouched;
    expect(look()).toMatchObject({ inspector: 'sock-diag' });
  });

  it('gives way where it has lost sight of a listener that the other one sees', () => {
    const { look, first } = setUp(vouched, vouched);
    look();
    first.answer = nobody;
    const inspectors = Array.from({ length: 50 }, () => {
      const seen = look();
      return seen.kind === 'seen' ? seen.inspector : null;
    });
    expect(inspectors.slice(0, 49)).toEqual(Array(49).fill('sock-diag'));
    expect(inspectors[49]).toBe('procfs');
  });

  it('that throws something unforeseen is a failure like any other', () => {
    const { look, first, second } = setUp(vouched, 'EACCES');
    second.answer = 'EACCES';
    first.look = () => {
      throw new TypeError('undefined is not a function');
    };
    expect(look()).toMatchObject({ kind: 'unseen', error: { code: 'ERR_BUG' } });
  });
});
