import { connect, createServer, type Socket } from 'node:net';

/** A unix socket between clients and a daemon. */
export interface Relay {
  readonly path: string;
  /** Resolves once a client has sent the text that the relay looks for, and the daemon has it. */
  readonly seen: Promise<void>;
  readonly close: () => void;
}

/**
 * Passes connections on, and looks for a text in what clients send.
 *
 * @param withholds whether no answer passes any more after the text.
 */
export async function startRelay(
  path: string,
  to: string,
  text: RegExp,
  { withholds = false } = {},
): Promise<Relay> {
  const sockets = new Set<Socket>();
  let isSeen = false;
  let tellSeen = (): void => {};
  const seen = new Promise<void>((resolve) => {
    tellSeen = resolve;
  });
  const server = createServer((client) => {
    const daemon = connect(to);
    let sent = '';
    client.on('data', (bytes) => {
      sent += bytes.toString('latin1');
      isSeen ||= text.test(sent);
      daemon.write(bytes, () => isSeen && tellSeen());
    });
    daemon.on('data', (bytes) => {
      if (!(isSeen && withholds)) {
        client.write(bytes);
      }
    });
    for (const [one, other] of [
      [client, daemon],
      [daemon, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return {
    path,
    seen,
    close() {
      server.close();
      sockets.forEach((socket) => void socket.destroy());
    },
  };
}
