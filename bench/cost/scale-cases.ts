import { BadValueError, parseWholeNumber } from '../../src/options/values.ts';
import { countText } from '../render/numbers.ts';

/** A case of many sockets or processes, in which the whole process is measured. */
export interface ScaleCase {
  readonly kind: ScaleKind;
  readonly count: number;
}

interface Kind {
  readonly most: number;
  readonly text: (count: string) => string;
}

/** By the word of `--scale`: what there is many of. */
const kinds = {
  clients: { most: 20_000, text: (count) => `${count} TCP clients with the traffic of builds` },
  silent: { most: 20_000, text: (count) => `${count} silent TCP clients` },
  unix: { most: 20_000, text: (count) => `${count} unix clients` },
  unrelated: { most: 200_000, text: (count) => `${count} unrelated sockets` },
  waits: { most: 1000, text: (count) => `${count} waits, each in its own network namespace` },
} satisfies Record<string, Kind>;

type ScaleKind = keyof typeof kinds;

export function caseText({ kind, count }: ScaleCase): string {
  return kinds[kind].text(countText(count));
}

/** A case such as `clients:2000`. @throws BadValueError */
export function parseScaleCase(text: string): ScaleCase {
  const [word = '', count = '', ...more] = text.split(':');
  const kind = (Object.keys(kinds) as ScaleKind[]).find((each) => each === word);
  if (kind === undefined || more.length > 0) {
    const words = Object.keys(kinds).join(', ');
    throw new BadValueError(`a case such as clients:2000, with one of ${words}`, text);
  }
  return { kind, count: parseWholeNumber(count, 1, kinds[kind].most) };
}
