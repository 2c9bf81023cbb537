import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Nothing else listens in a new network namespace. */
export const namespacePort = 1234;

export type SocketName = 'listener' | 'accepted' | 'client';

/** Opens the sockets of a daemon with one client, and gives them to another process. */
export async function openAndGive(
  give: (name: SocketName, socket: Server | Socket) => Promise<void>,
): Promise<void> {
  const server = createServer({ pauseOnConnect: true }).listen(namespacePort, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(namespacePort, '127.0.0.1');
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
  await give('listener', server);
  await give('accepted', accepted as Socket);
  await give('client', client);
}
