import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAuthority } from './certificates.ts';

/** What the server does instead of its duty. */
export type Fault =
  /** Never answers. */
  | 'hang'
  /** Closes the connection instead of an answer. */
  | 'cut'
  /** Closes it in the middle of the answer, having done what was asked. */
  | 'cut-answer'
  /** Does what was asked when `finish` is called, and never answers. */
  | 'late'
  | 'huge'
  | { readonly status: number; readonly retryAfter?: string; readonly message?: string }
  | { readonly delayMs: number };

type Texts = Readonly<Record<string, string>>;

interface Metadata {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly labels: Texts;
  readonly annotations: Texts;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
}

interface ApiRequest {
  readonly method: string;
  readonly token: string;
  readonly accept: string;
  readonly atMs: number;
}

interface Spoilt {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: string;
  /** What should have been done. */
  readonly serve: () => void;
}

/** What an API server does with one pod: tokens, merge patches, versions, and a Status for each refusal. */
export interface KubeApi {
  readonly port: number;
  /** The variables of a container in that pod. */
  readonly env: Readonly<Record<string, string>>;
  /** Its /var/run/secrets/kubernetes.io/serviceaccount. */
  readonly folder: string;
  readonly metadata: () => Metadata;
  readonly requests: readonly ApiRequest[];
  /** The pod's metadata after each patch that changed it. */
  readonly versions: readonly Metadata[];
  /** How many patches were refused because their version was old. */
  readonly conflicts: () => number;
  /** Asked for each request what goes wrong with it. */
  readonly fail: (fault: (method: string) => Fault | null) => void;
  /** Changes the pod as others do. */
  readonly change: (change: Partial<Metadata>) => void;
  /** By how much the server's clock is ahead of the node's. */
  readonly skew: (ms: number) => void;
  /** Begins to delete the pod, as `kubectl delete` does. */
  readonly deletePod: (graceSeconds: number) => void;
  /** Makes a new token valid, and the old one invalid. */
  readonly rotateToken: (inFile: boolean) => void;
  /** Carries out the late requests. */
  readonly finish: () => void;
  readonly close: () => Promise<void>;
}

const pod = { namespace: 'builds', name: 'buildkitd-0' };
const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}`;

export async function startKubeApi(directory: string): Promise<KubeApi> {
  const authority = createAuthority(directory, 'kube-ca');
  const { cert, key } = authority.sign('kube-apiserver', ['IP:127.0.0.1']);
  const folder = join(directory, 'serviceaccount');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'ca.crt'), readFileSync(authority.ca));
  writeFileSync(join(folder, 'namespace'), pod.namespace);
  writeFileSync(join(folder, 'token'), 'token-1\n');
  let token = 'token-1';
  let faultOf: (method: string) => Fault | null = () => null;
  let conflicts = 0;
  let skewMs = 0;
  let metadata: Metadata = {
    ...{ ...pod, uid: 'uid-1', resourceVersion: '100' },
    ...{ labels: { app: 'buildkitd' }, annotations: {} },
  };
  const requests: ApiRequest[] = [];
  const versions: Metadata[] = [];
  const late: (() => void)[] = [];

  const change = (changed: Partial<Metadata>): void => {
    const resourceVersion = String(Number(metadata.resourceVersion) + 1);
    metadata = { ...metadata, ...changed, resourceVersion };
  };
  /** @returns what is wrong with it. */
  const patch = (body: string): Parameters<typeof refuse>[1] | null => {
    const { metadata: wanted } = JSON.parse(body) as { metadata: Partial<Metadata> };
    if ((wanted.resourceVersion ?? metadata.resourceVersion) !== metadata.resourceVersion) {
      conflicts += 1;
      return { status: 409, message: 'the object has been modified' };
    }
    const next = {
      labels: merged(metadata.labels, wanted.labels),
      annotations: merged(metadata.annotations, wanted.annotations),
    };
    // As the API server does, which stores nothing where nothing changes.
    const { labels, annotations } = metadata;
    if (JSON.stringify(next) !== JSON.stringify({ labels, annotations })) {
      change(next);
      versions.push(metadata);
    }
    return null;
  };
  const answer = (request: IncomingMessage, response: ServerResponse, body: string): void => {
    const { method = '', headers, url } = request;
    const given = headers.authorization?.replace(/^Bearer /, '') ?? '';
    requests.push({ method, token: given, accept: headers.accept ?? '', atMs: performance.now() });
    if (given !== token) {
      refuse(response, { status: 401, message: 'Unauthorized' });
      return;
    }
    if (url !== path) {
      refuse(response, { status: 404, message: 'pods not found' });
      return;
    }
    if (method === 'PATCH' && headers['content-type'] !== 'application/merge-patch+json') {
      refuse(response, { status: 415 });
      return;
    }
    const refusal = method === 'PATCH' ? patch(body) : null;
    if (refusal !== null) {
      refuse(response, refusal);
      return;
    }
    const text = JSON.stringify({ kind: 'PartialObjectMetadata', metadata });
    response.setHeader('date', new Date(Date.now() + skewMs).toUTCString());
    response.setHeader('content-type', 'application/json');
    response.end(text);
  };

  const spoil: Record<Extract<Fault, string>, (spoilt: Spoilt) => void> = {
    hang() {},
    cut: ({ request }) => request.socket.destroy(),
    'cut-answer'({ request, response, body }) {
      if (request.method === 'PATCH') {
        patch(body);
      }
      response.writeHead(200, { 'content-length': '5000' }).write('{"metadata":', () => {
        request.socket.destroy();
      });
    },
    late: ({ serve }) => late.push(serve),
    huge: ({ response }) => response.writeHead(200).end(`{"metadata":"${'x'.repeat(8 << 20)}"}`),
  };

  const server: Server = createServer({
    cert: readFileSync(cert),
    key: readFileSync(key),
  }).on('request', (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      const fault = faultOf(request.method ?? '');
      const serve = (): void => answer(request, response, body);
      if (typeof fault === 'string') {
        spoil[fault]({ request, response, body, serve });
      } else if (fault !== null && 'delayMs' in fault) {
        setTimeout(serve, fault.delayMs);
      } else if (fault !== null) {
        refuse(response, fault);
      } else {
        serve();
      }
    });
    request.on('error', () => {});
    response.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    port,
    env: {
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(port),
      POD_NAME: pod.name,
      POD_UID: 'uid-1',
    },
    folder,
    metadata: () => metadata,
    requests,
    versions,
    conflicts: () => conflicts,
    fail(fault) {
      faultOf = fault;
    },
    change,
    skew(ms) {
      skewMs = ms;
    },
    deletePod(graceSeconds) {
      const goneMs = Date.now() + skewMs + graceSeconds * 1000;
      const deletionTimestamp = new Date(goneMs).toISOString().replace(/\.\d+Z$/, 'Z');
      change({ deletionTimestamp, deletionGracePeriodSeconds: graceSeconds });
    },
    rotateToken(inFile) {
      token = `token-${Number(token.slice(6)) + 1}`;
      if (inFile) {
        writeFileSync(join(folder, 'token'), `${token}\n`);
      }
    },
    finish() {
      for (const serve of late.splice(0)) {
        serve();
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function merged(texts: Texts, patch: Readonly<Record<string, string | null>> = {}): Texts {
  const all = Object.entries({ ...texts, ...patch }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(all.filter((each): each is [string, string] => each[1] !== null));
}

function refuse(
  response: ServerResponse,
  { status, message = 'no', retryAfter }: Extract<Fault, { status: number }>,
): void {
  const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
  const content = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code: status };
  response.writeHead(status, headers).end(JSON.stringify(content));
}
