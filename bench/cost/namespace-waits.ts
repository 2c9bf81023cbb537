import type { Server, Socket } from 'node:net';
import { raiseLoopback } from '../runner/run.ts';
import type { Stage } from './context.ts';
import { answerRequests } from './holders.ts';
import { namespacePort, type SocketName } from './namespace-sockets.ts';
import { type Launched, launchWait, tcpAddr } from './processes.ts';

// Opens the sockets, gives them to this process over the channel, and becomes the wait, without the channel.
const script = [
  `${raiseLoopback};`,
  '"$1" "$0" namespace-sockets && unset NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE &&',
  'exec "$@" 3<&-',
].join(' ');

export interface NamespaceWait extends Launched {
  /** The client's end of the only connection. */
  readonly client: Socket;
}

/**
 * Starts a wait in a network namespace of its own, in which a daemon has one client. This process holds
 * their sockets: two more processes for each wait would need as much memory as what is measured.
 */
export async function launchInNamespace(
  stage: Stage,
  args: readonly string[],
): Promise<NamespaceWait> {
  const held = createHeld();
  try {
    const wait = await launchWait(stage, args, {
      addr: tcpAddr(namespacePort),
      prefix: ['unshare', '--net', 'sh', '-c', script, stage.helper],
      onSocket: (name, socket) => held.add(name, socket),
    });
    const kill = async (): Promise<void> => {
      held.close();
      await wait.kill();
    };
    return { ...wait, kill, client: await held.client };
  } catch (error) {
    held.close();
    throw error;
  }
}

/** What is held in a namespace, as it comes: the listener, its end of the connection, and last the client's. */
function createHeld() {
  const closes: (() => void)[] = [];
  let isClosed = false;
  let setClient = (_: Socket): void => {};
  return {
    client: new Promise<Socket>((resolve) => {
      setClient = resolve;
    }),
    add(name: SocketName, socket: Server | Socket) {
      closes.push(
        name === 'listener' ? () => (socket as Server).close() : keepOpen(socket as Socket),
      );
      if (name === 'accepted') {
        answerRequests(socket as Socket);
      } else if (name === 'client') {
        setClient(socket as Socket);
      }
      if (isClosed) {
        this.close();
      }
    },
    close() {
      isClosed = true;
      for (const close of closes.splice(0)) {
        close();
      }
    },
  };
}

function keepOpen(socket: Socket): () => void {
  socket.on('error', () => {});
  socket.resume();
  return () => socket.destroy();
}
