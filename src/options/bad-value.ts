/** A value that was not of the form expected. The message has one shape everywhere. */
export class BadValueError extends Error {
  override readonly name = 'BadValueError';
  readonly code = 'ERR_BAD_VALUE';
  /** What would have been right, as a noun: `a duration such as 100ms or 1h30m`. */
  readonly expected: string;
  /** The text as it came. */
  readonly received: string;

  constructor(expected: string, received: string) {
    super(`expected ${expected} but received ${JSON.stringify(received)}`);
    this.expected = expected;
    this.received = received;
  }
}

/** A setting that could not be taken as it is. */
export interface Mistake {
  readonly level: 'warn' | 'error';
  /** What has it, what was expected and what was received. */
  readonly message: string;
  /** What a command does that goes on in spite of it: `going on with the default: 10s`. */
  readonly instead: string;
  /** Whether it was meant for this tool, and not for whatever else may use the variable's name. */
  readonly isOurs: boolean;
}

/** What became of one option. */
export interface Setting {
  readonly name: string;
  readonly text: string;
  /** The flag or the variable that has set it; null where it is the default. */
  readonly source: string | null;
}
