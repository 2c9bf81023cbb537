/**
 * The signals that are passed on to the daemon: those that can be caught, but for
 *
 * - SIGCHLD, which tells of the daemon itself;
 * - SIGTTIN and SIGTTOU, by which the kernel stops whoever uses a terminal in the background;
 * - SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV and SIGSYS, of which a process can't go on that gets them
 *   by its own fault.
 */
export const passedOn = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGABRT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGSTKFLT',
  'SIGCONT',
  'SIGTSTP',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPWR',
] as const satisfies readonly NodeJS.Signals[];

/** Whether a signal tells to stop. That of Ctrl-C does, and the daemon drains for it as well. */
export function tellsToStop(signal: NodeJS.Signals): boolean {
  return signal === 'SIGTERM' || signal === 'SIGINT';
}

// signal(7): to die of these leaves a core file, which would be of the wrong process.
const dumping: readonly NodeJS.Signals[] = [
  ...(['SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS'] as const),
  ...(['SIGFPE', 'SIGSEGV', 'SIGXCPU', 'SIGXFSZ', 'SIGSYS'] as const),
];

export function leavesCore(signal: NodeJS.Signals): boolean {
  return dumping.includes(signal);
}
