import { isIP } from 'node:net';
import { BadValueError } from './bad-value.ts';
import { single } from './read-options.ts';
import { waitOptions } from './wait-options.ts';

/** Where to listen. */
export interface ListenAddress {
  /** Null for all addresses, of both families where there are two. */
  readonly host: string | null;
  /** 0 for any that is free. */
  readonly port: number;
  /** As it was written. */
  readonly text: string;
}

const expected = 'an IP address and a port such as :9234, 127.0.0.1:9234 or [::1]:9234';

/** The options of `serve`: those of the wait that it begins, and where it listens. */
export const serveOptions = {
  ...waitOptions,
  listen: single('<address:port>', 'where to listen', ':9234', parseListenAddress),
};

/** @throws BadValueError */
function parseListenAddress(text: string): ListenAddress {
  const [, ipv6, ipv4 = '', digits] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const isAddress = ipv6 === undefined ? ipv4 === '' || isIP(ipv4) === 4 : isIP(ipv6) === 6;
  if (digits === undefined || !isAddress || port > 65535) {
    throw new BadValueError(expected, text);
  }
  return { host: (ipv6 ?? ipv4) || null, port, text };
}
