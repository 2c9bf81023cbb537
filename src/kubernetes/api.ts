import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import {
  type About,
  ApiError,
  messageOf,
  objectOf,
  type Reply,
  refusal,
  unreachable,
} from './api-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the kubelet puts the token of a pod's service account. */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

// The metadata of a pod is asked for, which is some kilobytes. A server that does not know that form
// sends the whole pod, which etcd limits to 1.5 MB.
const metadataType = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const mostBytes = 4 << 20;

/** The metadata of a pod, as far as it is used. */
export interface PodMetadata {
  readonly uid: string;
  readonly resourceVersion: string;
  /** When the pod is to be gone: the request to delete it, and its grace period after that. */
  readonly deletionTimestamp: string | null;
  readonly deletionGracePeriodSeconds: number | null;
  /** The time of the answer by the server's clock, to the second; by ours if it does not say. */
  readonly nowMs: number;
}

/** The own pod, at the API server. */
export interface PodApi {
  /** @throws ApiError */
  readonly get: (limit: Limit) => Promise<PodMetadata>;
  /** Applies a JSON merge patch. @throws ApiError */
  readonly patch: (patch: unknown, limit: Limit) => Promise<PodMetadata>;
}

interface Limit {
  /** For the whole request. */
  readonly timeoutMs: number;
  /** Raised, it ends the request. */
  readonly signal: AbortSignal;
}

/**
 * The own pod, by the variables that the kubelet sets and by the Downward API's `POD_NAME`,
 * `POD_NAMESPACE` and `POD_UID`. The token is read for each request, since it is renewed.
 *
 * @throws ApiError if one of them is missing.
 */
export function openPodApi(env: Environment, folder = serviceAccountFolder): PodApi {
  const host = needed(env, 'KUBERNETES_SERVICE_HOST', noCluster);
  const port = env['KUBERNETES_SERVICE_PORT'] || '443';
  const name = needed(env, 'POD_NAME', noName);
  const namespace = env['POD_NAMESPACE'] || read(folder, 'namespace').trim();
  const uid = env['POD_UID'] || null;
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
  const server = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const about = { pod: `${namespace}/${name}`, server, folder };

  const call = async (method: 'GET' | 'PATCH', patch: unknown, limit: Limit) => {
    const reply = await send({
      ...{ host, port, path, method, ...limit, about },
      ca: read(folder, 'ca.crt'),
      token: read(folder, 'token').trim(),
      body: method === 'GET' ? null : JSON.stringify(patch),
    });
    if (reply.status !== 200) {
      throw refusal(method, reply, about);
    }
    const metadata = metadataOf(reply, about);
    if (uid !== null && metadata.uid !== uid) {
      const message = `${about.pod} is another pod by now: its uid is not POD_UID`;
      throw new ApiError('ERR_POD_REPLACED', message, { status: 404 });
    }
    return metadata;
  };
  return {
    get: (limit) => call('GET', null, limit),
    patch: (patch, limit) => call('PATCH', patch, limit),
  };
}

const noCluster = 'the kubelet sets it in every pod but static ones';
const noName =
  'add to the container: env: [{ name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }]';

function needed(env: Environment, variable: string, remedy: string): string {
  const value = env[variable];
  if (!value) {
    throw new ApiError('ERR_NO_POD', `${variable} is not set: ${remedy}`);
  }
  return value;
}

function read(folder: string, file: string): string {
  try {
    return readFileSync(`${folder}/${file}`, 'utf8');
  } catch (cause) {
    throw new ApiError(
      'ERR_NO_SERVICE_ACCOUNT',
      `the token of the service account cannot be read (${messageOf(cause)}): the pod needs a ` +
        'serviceAccountName, and not automountServiceAccountToken: false',
      { cause },
    );
  }
}

interface Sent extends Limit {
  readonly host: string;
  readonly port: string;
  readonly path: string;
  readonly method: 'GET' | 'PATCH';
  readonly ca: string;
  readonly token: string;
  readonly body: string | null;
  readonly about: About;
}

/** Sends one request, on a connection of its own. Not even a server that hangs holds it longer. */
function send({ timeoutMs, signal, about, body, token, ...where }: Sent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({
      ...where,
      agent: false,
      // Also where NODE_TLS_REJECT_UNAUTHORIZED is 0: the token goes over this connection.
      rejectUnauthorized: true,
      headers: {
        authorization: `Bearer ${token}`,
        accept: `${metadataType},application/json`,
        ...(body !== null && {
          'content-type': 'application/merge-patch+json',
          'content-length': Buffer.byteLength(body),
        }),
      },
    });
    const giveUp = (error: ApiError): void => {
      reject(error);
      sent.destroy();
    };
    const stop = (): void => giveUp(new ApiError('ERR_API_STOPPED', 'the request was given up'));
    const timer = setTimeout(() => {
      const message = `the API server (${about.server}) did not answer within ${timeoutMs}ms`;
      giveUp(new ApiError('ERR_API_TIMEOUT', message));
    }, timeoutMs);
    signal.addEventListener('abort', stop);
    sent.on('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    });
    sent.on('error', (cause) => reject(unreachable(cause, about)));
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > mostBytes) {
          const message = `the API server has sent more than ${mostBytes} bytes about one pod`;
          giveUp(new ApiError('ERR_API_ANSWER', message));
        }
      });
      response.on('error', (cause) => reject(unreachable(cause, about)));
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body: Buffer.concat(chunks).toString('utf8') });
      });
    });
    if (signal.aborted) {
      stop();
      return;
    }
    sent.end(body ?? undefined);
  });
}

function metadataOf({ body, headers }: Reply, { server }: About): PodMetadata {
  const serverMs = Date.parse(headers.date ?? '');
  const metadata = objectOf(body)?.['metadata'] as Partial<PodMetadata> | null | undefined;
  const { uid, resourceVersion, deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {};
  if (typeof uid !== 'string' || typeof resourceVersion !== 'string') {
    throw new ApiError('ERR_API_ANSWER', `the answer of ${server} is no pod`);
  }
  return {
    ...{ uid, resourceVersion },
    deletionTimestamp: typeof deletionTimestamp === 'string' ? deletionTimestamp : null,
    deletionGracePeriodSeconds:
      typeof deletionGracePeriodSeconds === 'number' ? deletionGracePeriodSeconds : null,
    nowMs: Number.isNaN(serverMs) ? Date.now() : serverMs,
  };
}
