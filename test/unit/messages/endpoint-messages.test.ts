import { describe, expect, it } from 'vitest';
import { endpointEntry } from '../../../src/messages/endpoint-messages.ts';
import type { EndpointNotice } from '../../../src/monitor/types.ts';

const found = {
  kind: 'daemon-found',
  pid: 17,
  isGiven: false,
  isListening: true,
  endpoints: ['tcp://:1', 'unix:///a', 'unix:///b'],
} as const;

describe('what is said about the endpoints', () => {
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
      'Found buildkitd (pid 17), which was not seen to listen on anything.',
    ],
    [
      { ...found, isGiven: true, isListening: false, endpoints: ['tcp://:1'] },
      'warn',
      'Process 17 was not seen to listen on anything, and was told to listen on tcp://:1.',
    ],
    [
      { kind: 'daemon-not-found', reason: null, isTriedAgain: false, endpoints: ['tcp://:1'] },
      'info',
      'No process called buildkitd that belongs here is in sight; watching what it listens on by default: tcp://:1.',
    ],
    [
      { kind: 'daemon-not-found', reason: 'EMFILE', isTriedAgain: true, endpoints: ['tcp://:1'] },
      'warn',
      "Where buildkitd listens can't be read (EMFILE). This is tried again, and no count is believed until it is done.",
    ],
    [
      { kind: 'daemon-not-found', reason: 'EPERM', isTriedAgain: false, endpoints: ['tcp://:1'] },
      'warn',
      "Processes can't be read (EPERM); watching what it listens on by default: tcp://:1.",
    ],
    [
      { kind: 'address-not-listening', pid: 17, addresses: ['tcp://:1'] },
      'warn',
      'buildkitd (pid 17) was told to listen on tcp://:1, and does not. Clients there count once it does.',
    ],
    [
      { kind: 'daemons-skipped', pids: [7], areOthersFound: true },
      'info',
      'Not watching buildkitd (pid 7): it is in another network namespace, and a nearer one was found. Give --pid to watch it all the same.',
    ],
    [
      { kind: 'daemons-skipped', pids: [7, 8], areOthersFound: false },
      'warn',
      'Not watching buildkitd (pid 7 and 8): it is in another network namespace, and not of this container or pod. Give --pid to watch it all the same.',
    ],
    [
      { kind: 'addresses-not-given', pid: 17, addresses: ['tcp://:1', 'unix:///a'] },
      'warn',
      'The daemon (pid 17) listens on tcp://:1 and unix:///a, which --addr does not name: its clients there are not counted.',
    ],
    [
      { kind: 'variable-ignored', variable: 'BUILDKIT_HOST', reason: 'expected this' },
      'warn',
      'BUILDKIT_HOST is ignored: expected this.',
    ],
    [
      { kind: 'endpoints-added', endpoints: ['tcp://:1'] },
      'info',
      'Also watching tcp://:1: the daemon listens there, too.',
    ],
    [
      { kind: 'listener-gone', endpoints: ['tcp://:1'] },
      'info',
      'Nothing listens on tcp://:1, and the daemon lives. All of its sockets are known, so that its clients are counted by them.',
    ],
    [
      { kind: 'config-unreadable', pid: 17, path: '/a.toml', reason: 'it is not TOML' },
      'warn',
      "The configuration of buildkitd (pid 17), /a.toml, can't be read: it is not TOML.",
    ],
  ])('is true of %j', (notice, level, message) => {
    const { kind, ...fields } = notice;
    expect(endpointEntry(notice)).toEqual({ level, message, fields: { event: kind, ...fields } });
  });
});
