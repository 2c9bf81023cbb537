import { BadValueError } from './bad-value.ts';
import { oneOf } from './choice.ts';
import { type OptionValues, single } from './read-options.ts';

const hostName = /^[\w.:-]{1,253}$/;

/** The options about speaking TLS with the daemon. */
export const tlsOptions = {
  'tls-ca': single('<file>', "what signed the daemon's certificate", 'none', parsePath),
  'tls-cert': single('<file>', 'a certificate to show to the daemon', 'none', parsePath),
  'tls-key': single('<file>', 'the key of that certificate', 'none', parsePath),
  'tls-server-name': single('<name>', 'a name in its certificate', 'none', parseName),
};

/** The options about asking the daemon itself which builds it runs. */
export const buildsOptions = {
  builds: single(
    '<whether>',
    'ask for builds: auto, off or require',
    'auto',
    oneOf(['auto', 'off', 'require']),
  ),
  ...tlsOptions,
};

export type TlsOptionValues = OptionValues<typeof tlsOptions>;

function parsePath(text: string): string | null {
  if (text === '' || text.endsWith('/') || text.includes('\0')) {
    throw new BadValueError('the path of a PEM file', text);
  }
  return text === 'none' ? null : text;
}

function parseName(text: string): string | null {
  if (!hostName.test(text)) {
    throw new BadValueError('a host name such as buildkitd.example.com, or an IP address', text);
  }
  return text === 'none' ? null : text;
}
