/** What `install` has done. */
export function installedText(
  kind: 'installed' | 'there',
  target: string,
  version: string,
): string {
  const how = kind === 'there' ? 'was there already' : 'is there now';
  return `buildkit-drain ${version} ${how}: ${target}/buildkit-drain\n`;
}

export function noBundleText(): string {
  return (
    'install: expected to run from a folder that has its own Node.js, as the images and the release ' +
    'archives contain it, but there is none around this program; where Node.js is installed, npm ' +
    'installs buildkit-drain'
  );
}

export function occupiedText(target: string, by: string): string {
  return (
    `install: expected a folder that is missing, empty, or has this very buildkit-drain in it, but ` +
    `${target} is taken by ${by}; give another path, or remove it first`
  );
}

export function notInstalledText(target: string, { message }: Error): string {
  return `install: the files cannot be copied to ${target} (${message})`;
}

export function notStartedText(target: string, { code, message }: NodeJS.ErrnoException): string {
  const remedy = code === 'EACCES' ? '; mount the volume there without noexec' : '';
  return `install: the files are in ${target}, but cannot be started there (${message})${remedy}`;
}
