const variables = {
  buildkitd: 'BUILDKITD',
  buildctl: 'BUILDCTL',
  unstampedBuildkitd: 'BUILDKITD_UNSTAMPED',
  buildx: 'BUILDX',
  rootlesskit: 'ROOTLESSKIT',
  containerd: 'CONTAINERD',
} as const;

type Binary = keyof typeof variables;

/** Whether the environment names a real program. */
export function isGiven(binary: Binary): boolean {
  return Boolean(process.env[variables[binary]]);
}

/**
 * The path of a real program.
 *
 * @throws Error where the environment does not name it.
 */
export function pathOf(binary: Binary): string {
  const path = process.env[variables[binary]];
  if (!path) {
    throw new Error(`${variables[binary]} is not set`);
  }
  return path;
}
