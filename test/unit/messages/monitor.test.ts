import { describe, expect, it } from 'vitest';
import { endpointEntry } from '../../../src/messages/monitor.ts';
import type { EndpointNotice } from '../../../src/monitor/types.ts';

const found = {
  kind: 'daemon-found',
  pid: 17,
  isGiven: false,
  isListening: true,
  endpoints: ['tcp://:1', 'unix:///a', 'unix:///b'],
} as const;

const fieldNames: Readonly<Record<string, string>> = {
  isGiven: 'given',
  isListening: 'listening',
  isTriedAgain: 'retried',
  areOthersFound: 'othersFound',
  endpoints: 'addresses',
};

describe('a message about endpoints', () => {
  it.each<[EndpointNotice, string, string]>([
    [
      found,
      'info',
      'Found buildkitd (pid 17), which listens on tcp://:1, unix:///a and unix:///b.',
    ],
    [
      { ...found, isGiven: true, endpoints: ['tcp://:1'] },
      'info',
      'Process 17 listens on tcp://:1.',
    ],
    [
      { ...found, isListening: false, endpoints: [] },
      'warn',
      'Found buildkitd (pid 17), which does not listen on anything.',
    ],
    [
      { ...found, isGiven: true, isListening: false, endpoints: ['tcp://:1'] },
      'warn',
      'Process 17 does not listen on anything, but is configured to listen on tcp://:1.',
    ],
    [
      { kind: 'daemon-not-found', reason: null, isTriedAgain: false, endpoints: ['tcp://:1'] },
      'info',
      'No buildkitd process found here; watching the default addresses: tcp://:1.',
    ],
    [
      { kind: 'daemon-not-found', reason: 'EMFILE', isTriedAgain: true, endpoints: ['tcp://:1'] },
      'warn',
      'The addresses of buildkitd cannot be read (EMFILE). Trying again; no count is accepted until then.',
    ],
    [
      { kind: 'daemon-not-found', reason: 'EPERM', isTriedAgain: false, endpoints: ['tcp://:1'] },
      'warn',
      'Processes cannot be read (EPERM); watching the default addresses: tcp://:1.',
    ],
    [
      { kind: 'address-not-listening', pid: 17, addresses: ['tcp://:1'] },
      'warn',
      'buildkitd (pid 17) is configured to listen on tcp://:1, but does not. Clients there count once it does.',
    ],
    [
      { kind: 'daemons-skipped', pids: [7], areOthersFound: true },
      'info',
      'Not watching buildkitd (pid 7): it is in another network namespace, and a nearer one was found. Give --pid to watch it anyway.',
    ],
    [
      { kind: 'daemons-skipped', pids: [7, 8], areOthersFound: false },
      'warn',
      'Not watching buildkitd (pid 7 and 8): it is in another network namespace, and not in this container or pod. Give --pid to watch it anyway.',
    ],
    [
      { kind: 'addresses-not-given', pid: 17, addresses: ['tcp://:1', 'unix:///a'] },
      'warn',
      'Clients of buildkitd (pid 17) on tcp://:1 and unix:///a are not counted: --addr restricts what is watched.',
    ],
    [
      { kind: 'variable-ignored', variable: 'BUILDKIT_HOST', reason: 'expected this' },
      'warn',
      'BUILDKIT_HOST is ignored: expected this.',
    ],
    [
      { kind: 'endpoints-added', endpoints: ['tcp://:1'] },
      'info',
      'Also watching tcp://:1, where the daemon listens too.',
    ],
    [
      { kind: 'listener-gone', endpoints: ['tcp://:1'] },
      'info',
      'Nothing listens on tcp://:1, but the daemon runs. All of its sockets can be read, so its clients are counted by them.',
    ],
    [
      { kind: 'config-unreadable', pid: 17, path: '/a.toml', reason: 'it is not TOML' },
      'warn',
      'The configuration of buildkitd (pid 17), /a.toml, cannot be read: it is not TOML.',
    ],
  ])('is true of %j', (notice, level, message) => {
    const { kind, ...fields } = notice;
    const named = Object.entries(fields).map(([name, value]) => [fieldNames[name] ?? name, value]);
    expect(endpointEntry(notice)).toEqual({
      ...{ level, message },
      fields: { event: kind, ...Object.fromEntries(named) },
    });
  });
});
