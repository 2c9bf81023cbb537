import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { compiled } from './native.ts';
import type { Sandbox } from './sandbox.ts';

export type ErrnoName = keyof typeof constants.errno;

/** A call of libc that goes wrong. */
export interface Fault {
  readonly call:
    | 'socket'
    | 'bind'
    | 'listen'
    | 'setsockopt'
    | 'sendmsg'
    | 'recvmsg'
    | 'poll'
    | 'open'
    | 'read'
    | 'pread'
    | 'close'
    | 'readlink'
    | 'scandir'
    | 'statx'
    | 'malloc';
  /** Whose calls: the addon's, those of Node.js itself, or both's. */
  readonly by?: 'addon' | 'node' | 'any';
  /**
   * What is called upon: the socket for `questions` or for `events`, a path by its beginning, for `socket`
   * and `bind` the family `unix`, or for `malloc` the least size in bytes.
   */
  readonly on?: string;
  /** Which of these calls; `odds` in a thousand. */
  readonly when?: 'always' | `${'first' | 'from' | 'every' | 'odds'} ${number}`;
  /** An errno; a number of bytes that is all a read brings; or what becomes of a datagram. */
  readonly effect:
    | ErrnoName
    | `${'short' | 'cut'} ${number}`
    | `${'error' | 'done'} ${ErrnoName}`
    | Mangling;
}

type Mangling =
  | 'end'
  | 'lost'
  | 'swallow'
  | 'empty'
  | 'truncated'
  | 'sender'
  | 'sequence'
  | 'interrupted'
  | 'type'
  | 'length'
  | 'forged-end'
  | 'stale-end'
  | 'ready';

/** Faults of one process, which come and go while it runs. */
export interface Faults {
  /** The environment of the process that they are injected into. */
  readonly env: { readonly LD_PRELOAD: string; readonly FAULTS: string };
  /** From now on these, of which the first that applies strikes, and no others. */
  readonly set: (...faults: readonly Fault[]) => void;
  /** How often each of those in force has struck. */
  readonly strikes: () => readonly number[];
}

// As in native/faults.c.
const pageBytes = 4096;
const mostFaults = 32;

let controls = 0;

export function openFaults({ directory }: Sandbox, ...atFirst: readonly Fault[]): Faults {
  controls += 1;
  const path = join(directory, `faults-${controls}`);
  writeFileSync(path, Buffer.alloc(2 * pageBytes));
  let generation = 0;
  let inForce = 0;

  const set = (...faults: readonly Fault[]): void => {
    generation += 1;
    inForce = faults.length;
    const pages = Buffer.alloc(pageBytes + 4 * mostFaults);
    pages.writeUInt32LE(generation, 0);
    pages.write(faults.map(ruleOf).join(''), 4);
    pages.writeUInt32LE(generation, pageBytes - 4);
    withFile(path, 'r+', (file) => writeSync(file, pages, 0, pages.length, 0));
  };
  set(...atFirst);
  return {
    env: { LD_PRELOAD: compiled('faults', '-shared', '-fPIC'), FAULTS: path },
    set,
    strikes() {
      const counts = Buffer.alloc(4 * mostFaults);
      withFile(path, 'r', (file) => readSync(file, counts, 0, counts.length, pageBytes));
      return Array.from({ length: inForce }, (_, index) => counts.readUInt32LE(4 * index));
    },
  };
}

function ruleOf({ call, by = 'addon', on = 'any', when = 'always', effect }: Fault): string {
  const often = when === 'always' ? 'always 0' : when;
  return `${call} ${by} ${on} ${often} ${effectOf(effect)}\n`;
}

function effectOf(effect: Fault['effect']): string {
  const [word = '', argument] = effect.split(' ');
  if (argument === undefined) {
    return word in constants.errno ? `errno ${numberOf(word)}` : `${word} 0`;
  }
  return `${word} ${argument in constants.errno ? numberOf(argument) : argument}`;
}

function numberOf(errno: string): number {
  return constants.errno[errno as ErrnoName];
}

function withFile(path: string, flags: string, use: (file: number) => void): void {
  const file = openSync(path, flags);
  try {
    use(file);
  } finally {
    closeSync(file);
  }
}
