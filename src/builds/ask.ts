import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { alwaysKeepsHistory, countsRightly, type DaemonVersion } from './answers.ts';
import { type CallOptions, call } from './call.ts';
import { type ConnectInput, connect } from './connect.ts';
import {
  type BuildEvent,
  decodeBuildEvent,
  decodeInfo,
  info,
  listenBuildHistory,
  listenLatestRecord,
} from './control.ts';
import {
  askError,
  codeOf,
  cut,
  explainTls,
  isAboutClient,
  malformed,
  messageOf,
  quote,
} from './errors.ts';
import type { Build, BuildsKnown } from './types.ts';

// How long the daemon may take to close its end before ours is torn down.
const closeTimeoutMs = 500;

// How many records are read of a daemon that sends all of them.
const mostRecords = 50;

export interface AskInput extends ConnectInput {
  readonly timeoutMs: number;
}

/**
 * Asks once which builds are running.
 *
 * @param namesBuilds whether this daemon is known to name its running builds, so that "none" needs no other proof.
 * @throws BackendError, or the signal's reason
 */
export function askDaemon(input: AskInput, namesBuilds: boolean): Promise<BuildsKnown> {
  return withSession(input, (session, options) => askForBuilds(session, options, namesBuilds));
}

/** Asks once whether the daemon answers. @throws BackendError, or the signal's reason */
export function askForLife(input: AskInput): Promise<void> {
  return withSession(input, callInfo);
}

/** Runs `talk` on a connection of its own. */
async function withSession<Answer>(
  input: AskInput,
  talk: (session: ClientHttp2Session, options: CallOptions) => Promise<Answer>,
): Promise<Answer> {
  const { endpoint, signal, timeoutMs, onStage } = input;
  const socket = await connect(input);
  const session = openSession(socket);
  const over = new AbortController();
  const failed = failureOf(session, socket, endpoint.address, over.signal);
  const aborted = abortOf(signal, over.signal);
  try {
    onStage('for the first HTTP/2 frame');
    await Promise.race([firstSettings(session), failed, aborted]);
    onStage('for the answer');
    const answer = talk(session, { signal: over.signal, timeoutMs });
    return await Promise.race([answer, failed, aborted]);
  } finally {
    over.abort();
    closeSession(session, socket);
  }
}

function openSession(socket: Socket): ClientHttp2Session {
  const { remoteAddress, remotePort } = socket;
  const host = remoteAddress?.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  const scheme = (socket as TLSSocket).encrypted ? 'https' : 'http';
  const authority = host === undefined ? 'localhost' : `${host}:${remotePort}`;
  return connectHttp2(`${scheme}://${authority}`, { createConnection: () => socket });
}

function firstSettings(session: ClientHttp2Session): Promise<unknown> {
  return new Promise((resolve) => {
    session.once('remoteSettings', resolve);
  });
}

/** Rejects when the connection fails, and never resolves. */
function failureOf(
  session: ClientHttp2Session,
  socket: Socket,
  address: string,
  over: AbortSignal,
): Promise<never> {
  let isHttp2 = false;
  session.once('remoteSettings', () => {
    isHttp2 = true;
  });
  return rejection((reject) => {
    const fail = (error: unknown): void => {
      if (over.aborted) {
        return;
      }
      if (isAboutClient(error)) {
        reject(explainTls(address, error));
      } else if (isHttp2) {
        reject(cut(messageOf(error), error));
      } else {
        reject(noHttp2(address, session.encrypted ?? false, error));
      }
    };
    // A TLS alert after the handshake is an error of the socket, which the session never reports.
    socket.on('error', fail);
    session.on('error', fail);
    session.once('close', () => fail(new Error('the connection was closed')));
  });
}

function abortOf(signal: AbortSignal, over: AbortSignal): Promise<never> {
  return rejection((reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over });
  });
}

/** A promise that can only be rejected. It is never an unhandled rejection. */
function rejection(start: (reject: (error: unknown) => void) => void): Promise<never> {
  const promise = new Promise<never>((_, reject) => start(reject));
  promise.catch(() => {});
  return promise;
}

function noHttp2(address: string, isTls: boolean, cause: unknown): Error {
  const reason = messageOf(cause);
  return isTls
    ? askError(
        'ERR_TLS_REFUSED',
        `${address} ended the connection after the TLS handshake (${reason}): it may not trust this ` +
          'client, to which --tls-cert and --tls-key give a certificate',
        cause,
      )
    : askError(
        'ERR_NO_GRPC',
        `what listens on ${address} does not speak gRPC without TLS (${reason}): ` +
          'if buildkitd speaks TLS there, give --tls-ca; if not, check the address',
        cause,
      );
}

/** A daemon before v0.11 does not know the method, and its reply says so. */
async function callInfo(session: ClientHttp2Session, options: CallOptions): Promise<void> {
  try {
    await call(session, info, options);
  } catch (error) {
    if (codeOf(error) !== 'ERR_UNIMPLEMENTED') {
      throw error;
    }
  }
}

/** The version is requested at the same time. It matters only where the daemon names no build. */
async function askForBuilds(
  session: ClientHttp2Session,
  options: CallOptions,
  namesBuilds: boolean,
): Promise<BuildsKnown> {
  const version = call(session, info, options);
  version.catch(() => {});
  const active = (await call(session, listenBuildHistory, options)).map(decodeBuildEvent);
  if (runningIn(active).length > 0) {
    return { kind: 'known', builds: runningIn(active), lastEndedAtMs: null };
  }
  const mayBeSilent = !namesBuilds && !alwaysKeepsHistory(await trustedVersion(version));
  const past = await call(session, listenLatestRecord, { ...options, mostMessages: mostRecords });
  if (past.length === 0 && mayBeSilent) {
    throw askError(
      'ERR_NO_HISTORY',
      'the daemon names no build, which is not accepted: it has no record of a finished build either, and ' +
        'in its version the history can be switched off, which hides all builds',
    );
  }
  // A build that has just started is among them, and is running.
  const events = past.map(decodeBuildEvent);
  return { kind: 'known', builds: runningIn(events), lastEndedAtMs: lastEndIn(events) };
}

function runningIn(events: readonly BuildEvent[]): readonly Build[] {
  return events.flatMap((event) => (event.kind === 'running' ? [event.build] : []));
}

function lastEndIn(events: readonly BuildEvent[]): number | null {
  const ends = events.flatMap((event) => (event.kind === 'ended' ? (event.atMs ?? []) : []));
  return ends.length === 0 ? null : Math.max(...ends);
}

/** The daemon's version. @throws BackendError where it is not known to name all builds. */
async function trustedVersion(answer: Promise<readonly Uint8Array[]>): Promise<DaemonVersion> {
  const [message, ...others] = await answer.catch(noVersion);
  if (message === undefined || others.length > 0) {
    throw malformed('the version is not in exactly one message');
  }
  const { package: name, version } = decodeInfo(message);
  if (!countsRightly({ package: name, version })) {
    const daemon = `${quoted(name)} of version ${quoted(version)}`;
    throw notTrusted(`${daemon} is not known to name all builds`);
  }
  return { package: name, version };
}

function noVersion(cause: unknown): never {
  throw notTrusted(`it does not say which version it is (${messageOf(cause)})`, cause);
}

function quoted(text: string): string {
  return JSON.stringify(quote(text));
}

function notTrusted(why: string, cause?: unknown): Error {
  return askError(
    'ERR_ZERO_NOT_TRUSTED',
    `the daemon names no build, which is not accepted: ${why}; it is from buildkitd v0.12.4 and later`,
    cause,
  );
}

/**
 * Ends the session, and waits in the background until the daemon has closed its end: until then that end is in the kernel's
 * table, where it is known as ours only while our socket is open.
 */
function closeSession(session: ClientHttp2Session, socket: Socket): void {
  session.close();
  socket.unref();
  const timer = setTimeout(() => socket.destroy(), closeTimeoutMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}
