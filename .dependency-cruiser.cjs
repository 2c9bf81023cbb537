// The directions that imports may take: docs/design.md, "Flow".
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    rule('no-circles', 'Imports go one way.', {}, { circular: true }),
    rule(
      'inspect-stands-alone',
      'Inspectors know nothing outside themselves.',
      { path: '^src/backends/' },
      { path: '^src/', pathNot: '^src/backends/' },
    ),
    rule(
      'builds-know-inspector-words-only',
      'Asking the daemon names endpoints, errors and peers as the inspectors do, and looks at nothing.',
      { path: '^src/builds/' },
      { path: '^src/', pathNot: '^src/(builds/|backends/(types|addresses)\\.ts$)' },
    ),
    rule(
      'http2-only-when-asked',
      'HTTP/2 and TLS are loaded when the daemon is asked for the first time.',
      { path: '^src/', pathNot: '^src/builds/(ask|call|connect)\\.ts$' },
      { path: '^(src/builds/(ask|call|connect)\\.ts|(node:)?(http2|tls))$', dynamic: false },
    ),
    rule(
      'monitor-knows-backends',
      'The monitor finds endpoints and polls them; it gets parsed values.',
      { path: '^src/monitor/' },
      {
        path: '^src/',
        pathNot: ['^src/(monitor|backends)/', '^src/options/', '^src/messages/', '^src/messages/'],
      },
    ),
    rule(
      'drain-knows-inspector-types-only',
      'The rule and the loop know what a sample is, not how one is taken.',
      { path: '^src/drain/' },
      {
        path: '^src/',
        pathNot: ['^src/drain/', '^src/(backends|builds)/types\\.ts$', '^src/builds/answers\\.ts$'],
      },
    ),
    rule(
      'watch-knows-what-drain-knows',
      'Watching goes by the same words and standings as waiting, and looks no more itself.',
      { path: '^src/watch/' },
      {
        path: '^src/',
        pathNot: ['^src/watch/', '^src/drain/', '^src/(backends|builds)/types\\.ts$'],
      },
    ),
    rule(
      'mark-knows-inspectors',
      "A drain's mark is a socket with a name, and is found as other sockets are.",
      { path: '^src/mark/' },
      { path: '^src/', pathNot: '^src/(mark|backends)/' },
    ),
    rule(
      'run-supervises',
      'What is run is found by its processes; how it is waited for is handed in.',
      { path: '^src/run/' },
      { path: '^src/', pathNot: ['^src/run/', '^src/backends/', '^src/monitor/discover\\.ts$'] },
    ),
    rule(
      'ready-judges',
      'What readiness goes by is handed in.',
      { path: '^src/ready/' },
      {
        path: '^src/',
        pathNot: ['^src/ready/', '^src/backends/types\\.ts$', '^src/builds/knock\\.ts$'],
      },
    ),
    rule(
      'doctor-tries-inspectors',
      'The doctor finds out; what that means, and how a command line is read, are other matters.',
      { path: '^src/doctor/' },
      { path: '^src/', pathNot: ['^src/doctor/', '^src/backends/', '^src/builds/types\\.ts$'] },
    ),
    rule(
      'serve-answers-callers',
      'Serving shares a wait and looks among callers; how they are done, and said, are other matters.',
      { path: '^src/serve/' },
      {
        path: '^src/',
        pathNot: [
          '^src/serve/',
          '^src/drain/(types|roster)\\.ts$',
          '^src/(backends|builds)/types\\.ts$',
        ],
      },
    ),
    rule(
      'bench-measures-inspectors',
      'The benchmark knows what it measures and replays, not how a command line is read.',
      { path: '^src/bench/' },
      {
        path: '^src/',
        pathNot: ['^src/bench/', '^src/backends/', '^src/drain/(types|clock|quiet-period)\\.ts$'],
      },
    ),
    rule(
      'bundle-stands-alone',
      'What this program was shipped in, and copying that, has to do with nothing else.',
      { path: '^src/bundle/' },
      { path: '^src/', pathNot: '^src/bundle/' },
    ),
    rule(
      'commands-on-demand',
      'What one command alone needs is loaded when that is called.',
      { path: '^src/(cli\\.ts$|cli/(run|program|wait)\\.ts$)' },
      {
        path: '^src/(bench/|watch/|doctor/|ready/|serve/|run/|bundle/install|cli/(status|bench.*|watch|doctor|ready|serve.*|run-command|install)\\.ts$)',
        dynamic: false,
      },
    ),
    rule(
      'bench-for-its-own-command',
      'Nobody else knows the benchmark.',
      { path: '^src/', pathNot: ['^src/bench/', '^src/cli/bench.*\\.ts$'] },
      { path: '^src/bench/' },
    ),
    rule(
      'options-are-values',
      'Parsing options takes no look at anything.',
      { path: '^src/options/' },
      { path: '^src/(cli|backends|monitor|builds)', pathNot: '^src/backends/types\\.ts$' },
    ),
    rule(
      'report-only-tells',
      'Reporting neither looks nor decides.',
      { path: '^src/messages/' },
      {
        path: '^src/(cli|options|backends|monitor|drain|builds|watch|doctor|ready|mark|bundle|serve|run)',
        pathNot:
          '^src/(backends/(types|with-fallback)|monitor/types|drain/(types|roster|known-times)|builds/types|watch/types|(ready|run)/types|doctor/(types|attempt|endpoints)|serve/(types|accept))\\.ts$',
      },
    ),
    rule(
      'one-door-to-the-addon',
      'Only native.ts loads the addon.',
      { path: '^src/', pathNot: '^src/backends/native\\.ts$' },
      { path: '(node-gyp-build|prebuilds|\\.node$)' },
    ),
    rule(
      'cli-is-the-top',
      'Nothing imports the command line.',
      { pathNot: '^src/cli' },
      { path: '^src/cli' },
    ),
    rule(
      'library-for-others',
      'The doors of the package are for who is outside: the program knows what it hands over.',
      { pathNot: '^src/(index\\.ts$|library/)' },
      { path: '^src/library/' },
    ),
    rule(
      'commander-in-cli-only',
      '',
      { path: '^src/', pathNot: '^src/cli/' },
      { path: 'node_modules/commander' },
    ),
    rule('no-orphans', 'A file that nobody imports is dead.', { orphan: true, path: '^src/' }, {}),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js', '.json'] },
  },
};
