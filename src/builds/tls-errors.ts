import { askError, codeOf, messageOf } from './errors.ts';

const untrusted = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
];

/** Says what is wrong with TLS, and what to do. */
export function explainTls(address: string, cause: unknown): Error {
  const code = codeOf(cause);
  const reason = messageOf(cause);
  if (untrusted.includes(code)) {
    return askError(
      'ERR_TLS_UNTRUSTED',
      `the certificate of ${address} is not signed by the given authority (${reason}): ` +
        'give the right one by --tls-ca',
      cause,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return askError(
      'ERR_TLS_NAME',
      `the certificate of ${address} is for another name (${reason}): ` +
        'give a name that it has by --tls-server-name',
      cause,
    );
  }
  if (isAboutClient(cause)) {
    return askError(
      'ERR_TLS_CLIENT_CERT',
      `${address} does not accept this client (${reason}): ` +
        'give a certificate that it trusts by --tls-cert and --tls-key',
      cause,
    );
  }
  if (['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'].includes(code)) {
    return askError(
      'ERR_NO_TLS',
      `what listens on ${address} does not speak TLS: leave out the options that begin with --tls`,
      cause,
    );
  }
  return askError(
    'ERR_TLS',
    `the TLS handshake with ${address} failed: ${reason}; ` +
      'check the options that begin with --tls, and that the daemon speaks TLS there',
    cause,
  );
}

/** The daemon's alert about the client's certificate: in TLS 1.3 it comes after the handshake. */
export function isAboutClient(error: unknown): boolean {
  return /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|ACCESS_DENIED)$/.test(
    codeOf(error),
  );
}
