import { BackendError } from '../backends/types.ts';

const longestQuoteChars = 200;

/** Why a call of the daemon has failed. */
export function callError(code: string, message: string, cause?: unknown): BackendError {
  return new BackendError(code, 'call the daemon', message, cause === undefined ? {} : { cause });
}

/** The daemon's own word that it can't answer. */
export class GrpcStatusError extends BackendError {
  /** As gRPC names it: `NOT_FOUND`. */
  readonly status: string;

  constructor(status: string, message: string) {
    super('ERR_GRPC_STATUS', 'call the daemon', message);
    this.status = status;
  }
}

export function malformed(what: string): BackendError {
  return callError(
    'ERR_ANSWER_MALFORMED',
    `the answer is malformed: ${what}; check that this is the daemon's address`,
  );
}

export function cut(what: string, cause?: unknown): BackendError {
  return callError('ERR_ANSWER_CUT', `the answer was cut off: ${what}`, cause);
}

/** Foreign text, shortened and made fit for a log line. */
export function quote(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ').trim();
  return line.length > longestQuoteChars ? `${line.slice(0, longestQuoteChars)}…` : line;
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return quote(explainOpenssl(text, codeOf(error)) ?? text);
}

export function asBackendError(error: unknown): BackendError {
  return error instanceof BackendError
    ? error
    : callError('ERR_CALL_FAILED', `the call failed: ${messageOf(error)}`, error);
}

const untrusted = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
];

/** Explains what is wrong with TLS, and what to do. */
export function explainTls(address: string, cause: unknown): Error {
  const code = codeOf(cause);
  const reason = messageOf(cause);
  if (untrusted.includes(code)) {
    return callError(
      'ERR_TLS_UNTRUSTED',
      `the certificate of ${address} is not signed by the given authority (${reason}): ` +
        'give the right one by --tls-ca',
      cause,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return callError(
      'ERR_TLS_NAME',
      `the certificate of ${address} is for another name (${reason}): ` +
        'give one of its names by --tls-server-name',
      cause,
    );
  }
  if (isAboutClient(cause)) {
    return callError(
      'ERR_TLS_CLIENT_CERT',
      `${address} does not accept this client (${reason}): ` +
        'give a certificate that it trusts by --tls-cert and --tls-key',
      cause,
    );
  }
  if (['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'].includes(code)) {
    return callError(
      'ERR_NO_TLS',
      `what listens on ${address} does not speak TLS: omit the options that begin with --tls`,
      cause,
    );
  }
  return callError(
    'ERR_TLS',
    `the TLS handshake with ${address} failed: ${reason}; ` +
      'check the options that begin with --tls, and that the daemon speaks TLS there',
    cause,
  );
}

/** The daemon's alert about the client's certificate. In TLS 1.3 it arrives after the handshake. */
export function isAboutClient(error: unknown): boolean {
  return /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|ACCESS_DENIED)$/.test(
    codeOf(error),
  );
}

/**
 * Meanings of TLS alerts (RFC 8446, section 6) and of OpenSSL's errors about files, by OpenSSL's text.
 */
const meanings: readonly (readonly [string, string])[] = [
  ['alert certificate required', 'it asks for a certificate'],
  ['alert unknown ca', 'it does not trust the authority that signed the given certificate'],
  ['alert bad certificate', 'it refuses the given certificate'],
  ['alert certificate unknown', 'it refuses the given certificate'],
  ['alert unsupported certificate', 'it does not support the given kind of certificate'],
  ['alert certificate expired', 'the given certificate has expired'],
  ['alert certificate revoked', 'the given certificate was revoked'],
  ['alert access denied', 'it denies access'],
  ['alert handshake failure', 'it accepts no offered cipher, or requires a certificate'],
  ['alert protocol version', 'it supports no TLS version that this client supports'],
  ['alert no application protocol', 'it does not speak HTTP/2'],
  ['alert unrecognized name', 'it does not know the requested name'],
  ['alert internal error', 'it had an internal error'],
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

/** An OpenSSL error as a phrase; null where the text is not OpenSSL's. */
function explainOpenssl(text: string, code: string): string | null {
  const reason = form.exec(text)?.[1];
  if (reason === undefined) {
    return null;
  }
  const known = meanings.find(([words]) => reason.endsWith(words));
  return known?.[1] ?? `TLS reports ${code || reason}`;
}
