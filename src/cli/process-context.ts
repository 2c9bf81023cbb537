import type { Command } from 'commander';
import type { Environment } from '../options/read.ts';
import type { TerminalProcess } from './commands/screen.ts';

export type StopSignal = 'SIGTERM' | 'SIGINT';

/** What a command has of the process that it runs in. */
export interface ProcessContext {
  readonly env: Environment;
  /** Raised, with the signal's name as its reason, when the process is told to stop. */
  readonly signal: AbortSignal;
  /** Hears each signal that tells the process to stop, also the second one. */
  readonly onStopSignal: (callback: (signal: StopSignal) => void) => void;
  /** Returns false where the text could not be written, as when nobody reads it any more. */
  readonly print: (text: string) => boolean;
  readonly printError: (text: string) => boolean;
  readonly terminal: TerminalProcess;
  /** Whether standard error is a terminal: somebody reads it, and can correct a mistake. */
  readonly isAttended: () => Promise<boolean>;
  /**
   * Hears each error that nobody has caught, from now on in the place of whom heard them before, and
   * until what it returns is called.
   */
  readonly onUncaught: (callback: (error: unknown) => void) => () => void;
  readonly self: Self;
}

/** This process, as far as a command has to know it that starts others. */
export interface Self {
  readonly pid: number;
  /** The Node.js that runs it, and its version. */
  readonly node: string;
  readonly nodeVersion: string;
  /** The file that Node.js was told to run. */
  readonly program: string;
  /** Kills a process and all of its group; where there is none, that is well. */
  readonly killGroup: (pid: number) => void;
  /** Calls back for each such signal, which then has no other effect. */
  readonly onSignal: (signal: NodeJS.Signals, callback: () => void) => void;
  /** Dies of a signal, and returns where that can't be. */
  readonly dieOf: (signal: NodeJS.Signals) => void;
}

/** Adds options, notes and the action to a command. */
export type AddCommand = (command: Command, context: CommandContext) => void;

export interface CommandContext {
  readonly version: string;
  readonly process: ProcessContext;
  /** Takes the exit code of what was run. */
  readonly exit: (code: number) => void;
}
