/** A text beside a dot. */
export interface Label {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'end';
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

interface Dot {
  readonly text: string;
  readonly x: number;
  readonly y: number;
}

const letterWidth = 7.2;
const letterHeight = 13;
const radius = 6;
const places = [
  { anchor: 'start', dx: 8, dy: -6 },
  { anchor: 'end', dx: -8, dy: 14 },
  { anchor: 'start', dx: 8, dy: 14 },
  { anchor: 'end', dx: -8, dy: -6 },
] as const;

/** Puts each text where it covers neither a dot nor another text, if there is such a place. */
export function placeLabels(dots: readonly Dot[]): Label[] {
  const taken: Box[] = dots.map(({ x, y }) => ({
    ...{ left: x - radius, right: x + radius, top: y - radius, bottom: y + radius },
  }));
  return dots.map(({ text, x, y }) => {
    const candidates = places.map(({ anchor, dx, dy }) => ({ text, anchor, x: x + dx, y: y + dy }));
    const free = candidates.find((label) => !taken.some((box) => overlap(box, boxOf(label))));
    const label = free ?? (candidates[0] as Label);
    taken.push(boxOf(label));
    return label;
  });
}

function boxOf({ text, x, y, anchor }: Label): Box {
  const width = text.length * letterWidth;
  const left = anchor === 'start' ? x : x - width;
  return { left, right: left + width, top: y - letterHeight, bottom: y + 2 };
}

function overlap(one: Box, other: Box): boolean {
  return (
    one.left < other.right &&
    other.left < one.right &&
    one.top < other.bottom &&
    other.top < one.bottom
  );
}
