/**
 * What a Node.js older than `engines` lacks and a wait uses. The log says that it is too old, but a hook that
 * dies in mid-wait kills builds: it has to go on as well as it can. Imported before all else.
 */
const missing: Readonly<Record<string, (this: unknown[], compare: never) => unknown>> = {
  // Node.js 18.
  findLast(is: (each: unknown, at: number, all: unknown[]) => boolean) {
    return [...this].reverse().find(is);
  },
  // Node.js 20.
  toSorted(compare: (one: unknown, other: unknown) => number) {
    return [...this].sort(compare);
  },
};

for (const [name, value] of Object.entries(missing)) {
  if (!(name in Array.prototype)) {
    Object.defineProperty(Array.prototype, name, { value, configurable: true, writable: true });
  }
}
