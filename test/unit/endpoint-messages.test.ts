import { describe, expect, it } from 'vitest';
import type { EndpointNotice } from '../../src/endpoints/types.ts';
import { endpointEntry } from '../../src/report/endpoint-messages.ts';

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
      'No process called buildkitd is in sight; watching what it listens on by default: tcp://:1.',
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
      { kind: 'address-unheard', pid: 17, addresses: ['tcp://:1'] },
      'warn',
      'buildkitd (pid 17) was told to listen on tcp://:1, and does not. Clients there count once it does.',
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
