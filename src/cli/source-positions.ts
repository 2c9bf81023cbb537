import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapping } from 'node:module';
import { posix } from 'node:path';

/**
 * From here on traces name the lines of the sources, by the map beside each of the program's files. Nothing is read
 * until the first trace is.
 */
export function traceSources(): void {
  Error.prepareStackTrace = (error, frames) =>
    [error, ...frames]
      .map((each, at) => (at === 0 ? `${each}` : `\n    at ${inSources(each)}`))
      .join('');
}

const maps = new Map<string, SourceMap | null>();

function inSources(frame: unknown): string {
  return String(frame).replace(
    /(\/[^:()]+\.cjs):(\d+):(\d+)/,
    (whole, file: string, line: string, column: string) => {
      const entry = mapOf(file)?.findEntry(Number(line) - 1, Number(column) - 1) ?? {};
      if (!('originalSource' in entry)) {
        return whole;
      }
      const { originalSource, originalLine, originalColumn } = entry as SourceMapping;
      const source = posix.join(posix.dirname(file), originalSource);
      return `${source}:${originalLine + 1}:${originalColumn + 1}`;
    },
  );
}

function mapOf(file: string): SourceMap | null {
  let map = maps.get(file);
  if (map === undefined) {
    try {
      map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
    } catch {
      // A trace with the positions in the program's own file is better than none.
      map = null;
    }
    maps.set(file, map);
  }
  return map;
}
