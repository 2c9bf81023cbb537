import { platform } from 'node:os';
import { BackendError } from './types.ts';

/** @throws BackendError (`ERR_PLATFORM`) on another system than Linux. Types and imports work there, too. */
export function requireLinux(): void {
  if (platform() !== 'linux') {
    throw new BackendError(
      'ERR_PLATFORM',
      'start',
      `expected Linux, received ${platform()}: buildkit-drain asks the Linux kernel, so run it in a Linux container`,
    );
  }
}
