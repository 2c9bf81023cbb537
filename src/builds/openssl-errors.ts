/**
 * What the other end of TLS says by its alerts (RFC 8446, section 6), and what OpenSSL says of files,
 * by OpenSSL's own words for it.
 */
const meanings: readonly (readonly [string, string])[] = [
  ['alert certificate required', 'it asks for a certificate'],
  ['alert unknown ca', 'it does not trust the authority that signed the given certificate'],
  ['alert bad certificate', 'it refuses the given certificate'],
  ['alert certificate unknown', 'it refuses the given certificate'],
  ['alert unsupported certificate', 'it can do nothing with the given kind of certificate'],
  ['alert certificate expired', 'the given certificate has expired'],
  ['alert certificate revoked', 'the given certificate was revoked'],
  ['alert access denied', 'it denies access'],
  ['alert handshake failure', 'it agrees to no cipher that is offered, or asks for a certificate'],
  ['alert protocol version', 'it speaks no version of TLS that is spoken here'],
  ['alert no application protocol', 'it does not speak HTTP/2'],
  ['alert unrecognized name', 'it does not know the name that it was asked for'],
  ['alert internal error', 'it met an error of its own'],
  ['wrong version number', 'the answer is not TLS'],
  ['packet length too long', 'the answer is not TLS'],
  ['no start line', 'a file is not PEM'],
  ['bad end line', 'a PEM file is damaged'],
  ['bad base64 decode', 'a PEM file is damaged'],
  ['interrupted or cancelled', 'the key has a passphrase'],
  ['key values mismatch', 'the key does not belong to the certificate'],
];

// error:<number>:<library>:<function>:<reason>[:<file>:<line>:<more>], a thread's number before it.
const form = /(?:^|:)error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]*)/;

/** An error of OpenSSL in words; null where the text is none of OpenSSL's. */
export function opensslWords(text: string, code: string): string | null {
  const reason = form.exec(text)?.[1];
  if (reason === undefined) {
    return null;
  }
  const known = meanings.find(([words]) => reason.endsWith(words));
  return known?.[1] ?? `TLS reports ${code || reason}`;
}
