import { readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { isTransient } from '../backends/procfs/processes.ts';
import { type CommandLine, parseCommandLine } from './command-line.ts';
import { parseConfigFile } from './config-file.ts';
import { pathWithin, readBounded } from './read-bounded.ts';
import { noSettings, type Settings, settingsOf } from './settings.ts';
import type { FindingNotice } from './types.ts';

// Command lines may have megabytes. One of buildkitd has a few hundred bytes.
const mostCommandLineBytes = 128 * 1024;
const mostConfigBytes = 256 * 1024;

// That the file is nowhere to be seen is worth no word where nobody has asked for it.
const spareCodes = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'];

const systemConfig = '/etc/buildkit/buildkitd.toml';

export interface SettingsRead {
  readonly settings: Settings;
  readonly notices: readonly FindingNotice[];
}

/** What a daemon was told, as far as it can be read. @throws what `isTransient` of /proc. */
export function readSettings(procRoot: string, pid: number): SettingsRead {
  const directory = `${procRoot}/${pid}`;
  const flags = readCommandLine(directory);
  const path = flags.configPath ?? defaultConfig(directory);
  try {
    const file = parseConfigFile(readConfig(directory, path));
    return { settings: settingsOf(flags, file), notices: [] };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isSpare = flags.configPath === null && spareCodes.includes(code ?? '');
    const notice = { kind: 'config-unreadable', pid, path, reason: code ?? message } as const;
    return { settings: settingsOf(flags, noSettings), notices: isSpare ? [] : [notice] };
  }
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

function readConfig(directory: string, path: string): string {
  const absolute = path.startsWith('/') ? path : posix.join(readlinkSync(`${directory}/cwd`), path);
  return readBounded(pathWithin(`${directory}/root`, absolute), mostConfigBytes);
}

/** Where buildkitd looks for its file when it is told nothing: util/appdefaults of BuildKit. */
function defaultConfig(directory: string): string {
  if (!isInUserNamespace(directory)) {
    return systemConfig;
  }
  const { XDG_CONFIG_HOME, HOME } = readEnvironment(directory);
  const home = XDG_CONFIG_HOME || (HOME && `${HOME}/.config`);
  return home ? `${home}/buildkit/buildkitd.toml` : systemConfig;
}

// user_namespaces(7): the initial one maps all ids to themselves.
function isInUserNamespace(directory: string): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(textOf(`${directory}/uid_map`));
}

const mostEnvironmentBytes = 256 * 1024;

function readEnvironment(directory: string): Readonly<Record<string, string>> {
  const entries = textOf(`${directory}/environ`)
    .split('\0')
    .map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)] as const);
  return Object.fromEntries(entries);
}

/** Empty where it can't be read, as an environment that is another user's. */
function textOf(path: string): string {
  try {
    return readBounded(path, mostEnvironmentBytes);
  } catch {
    return '';
  }
}
