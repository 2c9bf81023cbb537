/**
 * Work that pauses after each step, so that its caller may do something else between two. A pause may cost
 * several microseconds, since it passes through all generators from the innermost to the caller's: more than
 * the system call that reads a link. So a step is some tenths of a millisecond long.
 */
export type Steps<Value> = Generator<void, Value, void>;

/** Takes all steps that are left at once. */
export function takeAll<Value>(steps: Steps<Value>): Value {
  let taken = steps.next();
  while (taken.done !== true) {
    taken = steps.next();
  }
  return taken.value;
}
