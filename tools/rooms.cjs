/** Each room, and the rooms that it may import from. A room is a folder or a file of src, or `bench`. */
module.exports = {
  backends: [],
  bundle: [],
  'old-node': [],
  grpc: ['backends'],
  builds: ['backends', 'grpc'],
  drain: ['backends', 'builds'],
  options: ['backends', 'drain'],
  'drain-marker': ['backends'],
  monitor: ['backends', 'builds', 'drain', 'drain-marker', 'grpc', 'options'],
  run: ['backends', 'monitor'],
  ready: ['backends', 'builds'],
  verify: ['backends', 'grpc'],
  doctor: ['backends', 'builds'],
  serve: ['backends', 'builds', 'drain'],
  messages: [
    ...['backends', 'builds', 'doctor', 'drain', 'monitor', 'options', 'ready', 'run', 'serve'],
    'verify',
  ],
  library: ['backends', 'builds', 'drain', 'grpc', 'monitor', 'options'],
  bench: ['backends', 'drain', 'options'],
  cli: [
    ...['backends', 'bench', 'builds', 'bundle', 'doctor', 'drain', 'drain-marker', 'grpc'],
    ...['messages', 'monitor', 'old-node', 'options', 'ready', 'run', 'serve', 'verify'],
  ],
};
