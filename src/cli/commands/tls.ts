import type { TlsConfig, TlsSource } from '../../grpc/types.ts';
import type { Mistake } from '../../options/read.ts';
import type { TlsOptionValues } from '../../options/table.ts';
import { readTlsFiles } from '../../options/tls-files.ts';

/** How to speak TLS with the daemon. */
export interface Tls extends TlsSource {
  /** Whether any option asks for it. */
  readonly isGiven: boolean;
  /** @returns null where no option asks for TLS. @throws UsageError */
  readonly read: () => Promise<TlsConfig | null>;
}

const flags = {
  ca: '--tls-ca',
  cert: '--tls-cert',
  key: '--tls-key',
  serverName: '--tls-server-name',
} as const;

export function openTls(options: TlsOptionValues): Tls {
  const files = {
    ca: options['tls-ca'],
    cert: options['tls-cert'],
    key: options['tls-key'],
    serverName: options['tls-server-name'],
  };
  return {
    isGiven: Object.values(files).some((value) => value !== null),
    ...readTlsFiles(files, (field) => flags[field]),
  };
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
