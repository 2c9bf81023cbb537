// Exports the connections to any port or unix socket of this machine, for Prometheus:
//   node connections-exporter.mjs tcp://127.0.0.1:8080 9235
import { createServer } from 'node:http';
import { watchConnections } from 'buildkit-drain';

const [, , address = 'tcp://127.0.0.1:8080', port = '9235'] = process.argv;
const label = address.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
const totals = { opened: 0, closed: 0 };
let now;

function family(name, type, help, value) {
  const full = `socket_connections${name}`;
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${full}{address="${label}"} ${value}\n`;
}

// A count that is unknown is not exposed: zero would say that nobody is connected.
function exposition() {
  const isKnown = now?.kind === 'counted';
  return [
    isKnown ? family('', 'gauge', 'Connections now.', now.connections.length) : '',
    family('_known', 'gauge', 'Whether they can be counted.', Number(isKnown)),
    family('_opened_total', 'counter', 'At least so many were opened.', totals.opened),
    family('_closed_total', 'counter', 'At least so many were closed.', totals.closed),
  ].join('');
}

const server = createServer(({ url }, response) => {
  response.setHeader('content-type', 'text/plain; version=0.0.4');
  response.statusCode = url === '/metrics' ? 200 : 404;
  response.end(url === '/metrics' ? exposition() : 'The metrics are at /metrics.\n');
});
server.listen(Number(port), () => console.log(`listening on port ${server.address().port}`));

for await (now of watchConnections(address)) {
  const { arrived = [], left = [], unseen = 0 } = now;
  totals.opened += arrived.length + unseen;
  totals.closed += left.length + unseen;
}
