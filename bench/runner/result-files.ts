import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseFrom, UsageError } from '../../src/options/read.ts';
import { BadValueError } from '../../src/options/values.ts';

/** A file that a benchmark writes at its end, and the option that names it. */
export interface ResultFile {
  readonly option: string;
  /** Null without the option. */
  readonly path: string | null;
}

/** Checks the path before anything is measured. @throws UsageError */
export function checkWritable({ option, path }: ResultFile): void {
  parseFrom(`--${option}`, () => {
    if (path !== null) {
      checkPath(path);
    }
  });
}

function checkPath(path: string): void {
  const target = statSync(path, { throwIfNoEntry: false });
  try {
    accessSync(target === undefined ? dirname(path) : path, constants.W_OK);
  } catch {
    throw new BadValueError('the path of a file that can be written', path);
  }
  if (target?.isDirectory()) {
    throw new BadValueError('the path of a file, not of a folder', path);
  }
}

/** Writes the whole file or nothing, if the path is that of a plain file. @throws UsageError */
export function writeResult({ option, path }: ResultFile, content: string): void {
  if (path === null) {
    return;
  }
  try {
    const target = statSync(path, { throwIfNoEntry: false });
    if (target === undefined || target.isFile()) {
      replaceFile(path, content);
    } else {
      writeFileSync(path, content);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause;
    throw new UsageError(`--${option}: the file cannot be written (${reason})`, { cause });
  }
}

function replaceFile(path: string, content: string): void {
  const partial = `${path}.part`;
  try {
    writeFileSync(partial, content);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}
