import type { IncomingHttpHeaders } from 'node:http';
import { BackendError } from '../backends/types.ts';

const mostQuoted = 200;

/** The API server has refused a request or could not be asked. */
export class ApiError extends BackendError {
  /** Null if there was no answer. */
  readonly status: number | null;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | null;

  constructor(
    code: string,
    message: string,
    { status = null, retryAfterMs = null, cause }: ApiErrorDetails = {},
  ) {
    super(code, 'call the Kubernetes API', message, cause === undefined ? {} : { cause });
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Whether the next attempt may succeed though nobody changes anything: not where a right or a name is missing. */
export function isPassing({ code, status }: Pick<ApiError, 'code' | 'status'>): boolean {
  const isRefused = status !== null && status >= 400 && status < 500;
  return code !== 'ERR_NO_POD' && (!isRefused || [401, 408, 409, 429].includes(status));
}

interface ApiErrorDetails {
  readonly status?: number | null;
  readonly retryAfterMs?: number | null;
  readonly cause?: unknown;
}

/** What an error names. */
export interface About {
  readonly pod: string;
  readonly server: string;
  readonly folder: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

// Of OpenSSL's names for a certificate that cannot be verified.
const aboutCertificate = /CERT|SIGNATURE|ISSUER|ALTNAME/;

/** Why there was no answer. */
export function unreachable(cause: Error, { server, folder }: About): ApiError {
  const { code = '' } = cause as NodeJS.ErrnoException;
  const remedy = aboutCertificate.test(code)
    ? `its certificate cannot be verified by ${folder}/ca.crt`
    : 'check that the network lets this pod reach it';
  const message = `the API server (${server}) cannot be asked: ${messageOf(cause)}; ${remedy}`;
  return new ApiError(code || 'ERR_API_UNREACHABLE', message, { cause });
}

/** Why the answer is a refusal, and what to do about it. */
export function refusal(method: 'GET' | 'PATCH', reply: Reply, { pod }: About): ApiError {
  const { status, headers } = reply;
  const verb = method === 'GET' ? 'get' : 'patch';
  const retryAfter = /^\d{1,6}$/.exec(headers['retry-after'] ?? '')?.[0];
  const retryAfterMs = retryAfter === undefined ? null : Number(retryAfter) * 1000;
  const why = `${status}${quoted(reply)}`;
  return new ApiError(`ERR_API_${status}`, refusalText(verb, status, pod, why), {
    ...{ status, retryAfterMs },
  });
}

function refusalText(verb: string, status: number, pod: string, why: string): string {
  switch (status) {
    case 401:
      return `the API server does not accept the token of the service account (${why})`;
    case 403:
      return `the service account may not ${verb} pods: add the verb "${verb}" on "pods" to its Role (${why})`;
    case 404:
      return `there is no pod ${pod}: POD_NAME and POD_NAMESPACE have to be those of this pod (${why})`;
    case 409:
      return `the pod has been changed at the same time (${why})`;
    default:
      return `the API server could not ${verb} the pod (${why})`;
  }
}

/** The server's own sentence, which is in a Status object. */
function quoted({ body }: Reply): string {
  const { message } = objectOf(body) ?? {};
  return typeof message === 'string' ? `: ${message.slice(0, mostQuoted)}` : '';
}

/** Null if the text is no JSON object. */
export function objectOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
