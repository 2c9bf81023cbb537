import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

type Rooms = Readonly<Record<string, readonly string[]>>;

const root = fileURLToPath(new URL('../..', import.meta.url));
const rooms = createRequire(import.meta.url)('../../tools/rooms.cjs') as Rooms;
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

/** `src/cli/main.ts` is in the room `cli`, `src/cli.ts` too, and all of bench in `bench`. */
function roomOf(path: string): string {
  const [top = '', next = ''] = path.split('/');
  return top === 'bench' ? top : next.replace(/\.ts$/, '');
}

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function importsOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  const specifiers = text.matchAll(/(?:from |import |import\()'(\.[^']+)'/g);
  return [...specifiers].map(([, specifier = '']) =>
    relative(root, join(root, dirname(path), specifier)),
  );
}

/** `from to` for each arrow between two rooms. The package's entry, src/index.ts, is in no room. */
function importedArrows(): Set<string> {
  const files = [...filesIn('src'), ...filesIn('bench')].filter((path) => path !== 'src/index.ts');
  const arrows = files.flatMap((path) =>
    importsOf(path).map((imported) => [roomOf(path), roomOf(imported)] as const),
  );
  return new Set(arrows.filter(([from, to]) => from !== to).map((arrow) => arrow.join(' ')));
}

function allowedArrows(): string[] {
  return Object.entries(rooms).flatMap(([from, known]) => known.map((to) => `${from} ${to}`));
}

function reachableFrom(room: string): Set<string> {
  const next = rooms[room] ?? [];
  return new Set(next.flatMap((each) => [each, ...reachableFrom(each)]));
}

/** The arrows that no others imply. */
function directArrows(): string[] {
  return Object.entries(rooms).flatMap(([from, known]) =>
    known
      .filter((to) => !known.some((other) => other !== to && reachableFrom(other).has(to)))
      .map((to) => `${from} ${to}`),
  );
}

describe('docs/architecture.md', () => {
  it('draws the arrows that tools/rooms.cjs allows, without those that others imply', () => {
    const picture = /```mermaid\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    const drawn = [...picture.matchAll(/^ *(\S+) --> (\S+)$/gm)].map(
      ([, from, to]) => `${from} ${to}`,
    );
    expect(drawn.toSorted()).toEqual(directArrows().toSorted());
  });

  it('says what each room does', () => {
    const told = [...page.matchAll(/^\| `([a-z-]+)` \| /gm)].map(([, room]) => room);
    expect(told.toSorted()).toEqual(Object.keys(rooms).toSorted());
  });
});

it('tools/rooms.cjs allows the imports that there are, and no others', () => {
  expect([...importedArrows()].toSorted()).toEqual(allowedArrows().toSorted());
});
