import type { ErrnoName, Fault } from './faults.ts';

/** A fault, or one for each errno, and what a wait makes of it while it lasts. */
export interface FaultRow {
  /** What goes wrong, for people. */
  readonly fault: string;
  readonly errnos?: readonly ErrnoName[];
  readonly faults: (errno: ErrnoName) => readonly Fault[];
  /** Whether the clients are counted all the same; otherwise every sample fails. */
  readonly outcome: 'counted' | 'failed';
  /**
   * The message in the log, with `ERRNO` for the errno. Where the clients are counted all the same it is
   * a warning that is taken back.
   */
  readonly message?: string;
}

const anySocket = ['EBADF', 'ENOTSOCK', 'EFAULT', 'EINVAL', 'EACCES', 'EPERM'] as const;
const noMemory = ['ENOMEM', 'ENOBUFS'] as const;
const ofFile = ['EACCES', 'EPERM', 'ENOENT', 'EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EINTR'] as const;

/** Has the socket for requests closed, so that the next poll opens a new one. */
const afterDrop: Fault = { call: 'recvmsg', on: 'questions', when: 'first 1', effect: 'EIO' };

function answer(effect: Fault['effect'], when: Fault['when'] = 'always'): () => readonly Fault[] {
  return () => [{ call: 'recvmsg', on: 'questions', when, effect }];
}

const questions: readonly FaultRow[] = [
  {
    fault: '`socket` fails',
    errnos: [
      'EACCES',
      'EPERM',
      'EAFNOSUPPORT',
      'EPROTONOSUPPORT',
      'EINVAL',
      'EMFILE',
      'ENFILE',
      ...noMemory,
    ],
    faults: (errno) => [afterDrop, { call: 'socket', effect: errno }],
    outcome: 'failed',
    message: 'sock_diag: socket failed with ERRNO',
  },
  {
    fault: '`sendmsg` fails',
    errnos: [
      ...anySocket,
      ...noMemory,
      'EAGAIN',
      'ECONNREFUSED',
      'ECONNRESET',
      'EINTR',
      'EIO',
      'EMSGSIZE',
      'ENOTCONN',
      'ENOTSUP',
      'EPIPE',
    ],
    faults: (errno) => [{ call: 'sendmsg', effect: errno }],
    outcome: 'failed',
    message: 'sock_diag: sendmsg failed with ERRNO',
  },
  {
    fault: '`sendmsg` says that it has sent, and has not',
    faults: () => [{ call: 'sendmsg', effect: 'lost' }],
    outcome: 'failed',
    message: 'sock_diag: recvmsg failed with ETIMEDOUT',
  },
  {
    fault: '`recvmsg` fails',
    errnos: [...anySocket, ...noMemory, 'ECONNREFUSED', 'EINTR', 'EIO', 'ENOTCONN'],
    faults: (errno) => [{ call: 'recvmsg', on: 'questions', effect: errno }],
    outcome: 'failed',
    message: 'sock_diag: recvmsg failed with ERRNO',
  },
  {
    fault: '`recvmsg` has nothing to read, for ever (`EAGAIN`)',
    faults: answer('EAGAIN'),
    outcome: 'failed',
    message: 'sock_diag: recvmsg failed with ETIMEDOUT',
  },
  {
    fault: '`poll` fails while an answer is awaited',
    errnos: ['EFAULT', 'EINVAL', 'ENOMEM'],
    faults: (errno) => [
      { call: 'recvmsg', on: 'questions', effect: 'EAGAIN' },
      { call: 'poll', effect: errno },
    ],
    outcome: 'failed',
    message: 'sock_diag: poll failed with ERRNO',
  },
  {
    fault: '`poll` is interrupted, or says that an answer is there, for ever',
    faults: () => [
      { call: 'recvmsg', on: 'questions', effect: 'EAGAIN' },
      { call: 'poll', when: 'every 2', effect: 'EINTR' },
      { call: 'poll', effect: 'ready' },
    ],
    outcome: 'failed',
    message: 'sock_diag: recvmsg failed with ETIMEDOUT',
  },
  {
    fault: '`close` fails',
    errnos: ['EIO', 'EINTR', 'EBADF', 'ENOSPC'],
    faults: (errno) => [
      { call: 'recvmsg', on: 'questions', when: 'every 3', effect: 'EIO' },
      { call: 'close', effect: errno },
    ],
    outcome: 'failed',
    message: 'sock_diag: recvmsg failed with EIO',
  },
  {
    fault: 'the answer never comes',
    faults: answer('swallow'),
    outcome: 'failed',
    message: 'sock_diag: recvmsg failed with ETIMEDOUT',
  },
  {
    fault: 'the answer is from another process than the kernel',
    faults: answer('sender'),
    outcome: 'failed',
    message: 'sock_diag: recvmsg failed with ETIMEDOUT',
  },
  {
    fault: 'another process sends an end of the answer',
    faults: answer('forged-end', 'every 2'),
    outcome: 'counted',
  },
  {
    fault: 'the answer has another sequence number',
    faults: answer('sequence'),
    outcome: 'failed',
    message: 'sock_diag: recvmsg failed with ETIMEDOUT',
  },
  {
    fault: 'the end of an earlier answer comes',
    faults: answer('stale-end', 'every 2'),
    outcome: 'counted',
  },
  {
    fault: 'the answer has no bytes',
    faults: answer('empty'),
    outcome: 'failed',
    message: 'sock_diag: recvmsg failed with ETIMEDOUT',
  },
  {
    fault: 'the answer is cut, and the kernel says so (`MSG_TRUNC`)',
    faults: answer('truncated'),
    outcome: 'failed',
    message: 'sock_diag: netlink dump failed with EMSGSIZE',
  },
  {
    fault: 'the answer is cut short without an error',
    faults: answer('cut 6'),
    outcome: 'failed',
    message: 'sock_diag: netlink dump failed with EBADMSG',
  },
  {
    fault: 'a length in the answer lies',
    faults: answer('length'),
    outcome: 'failed',
    message: 'sock_diag: netlink dump failed with EBADMSG',
  },
  {
    fault: 'the answer is of an unknown type',
    faults: answer('type'),
    outcome: 'failed',
    message: 'sock_diag: netlink dump failed with EBADMSG',
  },
  {
    fault: 'the kernel refuses in its answer (`NLMSG_ERROR`)',
    errnos: ['EPERM', 'ENOMEM', 'EINVAL', 'EBUSY', 'ENOENT', 'ENOTSUP'],
    faults: (errno) => answer(`error ${errno}`)(),
    outcome: 'failed',
    message: 'sock_diag: NLMSG_ERROR failed with ERRNO',
  },
];

/** Faults that only an answer of many datagrams can have. */
const dumps: readonly FaultRow[] = [
  {
    fault: 'the kernel gives up in its answer (`NLMSG_DONE` with an errno)',
    errnos: ['ENOMEM', 'EMSGSIZE', 'ENOENT', 'EINVAL'],
    faults: (errno) => answer(`done ${errno}`)(),
    outcome: 'failed',
    message: 'sock_diag: NLMSG_DONE failed with ERRNO',
  },
  {
    fault: 'the table changes under each answer (`NLM_F_DUMP_INTR`), for ever',
    faults: answer('interrupted'),
    outcome: 'failed',
    message: 'sock_diag: netlink dump failed with EINTR',
  },
];

/** What passes by itself. */
const passing: readonly FaultRow[] = [
  {
    fault: 'signals interrupt three calls in a row (`EINTR`)',
    faults: () => [
      { call: 'recvmsg', on: 'questions', when: 'first 3', effect: 'EINTR' },
      { call: 'sendmsg', when: 'first 3', effect: 'EINTR' },
    ],
    outcome: 'counted',
  },
  { fault: 'an answer is late', faults: answer('EAGAIN', 'first 3'), outcome: 'counted' },
];

/** Of what TCP is counted with beside. */
export const counterRows: readonly FaultRow[] = [
  {
    fault: '`open` of the counter of new connections fails',
    errnos: ofFile,
    faults: (errno) => [
      { call: 'pread', when: 'first 1', effect: 'EIO' },
      { call: 'open', effect: errno },
    ],
    outcome: 'counted',
    message: "the kernel's counter of new connections (/proc/net/snmp) can't be read",
  },
  {
    fault: '`pread` of it fails',
    errnos: ['EIO', 'EINTR', 'EBADF', 'EACCES', 'ENOMEM', 'EAGAIN', 'EISDIR'],
    faults: (errno) => [{ call: 'pread', effect: errno }],
    outcome: 'counted',
    message: "the kernel's counter of new connections (/proc/net/snmp) can't be read",
  },
  {
    fault: '`pread` of it brings a part, or nothing',
    faults: () => [
      { call: 'pread', when: 'every 2', effect: 'short 700' },
      { call: 'pread', effect: 'end' },
    ],
    outcome: 'counted',
    message: "the kernel's counter of new connections (/proc/net/snmp) can't be read",
  },
];

/** The socket for events is set up once, at the start; these are injected from then on. */
export const eventRows: readonly FaultRow[] = [
  {
    fault: '`socket` for events fails',
    errnos: ['EMFILE', 'ENOMEM'],
    faults: (errno) => [{ call: 'socket', when: 'first 1', effect: errno }],
    outcome: 'counted',
  },
  {
    fault: '`bind` of it fails',
    errnos: ['EPERM', 'EADDRINUSE', 'ENOMEM'],
    faults: (errno) => [{ call: 'bind', effect: errno }],
    outcome: 'counted',
  },
  {
    fault: '`setsockopt` of it fails',
    errnos: ['EPERM', 'ENOMEM', 'ENOPROTOOPT'],
    faults: (errno) => [{ call: 'setsockopt', effect: errno }],
    outcome: 'counted',
  },
  {
    fault: '`recvmsg` of an event fails',
    errnos: ['ENOBUFS', 'EIO', 'EINTR', 'EAGAIN'],
    faults: (errno) => [{ call: 'recvmsg', on: 'events', effect: errno }],
    outcome: 'counted',
  },
  ...(
    [
      ['is lost', 'swallow'],
      ['is from another process than the kernel', 'sender'],
      ['has a sequence number', 'sequence'],
      ['is cut', 'cut 6'],
      ['is cut, and the kernel says so', 'truncated'],
      ['has a length that lies', 'length'],
      ['is of an unknown type', 'type'],
    ] as const
  ).map(
    ([what, effect]): FaultRow => ({
      fault: `an event ${what}`,
      faults: () => [{ call: 'recvmsg', on: 'events', effect }],
      outcome: 'counted',
    }),
  ),
];

/** What shows other processes that a drain is under way, from the start on. */
export const markRows: readonly FaultRow[] = (['socket', 'bind', 'listen'] as const).map(
  (call): FaultRow => ({
    fault: `\`${call}\` of the marker fails`,
    errnos: ['EPERM', 'EMFILE', 'ENOMEM', 'EADDRINUSE'],
    faults: (errno) => [{ call, ...(call !== 'listen' && { on: 'unix' }), effect: errno }],
    outcome: 'counted',
    message: `Other processes cannot see that this drain is under way, so \`buildkit-drain ready --after-drain\` does not fail because of it: ${call} failed with ERRNO.`,
  }),
);

function tableRows(path: string): readonly FaultRow[] {
  return [
    {
      fault: `\`open\` of ${path} fails`,
      errnos: ['EACCES', 'EPERM', 'ENOENT', 'EMFILE', 'ENFILE', 'ENOMEM', 'EIO'],
      faults: (errno) => [{ call: 'open', by: 'node', on: path, effect: errno }],
      outcome: 'failed',
      message: `${path} can't be read (ERRNO)`,
    },
    {
      fault: `\`read\` of ${path} fails`,
      errnos: ['EIO', 'EACCES', 'EAGAIN', 'ENOMEM', 'EINVAL', 'EBADF', 'ESRCH'],
      faults: (errno) => [{ call: 'read', by: 'node', on: path, effect: errno }],
      outcome: 'failed',
      message: `${path} can't be read (ERRNO)`,
    },
    {
      fault: `\`read\` of ${path} fails in its midst`,
      errnos: ['EIO'],
      faults: (errno) => [
        { call: 'read', by: 'node', on: path, when: 'every 2', effect: errno },
        { call: 'read', by: 'node', on: path, effect: 'short 70' },
      ],
      outcome: 'failed',
      message: `${path} can't be read (ERRNO)`,
    },
    {
      fault: `${path} is empty`,
      faults: () => [{ call: 'read', by: 'node', on: path, effect: 'end' }],
      outcome: 'failed',
      message: `${path} can't be trusted: its first line is not the header`,
    },
    {
      fault: `${path} ends in the midst of a line`,
      faults: () => [
        { call: 'read', by: 'node', on: path, when: 'every 2', effect: 'end' },
        { call: 'read', by: 'node', on: path, effect: 'short 70' },
      ],
      outcome: 'failed',
      message: `${path} can't be trusted: its last line has no end`,
    },
    {
      fault: `${path} comes in reads of 7 bytes`,
      faults: () => [{ call: 'read', by: 'node', on: path, effect: 'short 7' }],
      outcome: 'counted',
    },
  ];
}

/** Of `--backend procfs`. */
export const procfsTcpRows: readonly FaultRow[] = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(
  tableRows,
);
export const procfsUnixRows: readonly FaultRow[] = tableRows('/proc/net/unix');

/** Transient errors of what discovery reads about processes. */
const passingErrnos = ['EIO', 'EMFILE', 'ENFILE', 'ENOMEM'] as const;
const discoveryMessage = "where the daemon listens can't be read (ERRNO";

function discoveryRow(fault: string, ...calls: readonly Omit<Fault, 'effect'>[]): FaultRow {
  return {
    fault,
    errnos: passingErrnos,
    faults: (errno) => calls.map((call) => ({ by: 'any', ...call, effect: errno })),
    outcome: 'failed',
    message: discoveryMessage,
  };
}

/** From the start of a wait without `--addr`; PID stands for the daemon's. */
export const discoveryRows: readonly FaultRow[] = [
  discoveryRow("`/proc` can't be listed", { call: 'scandir', on: '/proc' }),
  discoveryRow("the names of processes can't be read", { call: 'open', on: '/proc/PID/comm' }),
  discoveryRow("the daemon's `stat` can't be read", { call: 'open', on: '/proc/PID/stat' }),
  discoveryRow("its command line can't be read", { call: 'open', on: '/proc/PID/cmdline' }),
  discoveryRow("its descriptors can't be listed", { call: 'scandir', on: '/proc/PID/fd' }),
  discoveryRow("its descriptors can't be read", { call: 'readlink', on: '/proc/PID/fd' }),
  discoveryRow("its network namespace can't be determined", { call: 'statx', on: '/proc/PID/net' }),
  {
    ...discoveryRow("the table of unix sockets can't be opened", {
      call: 'open',
      on: '/proc/net/unix',
    }),
    message: "where the daemon listens can't be read (/proc/net/unix can't be read (ERRNO",
  },
];

/** Of what sock-diag asks and is answered, whatever it asks about. */
export const questionRows: readonly FaultRow[] = [...questions, ...dumps, ...passing];

const noMemoryMessage = 'sock_diag: malloc failed with ENOMEM';

/** Of the addon, in mid-wait; what is read of many unix sockets is read into new memory. */
export const unixMemoryRows: readonly FaultRow[] = [
  {
    fault: 'the addon gets no memory',
    faults: () => [{ call: 'malloc', effect: 'ENOMEM' }],
    outcome: 'failed',
    message: noMemoryMessage,
  },
  {
    fault: 'the addon gets no memory now and then',
    faults: () => [{ call: 'malloc', when: 'every 3', effect: 'ENOMEM' }],
    outcome: 'failed',
    message: noMemoryMessage,
  },
];

/** While more clients come than it has room for. */
export const tcpMemoryRows: readonly FaultRow[] = unixMemoryRows.slice(0, 1);

/** The same for people: docs/faults-injected.md. */
export function faultsPage(): string {
  const sections = [
    ['What sock-diag asks and is answered (TCP and unix)', questionRows],
    ['The counter of new connections (TCP)', counterRows],
    ['Events (TCP), from the start on', eventRows],
    ['The drain marker, from the start on', markRows],
    ['`--backend procfs`, over TCP', procfsTcpRows],
    ['`--backend procfs`, over unix', procfsUnixRows],
    ['Memory of the addon, over unix', unixMemoryRows],
    ['Memory of the addon, over TCP, while more clients come than it has room for', tcpMemoryRows],
    ['Discovery of the daemon, at the start of a wait without `--addr`', discoveryRows],
  ] as const;
  return `# Faults that are injected

Each of these faults is injected into a wait with a client for longer than its quiet period, call by call
and errno by errno. The wait never ends meanwhile. When the fault is over and the client has left, it is
drained after its quiet period. \`test/cli/faults.test.ts\` does that, and writes this page (\`vitest run -u\`);
[faults.md](faults.md) has all other faults.

"Failed" is a failed sample: unknown, never zero. The quiet period restarts, and the wait is late. If the
fault lasts, auto changes to procfs after a few polls; without another backend, the wait holds to its
deadline. "Counted" is a count that is as right as without the fault; at most, a poll costs more.
${sections.map(([title, rows]) => `\n## ${title}\n\n${tableOf(rows)}`).join('')}`;
}

function tableOf(rows: readonly FaultRow[]): string {
  const lines = rows.map(({ fault, errnos = [], outcome, message }) => {
    const numbers = errnos.length > 0 ? `: ${errnos.join(', ')}` : '';
    const verdict = outcome === 'failed' ? 'failed: late' : 'counted: right';
    return `| ${fault}${numbers} | ${message?.concat(' …') ?? ''} | ${verdict} |\n`;
  });
  return `| fault | the log says | sample |\n|---|---|---|\n${lines.join('')}`;
}
