import { describe, expect, it } from 'vitest';
import { createLog, type LogEntry, type LogOptions } from '../../../src/messages/log/log.ts';

function logged(entry: LogEntry, changes: Partial<LogOptions> = {}): string {
  let text = '';
  const log = createLog({
    format: 'json',
    level: 'info',
    prefix: '',
    now: () => new Date('2026-08-01T03:00:00.123Z'),
    write: (line) => {
      text += line;
    },
    ...changes,
  });
  log(entry);
  return text;
}

const entry: LogEntry = {
  level: 'info',
  message: 'Drained.',
  fields: { event: 'ended', polls: 3 },
};

describe('a log line', () => {
  it('is one JSON object with the time to the millisecond', () => {
    expect(logged(entry)).toBe(
      '{"timestamp":"2026-08-01T03:00:00.123Z","level":"info","message":"Drained.","event":"ended","polls":3}\n',
    );
  });

  it('is the same in text', () => {
    expect(logged(entry, { format: 'text' })).toBe('2026-08-01T03:00:00.123Z info  Drained.\n');
  });

  it('has the prefix before the message', () => {
    expect(logged(entry, { format: 'text', prefix: '[Hook]' })).toContain('info  [Hook] Drained.');
  });

  it('is dropped below the level', () => {
    expect(logged({ ...entry, level: 'debug' })).toBe('');
    expect(logged(entry, { level: 'warn' })).toBe('');
    expect(logged({ ...entry, level: 'error' }, { level: 'warn' })).not.toBe('');
  });

  it('stays one line with any name of a process or file', () => {
    const message = 'listens on unix:///a\nb\u001b[2J\u0085';
    const hostile = { level: 'info', message, fields: { event: 'found' } } as const;
    expect(logged(hostile, { format: 'text' }).split('\n')).toHaveLength(2);
    expect(logged(hostile, { format: 'text' })).toContain('a\\u000ab\\u001b[2J\\u0085');
    expect(logged(hostile).split('\n')).toHaveLength(2);
  });

  it.each(['text', 'json'] as const)('escapes in %s what would act on a terminal', (format) => {
    // CSI as one character, an override of direction, a separator of lines, an invisible tag.
    const message = 'a\u009b31m\u202eb\u2028c\u{e0041}d\u007f';
    const line = logged(
      { level: 'info', message, fields: { event: 'x', path: message } },
      { format },
    );
    expect(line).toContain('a\\u009b31m\\u202eb\\u2028c\\udb40\\udc41d\\u007f');
    expect(line.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
    if (format === 'json') {
      expect(JSON.parse(line)).toMatchObject({ message, path: message });
    }
  });
});
