// Reading all of /proc takes milliseconds on a big host, and so is not for every look.
const callsPerComputation = 10;

/** Computes at the first call and at every tenth; between them the value stands, if it is to be kept. */
export function memoizeCalls<Value>(
  compute: () => Value,
  isKept: (value: Value) => boolean = () => true,
): () => Value {
  let calls = 0;
  let kept: { value: Value } | undefined;
  return () => {
    const value = kept === undefined || calls % callsPerComputation === 0 ? compute() : kept.value;
    calls += 1;
    kept = isKept(value) ? { value } : undefined;
    return value;
  };
}
