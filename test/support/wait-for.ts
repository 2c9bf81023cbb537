import { setTimeout as delay } from 'node:timers/promises';

type Awaitable<Value> = Value | Promise<Value>;

const pollMs = 10;
// Under `npm run check:memory` all takes so many times as long.
const patience = Number(process.env['TEST_PATIENCE'] ?? 1);

/** Resolves with the first value that is neither undefined, null nor false. */
export async function waitFor<Value>(
  what: string,
  read: () => Awaitable<Value | undefined | null | false>,
  limitMs = 20_000,
): Promise<Value> {
  const endMs = performance.now() + limitMs * patience;
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== null && value !== false) {
      return value;
    }
    if (performance.now() > endMs) {
      throw new Error(`Waited ${limitMs * patience} ms in vain for ${what}`);
    }
    await delay(pollMs);
  }
}
