import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const folder = fileURLToPath(new URL('../../examples', import.meta.url));

/** A value of a YAML document. */
export type Yaml =
  | string
  | number
  | boolean
  | null
  | readonly Yaml[]
  | { readonly [key: string]: Yaml };

export type YamlObject = { readonly [key: string]: Yaml };

/** One example: a document of a YAML file. */
export interface Example {
  /** Below examples/. */
  readonly path: string;
  readonly content: YamlObject;
}

/** How one command line of ours stands in an example. */
export interface ExampleCommand {
  readonly path: string;
  /** Without the program's own path. */
  readonly args: readonly string[];
}

export function readExamples(): Example[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .toSorted()
    .flatMap((path) => {
      const documents = parseAllDocuments(readFileSync(join(folder, path), 'utf8'));
      return documents.map((document) => {
        if (document.errors.length > 0) {
          throw document.errors[0];
        }
        return { path, content: document.toJS() as YamlObject };
      });
    });
}

export function readExampleText(path: string): string {
  return readFileSync(join(folder, path), 'utf8');
}

/** All values below a key of this name, wherever it is. */
export function valuesOf(value: Yaml, key: string): Yaml[] {
  if (Array.isArray(value)) {
    return value.flatMap((each: Yaml) => valuesOf(each, key));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value as YamlObject).flatMap(([name, each]) => [
      ...(name === key ? [each] : []),
      ...valuesOf(each, key),
    ]);
  }
  return [];
}

/** The command lines that begin with our program, and the arguments of our own images. */
export function commandsOf({ path, content }: Example): ExampleCommand[] {
  const commands = valuesOf(content, 'command') as string[][];
  const ours = commands.filter(([program]) => program?.endsWith('/buildkit-drain') === true);
  const sidecars = (valuesOf(content, 'initContainers') as YamlObject[][])
    .flat()
    .filter(({ restartPolicy }) => restartPolicy === 'Always')
    .map(({ args }) => args as string[]);
  return [...ours.map((command) => command.slice(1)), ...sidecars].map((args) => ({ path, args }));
}
