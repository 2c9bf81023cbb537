import type { Settings } from './settings.ts';

export interface CommandLine extends Settings {
  /** `--config`. */
  readonly configPath: string | null;
}

/**
 * What a command line of buildkitd says, given as /proc/<pid>/cmdline shows it: words that end with
 * a zero byte.
 *
 * Flags are read as Go's package reads them, with one dash or two, their value in the same word or
 * in the next one. Which of the others take a value is not known here, so that each word may begin a
 * flag: what would be taken for one by mistake is the value of another flag that looks like one.
 */
export function parseCommandLine(text: string): CommandLine {
  const values = new Map<string, string[]>();
  const words = text.split('\0').slice(1, -1);
  for (let index = 0; index < words.length && words[index] !== '--'; index += 1) {
    const [, name = '', value] = flag.exec(words[index] ?? '') ?? [];
    if (isKnown(name)) {
      // The next word is its value, whatever it looks like.
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
    configPath: last('config'),
  };
}

// cmd/buildkitd/main.go of BuildKit.
const flags = ['addr', 'debugaddr', 'otel-socket-path', 'config'] as const;
type Flag = (typeof flags)[number];

const flag = /^--?([a-z][a-z-]*)(?:=(.*))?$/s;

function isKnown(name: string): name is Flag {
  return (flags as readonly string[]).includes(name);
}
