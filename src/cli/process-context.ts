import type { Command } from 'commander';
import type { Environment } from '../options/read.ts';
import type { TerminalProcess } from './commands/screen.ts';

export type StopSignal = 'SIGTERM' | 'SIGINT';

/** What a command may use of the process that it runs in. */
export interface ProcessContext {
  readonly env: Environment;
  /** Raised, with the signal's name as its reason, when the process is asked to stop. */
  readonly signal: AbortSignal;
  /** Calls back for each signal that asks the process to stop, also for the second one. */
  readonly onStopSignal: (callback: (signal: StopSignal) => void) => void;
  /** Returns false if the text could not be written, for example because its reader has closed. */
  readonly print: (text: string) => boolean;
  readonly printError: (text: string) => boolean;
  readonly terminal: TerminalProcess;
  /** Whether standard error is a terminal: then a person reads it, and can correct a mistake. */
  readonly isAttended: () => Promise<boolean>;
  /**
   * Calls back for uncaught errors instead of the handler before, until the returned function is called.
   */
  readonly onUncaught: (callback: (error: unknown) => void) => () => void;
  readonly self: Self;
}

/** This process, for commands that start others. */
export interface Self {
  readonly pid: number;
  /** The Node.js that runs it, and its version. */
  readonly node: string;
  readonly nodeVersion: string;
  /** The file that Node.js runs. */
  readonly program: string;
  /** Kills a process and its whole group, if there is one. */
  readonly killGroup: (pid: number) => void;
  /** Calls back for each such signal, whose default action is then off. */
  readonly onSignal: (signal: NodeJS.Signals, callback: () => void) => void;
  /** Ends this process by a signal. Returns if that is impossible. */
  readonly dieOf: (signal: NodeJS.Signals) => void;
}

/** Adds options, notes and the action to a command. */
export type AddCommand = (command: Command, context: CommandContext) => void;

export interface CommandContext {
  readonly version: string;
  readonly process: ProcessContext;
  /** Sets the exit code. */
  readonly exit: (code: number) => void;
}
