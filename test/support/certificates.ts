import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  /** The path of the authority's own certificate. */
  readonly ca: string;
  /** Signs a certificate for names such as `DNS:buildkitd` or `IP:127.0.0.1`. */
  readonly sign: (name: string, names: readonly string[]) => Certificate;
}

/** An authority that signs certificates, as files in a directory. */
export function createAuthority(directory: string, name = 'ca'): Authority {
  const path = (file: string): string => join(directory, file);
  const [ca, caKey] = [path(`${name}.pem`), path(`${name}.key`)];
  const keyKind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    ['req', '-x509', ...keyKind, '-keyout', caKey, '-out', ca, '-subj', `/CN=${name}`],
    ['-days', '2'],
  );
  return {
    ca,
    sign(subject, names) {
      const [cert, key] = [path(`${subject}.pem`), path(`${subject}.key`)];
      const [request, extensions] = [path(`${subject}.csr`), path(`${subject}.ext`)];
      writeFileSync(extensions, `subjectAltName=${names.join(',')}\n`);
      openssl(['req', ...keyKind, '-keyout', key, '-out', request, '-subj', `/CN=${subject}`]);
      openssl(
        ['x509', '-req', '-in', request, '-CA', ca, '-CAkey', caKey, '-CAcreateserial'],
        ['-out', cert, '-days', '2', '-extfile', extensions],
      );
      return { cert, key };
    },
  };
}

function openssl(...args: readonly (readonly string[])[]): void {
  execFileSync('openssl', args.flat(), { stdio: 'pipe' });
}
