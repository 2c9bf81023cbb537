import { createServer, type Socket } from 'node:net';
import { sendAndClose } from './answer.ts';
import { closeServer, type ListenInput, limitConnections, listen } from './listening.ts';

export interface AgentCheck {
  /** The address that it listens on. */
  readonly address: string;
  readonly close: () => Promise<void>;
}

export interface AgentCheckInput extends ListenInput {
  readonly isAccepting: () => boolean;
}

/**
 * Answers the agent checks of HAProxy: one line for each connection, whatever the peer sends. `drain`
 * lets connections live and sends no new ones, and stays until it is taken back by `ready`.
 *
 * @throws the error of listen(2), with its code.
 */
export async function openAgentCheck(input: AgentCheckInput): Promise<AgentCheck> {
  const server = createServer();
  const connections = limitConnections(server, input.onEvent);
  server.on('connection', (socket: Socket) => {
    const connection = connections.get(socket);
    // One that was closed because there are too many gets no answer.
    if (connection !== undefined) {
      connection.awaitsRequest = false;
      socket.on('error', () => {});
      sendAndClose(socket, input.isAccepting() ? 'ready\n' : 'drain\n');
    }
  });
  const address = await listen(server, input);
  return { address, close: () => closeServer(server, connections) };
}
