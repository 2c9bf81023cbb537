/** What came of trying to find something out: no failure keeps the rest from being told. */
export type Attempt<Value> =
  | { readonly kind: 'done'; readonly value: Value }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string };

export function attempt<Value>(find: () => Value): Attempt<Value> {
  try {
    return { kind: 'done', value: find() };
  } catch (error) {
    return failed(error);
  }
}

export async function attemptLater<Value>(find: () => Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { kind: 'done', value: await find() };
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): Extract<Attempt<never>, { kind: 'failed' }> {
  const { code } = (error ?? {}) as { code?: unknown };
  return {
    kind: 'failed',
    code: typeof code === 'string' ? code : 'ERR_UNKNOWN',
    reason: error instanceof Error ? error.message : String(error),
  };
}
