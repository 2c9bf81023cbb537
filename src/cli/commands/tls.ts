import { readFileSync } from 'node:fs';
import { messageOf } from '../../grpc/errors.ts';
import type { TlsConfig, TlsSource } from '../../grpc/types.ts';
import type { Mistake } from '../../options/read.ts';
import { parseFrom, UsageError } from '../../options/read.ts';
import type { TlsOptionValues } from '../../options/table.ts';
import { BadValueError } from '../../options/values.ts';

const certificate = /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/;
const privateKey = /-----BEGIN ([A-Z]+ )*PRIVATE KEY-----/;

/** How to speak TLS with the daemon. */
export interface Tls extends TlsSource {
  /** Whether any option asks for it. */
  readonly isGiven: boolean;
  /**
   * Reads the files each time, since mounted secrets arrive late and are renewed. While they are unchanged, it returns the
   * same object.
   *
   * @returns null where no option asks for TLS.
   * @throws UsageError
   */
  readonly read: () => Promise<TlsConfig | null>;
}

export function openTls(options: TlsOptionValues): Tls {
  let last: TlsConfig | null = null;
  return {
    isGiven: Object.entries(options).some(([name, value]) => name.startsWith('tls-') && value),
    async read() {
      const config = readFiles(options);
      if (config !== null && JSON.stringify(config) !== JSON.stringify(last)) {
        await checkTogether(config);
        last = config;
      }
      return last;
    },
  };
}

function readFiles(options: TlsOptionValues): TlsConfig | null {
  const ca = readPem('tls-ca', options, 'with certificates', certificate);
  const cert = readPem('tls-cert', options, 'with a certificate', certificate);
  const key = readPem('tls-key', options, 'with a private key', privateKey);
  const serverName = options['tls-server-name'];
  if ((cert === null) !== (key === null)) {
    const [given, missing] = cert === null ? ['tls-key', 'tls-cert'] : ['tls-cert', 'tls-key'];
    const received = `--${given} alone`;
    throw new UsageError(`--${given}: expected --${missing} with it but received ${received}`);
  }
  const config = { ca, cert, key, serverName };
  return Object.values(config).every((value) => value === null) ? null : config;
}

function readPem(
  name: 'tls-ca' | 'tls-cert' | 'tls-key',
  options: TlsOptionValues,
  content: string,
  form: RegExp,
): string | null {
  const path = options[name];
  return path === null ? null : parseFrom(`--${name}`, () => readOne(path, content, form));
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

/** What prevents TLS now, as mistakes that do not end the command. */
export async function tlsMistakes({ read }: Tls): Promise<Mistake[]> {
  try {
    await read();
    return [];
  } catch (error) {
    const instead = 'over TLS the daemon can not be asked for its builds until that is mended';
    return [{ level: 'error', message: (error as Error).message, instead, isOurs: true }];
  }
}

/** Checks the files with OpenSSL. A command with such files loads TLS anyway. */
async function checkTogether({ ca, cert, key }: TlsConfig): Promise<void> {
  const { createSecureContext } = await import('node:tls');
  try {
    createSecureContext({
      ...(ca !== null && { ca }),
      ...(cert !== null && { cert }),
      ...(key !== null && { key }),
    });
  } catch (cause) {
    const reason = messageOf(cause);
    throw new UsageError(
      '--tls-ca, --tls-cert, --tls-key: expected certificates, and a key without a passphrase that ' +
        `belongs to --tls-cert, but received what can't be used: ${reason}`,
      { cause },
    );
  }
}
