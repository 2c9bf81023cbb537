import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import { BackendError, type Endpoint } from '../backends/types.ts';
import { callError, codeOf, explainTls, messageOf } from './errors.ts';
import type { OwnSockets } from './own-sockets.ts';
import { type BuildsTarget, buildsTargets } from './targets.ts';
import type { TlsConfig } from './types.ts';

export interface ConnectInput {
  readonly endpoint: Endpoint;
  /**
   * Null for a daemon without TLS. Over a unix socket buildkitd never has it. `unverified` is TLS without checking the
   * certificate, for probes that send nothing confidential.
   */
  readonly tls: TlsConfig | 'unverified' | null;
  readonly own: OwnSockets;
  /** Aborted with the error that the question then fails with. */
  readonly signal: AbortSignal;
  /** Called with what the connection is waiting for. */
  readonly onStage: (stage: string) => void;
}

/** A connection on which HTTP/2 may be spoken. @throws BackendError */
export async function connect(input: ConnectInput): Promise<Socket> {
  const { endpoint, tls, own, signal, onStage } = input;
  onStage("for the host's address");
  const targets = await buildsTargets(endpoint, signal).catch((error) => {
    signal.throwIfAborted();
    throw unreachable(endpoint, error);
  });
  onStage('for the connection');
  let failure: unknown;
  for (const target of targets) {
    signal.throwIfAborted();
    const usesTls = tls !== null && endpoint.kind === 'tcp';
    const socket = own.add(endpoint.kind, () => open(target, usesTls ? tls : null));
    const destroy = (): void => {
      socket.destroy();
    };
    signal.addEventListener('abort', destroy);
    try {
      await event(socket, 'connect');
      if (usesTls) {
        onStage('for the TLS handshake');
        await shakeHands(socket as TLSSocket, endpoint);
      }
      return socket;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BackendError) {
        throw error;
      }
      failure = error;
    } finally {
      signal.removeEventListener('abort', destroy);
    }
  }
  throw unreachable(endpoint, failure);
}

function open(target: BuildsTarget, tls: ConnectInput['tls']): Socket {
  if (tls === null || 'path' in target) {
    return connectPlain(target);
  }
  if (tls === 'unverified') {
    return connectTls({
      ...target,
      servername: serverNameOf(target.name),
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    });
  }
  const { ca, cert, key } = tls;
  const name = tls.serverName ?? target.name;
  return connectTls({
    ...target,
    ...(ca !== null && { ca }),
    ...(cert !== null && { cert }),
    ...(key !== null && { key }),
    servername: serverNameOf(name),
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    rejectUnauthorized: true,
    ALPNProtocols: ['h2'],
  });
}

/** SNI takes host names only; an address is checked in the certificate alone. */
function serverNameOf(name: string): string {
  return isIP(name) === 0 ? name : '';
}

async function shakeHands(socket: TLSSocket, endpoint: Endpoint): Promise<void> {
  try {
    await event(socket, 'secureConnect');
  } catch (error) {
    throw explainTls(endpoint.address, error);
  }
  if (socket.alpnProtocol !== 'h2') {
    socket.destroy();
    throw callError(
      'ERR_NO_GRPC',
      `what listens on ${endpoint.address} speaks TLS but not gRPC; check that this is the daemon's address`,
    );
  }
}

/** Resolves with an event. @throws what the socket does, or when it is closed before. */
function event(socket: Socket, name: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(name, resolve);
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
  });
}

function unreachable(endpoint: Endpoint, cause: unknown): Error {
  const code = codeOf(cause) || 'ERR_UNREACHABLE';
  const reason = messageOf(cause);
  return callError(
    code,
    `${endpoint.address} cannot be reached: ${reason}${remedyFor(endpoint, code)}`,
    cause,
  );
}

function remedyFor(endpoint: Endpoint, code: string): string {
  if (code === 'EACCES') {
    return '; run this as the user of buildkitd, or in the group of its socket';
  }
  if (endpoint.kind === 'unix' && endpoint.path.startsWith('@')) {
    return '; Node.js 20 cannot connect to abstract sockets of other programs, Node.js 22 can';
  }
  return '';
}
