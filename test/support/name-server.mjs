// A name server at 127.0.0.1:53 that knows the IPv4 addresses of one name, or with `silent` never answers.
import { createSocket } from 'node:dgram';

const [knownName, ...addresses] = process.argv.slice(2);
const headerBytes = 12;
const aRecord = 1;
const noSuchName = 0x8183;

function readName(query) {
  const labels = [];
  let at = headerBytes;
  while (query[at] > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    at += 1 + query[at];
  }
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answerTo(query) {
  const { name, type, end } = readName(query);
  const isKnown = name === knownName;
  const answers = isKnown && type === aRecord ? addresses : [];
  const header = Buffer.from(query.subarray(0, headerBytes));
  header.writeUInt16BE(isKnown ? 0x8180 : noSuchName, 2);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt32BE(0, 8);
  // The name by a pointer to the question, the class IN, for 60 s, four bytes.
  const before = [0xc0, headerBytes, 0, aRecord, 0, 1, 0, 0, 0, 60, 0, 4];
  const records = answers.flatMap((address) => [...before, ...address.split('.')]);
  return Buffer.concat([header, query.subarray(headerBytes, end), Buffer.from(records)]);
}

const server = createSocket('udp4');
server.on('message', (query, { port, address: peer }) => {
  console.log(readName(query).name);
  if (knownName !== 'silent') {
    server.send(answerTo(query), port, peer);
  }
});
server.bind(53, '127.0.0.1', () => console.log('ready'));
