import { readFileSync } from 'node:fs';
import type { Sandbox } from './sandbox.ts';

const stateNames: Readonly<Record<string, string>> = {
  '01': 'ESTABLISHED',
  '06': 'TIME_WAIT',
  '08': 'CLOSE_WAIT',
  '0A': 'LISTEN',
};

/** The states of the TCP sockets of a sandbox that have this local port, as the kernel lists them. */
export function tcpStates(sandbox: Sandbox, localPort: number): string[] {
  const port = localPort.toString(16).toUpperCase().padStart(4, '0');
  const tables = ['tcp', 'tcp6'].map((file) =>
    readFileSync(`/proc/${sandbox.pid}/net/${file}`, 'utf8'),
  );
  return tables
    .flatMap((table) => table.split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local]) => local?.endsWith(`:${port}`))
    .map(([, , , state = '']) => stateNames[state] ?? state);
}

/** Cuts a sandbox off from the one that it was joined to. */
export async function cutOff(sandbox: Sandbox): Promise<void> {
  await ip(sandbox, 'link', 'set', 'cable', 'down');
}

async function ip(sandbox: Sandbox, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await (await sandbox.start(['ip', ...args], { namespaces: ['net'] }))
    .ended;
  if (code !== 0) {
    throw new Error(`ip ${args.join(' ')}: ${stderr}`);
  }
}

/** Joins two sandboxes by a virtual cable, and returns the address of each. */
export async function joinSandboxes(
  one: Sandbox,
  other: Sandbox,
): Promise<readonly [string, string]> {
  const addresses = ['192.0.2.1', '192.0.2.2'] as const;
  const peer = ['peer', 'name', 'cable', 'netns', String(other.pid)];
  await ip(one, 'link', 'add', 'cable', 'type', 'veth', ...peer);
  for (const [sandbox, address] of [
    [one, addresses[0]],
    [other, addresses[1]],
  ] as const) {
    await ip(sandbox, 'address', 'add', `${address}/24`, 'dev', 'cable');
    await ip(sandbox, 'link', 'set', 'cable', 'up');
  }
  return addresses;
}
