import { readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { parse } from 'smol-toml';
import { isTransient } from '../backends/procfs/processes.ts';
import { pathWithin, readBounded } from './read-bounded.ts';
import type { FindingNotice } from './types.ts';

/** A daemon's settings, from its command line or its configuration file. Null means not set. */
export interface DaemonSettings {
  /** Where it listens, as written. */
  readonly addresses: readonly string[];
  /** `host:port`, or an address of the same form as the others. */
  readonly debugAddress: string | null;
  readonly otelSocketPath: string | null;
  /** The folder of its state. */
  readonly root: string | null;
}

export const noSettings: DaemonSettings = {
  addresses: [],
  debugAddress: null,
  otelSocketPath: null,
  root: null,
};

interface CommandLine extends DaemonSettings {
  /** `--config`. */
  readonly configPath: string | null;
}

export interface SettingsRead {
  readonly settings: DaemonSettings;
  readonly notices: readonly FindingNotice[];
}

// Command lines can be megabytes long. That of buildkitd has a few hundred bytes.
const mostCommandLineBytes = 128 * 1024;
const mostConfigBytes = 256 * 1024;
const mostEnvironmentBytes = 256 * 1024;

// A missing or unreadable file deserves no notice unless the daemon was started with `--config`.
const unnoticedCodes = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'];

const systemConfig = '/etc/buildkit/buildkitd.toml';

/** A daemon's settings, as far as they can be read. @throws transient errors of /proc. */
export function readDaemonSettings(procRoot: string, pid: number): SettingsRead {
  const directory = `${procRoot}/${pid}`;
  const flags = readCommandLine(directory);
  const path = flags.configPath ?? defaultConfig(directory);
  try {
    const file = parseConfigFile(readConfig(directory, path));
    return { settings: settingsOf(flags, file), notices: [] };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isUnnoticed = flags.configPath === null && unnoticedCodes.includes(code ?? '');
    const notice = { kind: 'config-unreadable', pid, path, reason: code ?? message } as const;
    return { settings: settingsOf(flags, noSettings), notices: isUnnoticed ? [] : [notice] };
  }
}

/** As buildkitd does: flags override the file, and addresses are taken from one of them only. */
function settingsOf(flags: DaemonSettings, file: DaemonSettings): DaemonSettings {
  return {
    addresses: flags.addresses.length > 0 ? flags.addresses : file.addresses,
    debugAddress: flags.debugAddress ?? file.debugAddress,
    otelSocketPath: flags.otelSocketPath ?? file.otelSocketPath,
    root: flags.root ?? file.root,
  };
}

/**
 * The folder of a daemon's state, as a path of this process.
 *
 * @throws Error where it can't be found out
 */
export function findStateFolder(procRoot: string, pid: number): string {
  const directory = `${procRoot}/${pid}`;
  const { root } = readDaemonSettings(procRoot, pid).settings;
  return resolveFor(directory, root ?? defaultRoot(directory));
}

function readCommandLine(directory: string): CommandLine {
  try {
    return parseCommandLine(readBounded(`${directory}/cmdline`, mostCommandLineBytes));
  } catch (error) {
    if (isTransient(error)) {
      throw error;
    }
    return parseCommandLine('');
  }
}

/**
 * Parses a command line of buildkitd in the form of /proc/<pid>/cmdline: words that each end with a
 * zero byte.
 *
 * Flags are read as Go's flag package reads them: one dash or two, the value in the same word or in
 * the next. This parser does not know which other flags take a value, so any word may begin a flag.
 * It can be wrong only where the value of another flag looks like one of these flags.
 */
export function parseCommandLine(text: string): CommandLine {
  const values = new Map<string, string[]>();
  const words = text.split('\0').slice(1, -1);
  for (let index = 0; index < words.length && words[index] !== '--'; index += 1) {
    const [, name = '', value] = flag.exec(words[index] ?? '') ?? [];
    if (isKnown(name)) {
      // The next word is the value, whatever it looks like.
      index += value === undefined ? 1 : 0;
      const given = value ?? words[index];
      values.set(name, [...(values.get(name) ?? []), ...(given === undefined ? [] : [given])]);
    }
  }
  const last = (name: Flag): string | null => values.get(name)?.at(-1) || null;
  return {
    addresses: values.get('addr') ?? [],
    debugAddress: last('debugaddr'),
    otelSocketPath: last('otel-socket-path'),
    root: last('root'),
    configPath: last('config'),
  };
}

// cmd/buildkitd/main.go of BuildKit.
const flags = ['addr', 'debugaddr', 'otel-socket-path', 'root', 'config'] as const;
type Flag = (typeof flags)[number];

const flag = /^--?([a-z][a-z-]*)(?:=(.*))?$/s;

function isKnown(name: string): name is Flag {
  return (flags as readonly string[]).includes(name);
}

function readConfig(directory: string, path: string): string {
  return readBounded(resolveFor(directory, path), mostConfigBytes);
}

/** A path of the daemon's, which may be relative, as one of ours. */
function resolveFor(directory: string, path: string): string {
  const absolute = path.startsWith('/') ? path : posix.join(readlinkSync(`${directory}/cwd`), path);
  return pathWithin(`${directory}/root`, absolute);
}

/** Where buildkitd looks for its file without `--config`: util/appdefaults of BuildKit. */
function defaultConfig(directory: string): string {
  const home = userFolder(directory, 'XDG_CONFIG_HOME', '.config');
  return home === null ? systemConfig : `${home}/buildkit/buildkitd.toml`;
}

/** Where it keeps its state without `--root`. */
function defaultRoot(directory: string): string {
  const home = userFolder(directory, 'XDG_DATA_HOME', '.local/share');
  return `${home ?? '/var/lib'}/buildkit`;
}

/** A folder of the user's, which a daemon without root takes; null for any other daemon. */
function userFolder(directory: string, variable: string, withinHome: string): string | null {
  if (!isInUserNamespace(directory)) {
    return null;
  }
  const { [variable]: folder, HOME } = readEnvironment(directory);
  // It may be a list, of which the first one is taken.
  return folder?.split(':')[0] || (HOME ? `${HOME}/${withinHome}` : null);
}

// user_namespaces(7): the initial one maps all ids to themselves.
function isInUserNamespace(directory: string): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(textOf(`${directory}/uid_map`));
}

function readEnvironment(directory: string): Readonly<Record<string, string>> {
  const entries = textOf(`${directory}/environ`)
    .split('\0')
    .map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)] as const);
  return Object.fromEntries(entries);
}

/** Empty if it can't be read, as another user's environment can't. */
function textOf(path: string): string {
  try {
    return readBounded(path, mostEnvironmentBytes);
  } catch {
    return '';
  }
}

/**
 * Parses a buildkitd.toml.
 *
 * @throws Error, whose message says where the syntax is wrong but quotes nothing: the file belongs to
 * another program, and the message goes into a log.
 */
export function parseConfigFile(text: string): DaemonSettings {
  const config = parseToml(text);
  const grpc = tableIn(config, 'grpc');
  const addresses = valueIn(grpc, 'address');
  return {
    addresses: Array.isArray(addresses) ? addresses.filter(isText) : [],
    debugAddress: textIn(grpc, 'debugAddress'),
    otelSocketPath: textIn(tableIn(config, 'otel'), 'socketPath'),
    root: textIn(config, 'root'),
  };
}

type Table = Readonly<Record<string, unknown>>;

function parseToml(text: string): Table {
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
