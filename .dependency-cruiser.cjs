// The directions that imports may take: docs/architecture.md has the picture.

const rooms = require('./tools/rooms.cjs');

const pathOf = (room) => (room === 'bench' ? '^bench/' : `^src/${room}(/|\\.ts$)`);

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    rule('no-circles', 'Imports go one way.', {}, { circular: true }),
    ...Object.entries(rooms).map(([room, known]) =>
      rule(
        `${room}-knows`,
        `${room} may import from: ${known.join(', ') || 'no other room'}.`,
        { path: pathOf(room) },
        { path: '^(src|bench)/', pathNot: [room, ...known].map(pathOf) },
      ),
    ),
    rule(
      'commands-on-demand',
      'What one command alone needs is loaded when that is called.',
      { path: '^src/(cli|cli/main|cli/program|cli/commands/wait)\\.ts$' },
      {
        path: '^(bench|src/(doctor|ready|serve|run|bundle/install|cli/commands/(?!wait|run-wait|plan-wait|check)))',
        dynamic: false,
      },
    ),
    rule(
      'http2-only-when-asked',
      'HTTP/2 and TLS are loaded when the daemon is asked for the first time.',
      { path: '^src/', pathNot: '^src/(builds/ask|grpc/(call|connect|session))\\.ts$' },
      {
        path: '^(src/(builds/ask|grpc/(call|connect|session))\\.ts|(node:)?(http2|tls))$',
        dynamic: false,
      },
    ),
    rule(
      'kubernetes-on-demand',
      'The API server is asked only where an option says so, and HTTPS is loaded then.',
      { path: '^src/', pathNot: '^src/kubernetes/' },
      { path: '^(src/kubernetes/(?!types)|(node:)?https$)', dynamic: false },
    ),
    rule(
      'one-door-to-the-addon',
      'Only native.ts loads the addon.',
      { path: '^src/', pathNot: '^src/backends/native\\.ts$' },
      { path: '(prebuilds|\\.node$)' },
    ),
    rule(
      'commander-in-cli-only',
      'Commands are described there.',
      { path: '^(src|bench)/', pathNot: '^src/cli/' },
      { path: 'node_modules/commander' },
    ),
    rule(
      'no-orphans',
      'A file that nothing imports is dead.',
      { orphan: true, path: '^(src|bench)/' },
      {},
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js', '.json'] },
  },
};
