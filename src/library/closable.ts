import { BackendError } from '../backends/types.ts';

/**
 * The same object, of which every method but `close` throws `ERR_CLOSED` once it has been closed.
 *
 * @param what it is called in that error: `the endpoint`.
 */
export function closable<Opened extends { close(): void }>(
  what: string,
  opened: Opened,
): Opened & Disposable {
  let isClosed = false;
  const close = (): void => {
    if (!isClosed) {
      isClosed = true;
      opened.close();
    }
  };
  const whileOpen =
    (operation: string, method: (...args: unknown[]) => unknown) =>
    (...args: unknown[]): unknown => {
      if (isClosed) {
        throw new BackendError('ERR_CLOSED', operation, `${what} was closed`);
      }
      return method(...args);
    };
  const guarded = Object.entries(opened).map(([name, value]) => [
    name,
    typeof value === 'function' ? whileOpen(name, value) : value,
  ]);
  return { ...Object.fromEntries(guarded), close, [Symbol.dispose]: close };
}
