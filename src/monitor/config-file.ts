import { createRequire } from 'node:module';
import type { Settings } from './settings.ts';

/**
 * What a buildkitd.toml says.
 *
 * @throws Error, whose message says where the text is no TOML, and nothing of what stands there: the
 * file is another's, and the message goes into a log.
 */
export function parseConfigFile(text: string): Settings {
  const config = parseToml(text);
  const grpc = tableIn(config, 'grpc');
  const addresses = valueIn(grpc, 'address');
  return {
    addresses: Array.isArray(addresses) ? addresses.filter(isText) : [],
    debugAddress: textIn(grpc, 'debugAddress'),
    otelSocketPath: textIn(tableIn(config, 'otel'), 'socketPath'),
  };
}

type Table = Readonly<Record<string, unknown>>;

function parseToml(text: string): Table {
  // Most daemons have no such file, and need not pay for loading this.
  const { parse } = createRequire(import.meta.url)('smol-toml') as typeof import('smol-toml');
  try {
    return parse(text);
  } catch (cause) {
    const { line, column } = cause as { line?: number; column?: number };
    const where = line === undefined ? '' : ` (line ${line}, column ${column})`;
    throw new Error(`it is not TOML${where}`);
  }
}

function valueIn(table: Table, key: string): unknown {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function tableIn(table: Table, key: string): Table {
  const value = valueIn(table, key);
  return typeof value === 'object' && value !== null ? (value as Table) : {};
}

function textIn(table: Table, key: string): string | null {
  const value = valueIn(table, key);
  return isText(value) && value !== '' ? value : null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
