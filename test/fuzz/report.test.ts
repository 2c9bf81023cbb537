import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TrackedConnection } from '../../src/drain/tracked.ts';
import { quote } from '../../src/grpc/errors.ts';
import { connectionTable } from '../../src/messages/connection-table.ts';
import { createLog } from '../../src/messages/log/log.ts';
import { foreignText, holds } from '../support/fuzz.ts';

const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

describe('a log', () => {
  it('in JSON gives back the same text, in one line without a control character', () => {
    holds([foreignText, foreignText, foreignText], (message, name, value) => {
      const lines: string[] = [];
      const now = (): Date => new Date(0);
      const write = (line: string): void => void lines.push(line);
      const log = createLog({ format: 'json', level: 'info', prefix: '', now, write });
      log({ level: 'warn', message, fields: { event: 'x', [`x${name}`]: [value] } });
      const [line = '', ...others] = lines;
      expect(others).toEqual([]);
      expect(line.endsWith('\n')).toBe(true);
      expect(line.slice(0, -1)).not.toMatch(invisible);
      expect(JSON.parse(line)).toMatchObject({ message, [`x${name}`]: [value] });
    });
  });

  it('for people is one line without a control character', () => {
    holds([foreignText, foreignText], (message, prefix) => {
      const written: string[] = [];
      const write = (line: string): void => void written.push(line);
      const now = (): Date => new Date(0);
      const fields = { event: 'x' };
      createLog({ format: 'text', level: 'info', prefix, now, write })({
        level: 'warn',
        message,
        fields,
      });
      const text = written.join('');
      expect(text.slice(0, -1)).not.toMatch(invisible);
      expect(text.at(-1)).toBe('\n');
    });
  });
});

describe('texts of other programs', () => {
  it('are quoted short, and in one line', () => {
    holds([foreignText], (text) => {
      const quoted = quote(text.repeat(10));
      expect(quoted).not.toMatch(/\p{Cc}/u);
      expect(quoted.length).toBeLessThanOrEqual(201);
    });
  });

  it('in a table of connections stay in their cells', () => {
    const width = fc.option(fc.integer({ min: 1, max: 120 }));
    holds([fc.array(fc.tuple(foreignText, foreignText), { maxLength: 5 }), width], (rows, most) => {
      const table = connectionTable(
        rows.map(([peer, local]) => entryOf(peer, local)),
        1000,
        most,
      );
      expect(table.length).toBe(1 + rows.length + new Set(rows.map(([, local]) => local)).size);
      expect(table.join('')).not.toMatch(invisible);
    });
  });
});

function entryOf(peer: string, local: string): TrackedConnection {
  const connection = { endpoint: local, peer, peerAddress: null, local, inode: 7 };
  return { connection, kind: 'client', traffic: null } as unknown as TrackedConnection;
}
