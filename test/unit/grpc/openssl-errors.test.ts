import { createSecureContext } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../../../src/grpc/errors.ts';

function sslError(reason: string, code: string): Error {
  const text = `80ECACCBC57F0000:error:0A00045C:SSL routines:ssl3_read_bytes:${reason}:../deps/openssl/ssl/record/rec_layer_s3.c:1601:SSL alert number 116`;
  return Object.assign(new Error(text), { code });
}

describe('the message of an error of OpenSSL', () => {
  it.each([
    ['tlsv13 alert certificate required', 'it asks for a certificate'],
    ['tlsv1 alert unknown ca', 'it does not trust the authority that signed the given certificate'],
    ['sslv3 alert handshake failure', /accepts no offered cipher/],
    ['ssl/tls alert handshake failure', /accepts no offered cipher/],
    ['tlsv1 alert protocol version', 'it supports no TLS version that this client supports'],
    ['bad extension', 'TLS reports ERR_SSL_BAD_EXTENSION'],
  ])('is in words: %s', (reason, words) => {
    expect(messageOf(sslError(reason, 'ERR_SSL_BAD_EXTENSION'))).toEqual(
      expect.stringMatching(words),
    );
  });

  it('is in words where this OpenSSL refuses a file', () => {
    const pem = '-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n';
    let said = '';
    try {
      createSecureContext({ cert: pem });
    } catch (error) {
      said = messageOf(error);
    }
    expect(said).not.toBe('');
    expect(said).not.toMatch(/error:|routines/);
  });

  it('is kept when it is not from OpenSSL', () => {
    expect(messageOf(new Error('self-signed certificate'))).toBe('self-signed certificate');
    expect(messageOf(new Error('connect ECONNREFUSED: an error: it'))).toContain('ECONNREFUSED');
  });
});
