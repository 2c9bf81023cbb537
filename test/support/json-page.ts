import { readFileSync } from 'node:fs';

/** The fields of a record or an event, each with its type as docs/json.md has it. */
type Fields = ReadonlyMap<string, string>;

export const page = readFileSync(new URL('../../docs/json.md', import.meta.url), 'utf8');

/** Records and answers by the titles of their parts of the page. */
export const records: ReadonlyMap<string, Fields> = recordsOf(page);
export const events: ReadonlyMap<string, Fields> = eventsOf(page);

/** The records that have been checked by this process. */
export const checkedRecords = new Set<string>();

/** What is wrong with a line of a log, by the page. */
export function wrongInLine(line: Readonly<Record<string, unknown>>): string[] {
  return wrongInEvent(line, ['timestamp', ...entryFields]);
}

/** What is wrong with an event without a timestamp. */
function wrongInNotice(notice: Readonly<Record<string, unknown>>): string[] {
  return wrongInEvent(notice, entryFields);
}

/** What is wrong with a record or an answer. */
export function wrongInRecord(name: string, value: unknown): string[] {
  const fields = records.get(name);
  checkedRecords.add(name);
  return fields === undefined ? [`${name} is not on the page`] : wrongInFields(fields, value, name);
}

const entryFields = ['level', 'message', 'event'];

function wrongInEvent(
  line: Readonly<Record<string, unknown>>,
  common: readonly string[],
): string[] {
  const name = String(line['event']);
  const own = events.get(name);
  if (own === undefined) {
    return [`the event ${name} is not on the page`];
  }
  const entry = records.get('Every line') ?? new Map<string, string>();
  const shared = [...entry].filter(([field]) => common.includes(field));
  checkedRecords.add('Every line');
  return wrongInFields(new Map([...shared, ...own]), line, name);
}

function wrongInFields(fields: Fields, value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) {
    return [`${path} is no object`];
  }
  const extra = Object.keys(value).filter((name) => !fields.has(name));
  return [
    ...extra.map((name) => `${path}.${name} is not on the page`),
    ...[...fields].flatMap(([name, type]) =>
      name in value
        ? wrongInValue(type, (value as Record<string, unknown>)[name], `${path}.${name}`)
        : [`${path}.${name} is missing`],
    ),
  ];
}

const orNull = ', or null';

/** A type without null, an enumeration being a string. */
export function baseType(type: string): string {
  const base = type.endsWith(orNull) ? type.slice(0, -orNull.length) : type;
  return base.startsWith('one of ') ? 'string' : base;
}

function wrongInValue(type: string, value: unknown, path: string): string[] {
  if (type.endsWith(orNull)) {
    return value === null ? [] : wrongInValue(type.slice(0, -orNull.length), value, path);
  }
  if (type.startsWith('list of ')) {
    return Array.isArray(value)
      ? value.flatMap((item, at) => wrongInValue(type.slice(8), item, `${path}[${at}]`))
      : [`${path} is no list: ${JSON.stringify(value)}`];
  }
  if (type.startsWith('one of ')) {
    const values = [...type.matchAll(/`([^`]+)`/g)].map(([, each]) => each);
    return values.includes(value as string) ? [] : [`${path} is none of them: ${String(value)}`];
  }
  if (type === 'Notice') {
    return wrongInNotice(value as Record<string, unknown>);
  }
  const isRight = primitives[type];
  if (isRight === undefined) {
    checkedRecords.add(type);
    const fields = records.get(type);
    return fields === undefined ? [`${path}: no type ${type}`] : wrongInFields(fields, value, path);
  }
  return isRight(value) ? [] : [`${path} is no ${type}: ${JSON.stringify(value)}`];
}

const primitives: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  time: (value) => typeof value === 'string' && new Date(value).toISOString() === value,
};

function recordsOf(text: string): Map<string, Fields> {
  const parts = text.split(/^#{2,3} /m).slice(1);
  const found = new Map<string, Fields>();
  for (const part of parts) {
    const title = part.split('\n')[0] ?? '';
    const rows = rowsOf(part, 3);
    if (rows.length > 0) {
      found.set(title, fieldsOf(rows as [string, string][], found));
    }
  }
  // One table describes several answers: each is a name of its own.
  return new Map(
    [...found].flatMap(([title, fields]) => title.split(', ').map((name) => [plain(name), fields])),
  );
}

function eventsOf(text: string): Map<string, Fields> {
  const rows = rowsOf(text, 4);
  const starts = rows.flatMap(([event], at) => (event === '' ? [] : [at]));
  return new Map(
    starts.map((at, index) => {
      const own = rows.slice(at, starts[index + 1]).map((row) => row.slice(1));
      return [plain(rows[at]?.[0] ?? ''), fieldsOf(own as [string, string][], recordsOf(text))];
    }),
  );
}

function fieldsOf(rows: readonly [string, string][], known: ReadonlyMap<string, Fields>): Fields {
  return new Map(
    rows.flatMap(([field, type]): [string, string][] => {
      if (field === '') {
        return [];
      }
      return field.startsWith('`') ? [[plain(field), type]] : [...(known.get(field) ?? [])];
    }),
  );
}

/** The rows of all tables with so many columns, without their heads. */
function rowsOf(text: string, columns: number): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(
      (cells) => cells.length === columns && !['field', 'event', '---'].includes(cells[0] ?? ''),
    );
}

function plain(text: string): string {
  return text.replaceAll('`', '');
}
