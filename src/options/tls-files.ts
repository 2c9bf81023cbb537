import { readFileSync } from 'node:fs';
import { messageOf } from '../grpc/errors.ts';
import type { TlsConfig, TlsSource } from '../grpc/types.ts';
import { parseFrom, UsageError } from './read.ts';
import { BadValueError } from './values.ts';

const certificate = /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/;
const privateKey = /-----BEGIN ([A-Z]+ )*PRIVATE KEY-----/;

/** How to speak TLS with the daemon, by the paths of PEM files; null for what is not given. */
export interface TlsFiles {
  /** With the authority that signed the daemon's certificate; null for those that Node.js trusts. */
  readonly ca: string | null;
  /** The client's certificate and key, where the daemon asks for them: both or neither. */
  readonly cert: string | null;
  /** The key of `cert`; null without it. */
  readonly key: string | null;
  /** The name in the daemon's certificate; null for the endpoint's host. */
  readonly serverName: string | null;
}

/**
 * Reads the files each time, since mounted secrets arrive late and are renewed. While they are unchanged, it returns the
 * same object. Rejects with a `UsageError`.
 *
 * @param nameOf what a setting is called where it was given.
 */
export function readTlsFiles(
  files: TlsFiles,
  nameOf: (field: keyof TlsFiles) => string,
): TlsSource {
  let last: TlsConfig | null = null;
  return {
    async read() {
      const config = readAll(files, nameOf);
      if (config !== null && JSON.stringify(config) !== JSON.stringify(last)) {
        await checkTogether(config, nameOf);
        last = config;
      }
      return last;
    },
  };
}

function readAll(files: TlsFiles, nameOf: (field: keyof TlsFiles) => string): TlsConfig | null {
  const readPem = (field: 'ca' | 'cert' | 'key', content: string, form: RegExp): string | null => {
    const path = files[field];
    return path === null ? null : parseFrom(nameOf(field), () => readOne(path, content, form));
  };
  const ca = readPem('ca', 'with certificates', certificate);
  const cert = readPem('cert', 'with a certificate', certificate);
  const key = readPem('key', 'with a private key', privateKey);
  if ((cert === null) !== (key === null)) {
    const [given, missing] =
      cert === null ? (['key', 'cert'] as const) : (['cert', 'key'] as const);
    const name = nameOf(given);
    throw new UsageError(`${name}: expected ${nameOf(missing)} with it but received ${name} alone`);
  }
  const config = { ca, cert, key, serverName: files.serverName };
  return Object.values(config).every((value) => value === null) ? null : config;
}

function readOne(path: string, content: string, form: RegExp): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new BadValueError(`a readable PEM file (${(error as Error).message})`, path);
  }
  if (!form.test(text)) {
    throw new BadValueError(`a PEM file ${content}`, path);
  }
  return text;
}

/** Checks the files with OpenSSL. A command with such files loads TLS anyway. */
async function checkTogether(
  { ca, cert, key }: TlsConfig,
  nameOf: (field: keyof TlsFiles) => string,
): Promise<void> {
  const { createSecureContext } = await import('node:tls');
  try {
    createSecureContext({
      ...(ca !== null && { ca }),
      ...(cert !== null && { cert }),
      ...(key !== null && { key }),
    });
  } catch (cause) {
    const names = (['ca', 'cert', 'key'] as const).map(nameOf).join(', ');
    throw new UsageError(
      `${names}: expected certificates, and a key without a passphrase that ` +
        `belongs to ${nameOf('cert')}, but received what can't be used: ${messageOf(cause)}`,
      { cause },
    );
  }
}
