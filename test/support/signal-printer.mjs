// A process to be run: it prints each signal that it gets, and ends of those that its command line
// names, with code 7.
const deadly = process.argv.slice(2);
const first = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGABRT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
];
const more = ['SIGTERM', 'SIGSTKFLT', 'SIGCONT', 'SIGTSTP', 'SIGURG', 'SIGXCPU', 'SIGXFSZ'];
const rest = ['SIGVTALRM', 'SIGPROF', 'SIGWINCH', 'SIGIO', 'SIGPWR'];

for (const signal of [...first, ...more, ...rest]) {
  process.on(signal, () => {
    console.log(signal);
    if (deadly.includes(signal)) {
      process.exit(7);
    }
  });
}
console.log('up');
setInterval(() => {}, 1000);
