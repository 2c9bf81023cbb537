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
