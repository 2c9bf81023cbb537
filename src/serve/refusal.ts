import type { IncomingHttpHeaders } from 'node:http';
import type { Refusal } from './types.ts';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The paths that there are. */
  readonly paths: readonly string[];
}

/** Why a request is not to be answered; null where it is. */
export function refusalOf({ method, path, headers, paths }: Asked): Refusal | null {
  if (!paths.includes(path)) {
    return { status: 404, expected: `one of ${paths.join(', ')}`, received: path };
  }
  if (method !== 'GET') {
    return { status: 405, expected: 'the method GET', received: method };
  }
  // Nobody reads it, and what is not read would be taken for a request that never ends.
  const length = headers['content-length'] ?? '0';
  const coding = headers['transfer-encoding'];
  if (length !== '0' || coding !== undefined) {
    const received =
      coding === undefined ? `Content-Length: ${length}` : `Transfer-Encoding: ${coding}`;
    return { status: 400, expected: 'a request without a body', received };
  }
  return null;
}
