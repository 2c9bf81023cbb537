import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPodApi, type PodApi } from '../../src/kubernetes/api.ts';
import type { ApiError } from '../../src/kubernetes/api-error.ts';
import { createAuthority } from '../support/certificates.ts';
import { type Fault, type KubeApi, startKubeApi } from '../support/kube-api.ts';

let directory: string;
let server: KubeApi;
let api: PodApi;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'drain-kube-'));
  server = await startKubeApi(directory);
  api = openPodApi(server.env, server.folder);
});

afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

const limit = () => ({ timeoutMs: 500, signal: new AbortController().signal });

function errorOf(call: Promise<unknown>): Promise<ApiError> {
  return call.then(
    () => expect.fail('there was no error'),
    (error: ApiError) => error,
  );
}

function always(fault: Fault): void {
  server.fail(() => fault);
}

describe('the client of the API server', () => {
  it('gets and patches the own pod, and asks for no more than its metadata', async () => {
    expect(await api.get(limit())).toEqual({
      ...{ uid: 'uid-1', resourceVersion: '100' },
      ...{ deletionTimestamp: null, deletionGracePeriodSeconds: null },
      nowMs: expect.any(Number),
    });
    const patch = { metadata: { annotations: { a: 'ü' } } };
    expect((await api.patch(patch, limit())).resourceVersion).toBe('101');
    expect(server.metadata().annotations).toEqual({ a: 'ü' });
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'PATCH']);
    expect(server.requests[0]?.accept).toContain('as=PartialObjectMetadata');
  });

  it('reads the token for each request', async () => {
    await api.get(limit());
    server.rotateToken(true);
    await api.get(limit());
    expect(server.requests.map(({ token }) => token)).toEqual(['token-1', 'token-2']);
  });

  it.each([
    ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_HOST is not set'],
    ['POD_NAME', 'fieldPath: metadata.name'],
  ])('says what is missing without %s', (name, text) => {
    expect(() => openPodApi({ ...server.env, [name]: '' }, server.folder)).toThrow(text);
  });

  it('says what to do where the pod has no token', async () => {
    rmSync(join(server.folder, 'token'));
    expect((await errorOf(api.get(limit()))).message).toContain('serviceAccountName');
    rmSync(join(server.folder, 'namespace'));
    expect(() => openPodApi(server.env, server.folder)).toThrow('serviceAccountName');
  });

  it.each([
    [403, 'add the verb "get" on "pods" to its Role'],
    [404, 'there is no pod builds/buildkitd-0: POD_NAME and POD_NAMESPACE'],
    [500, 'could not get the pod (500: why)'],
    [302, 'could not get the pod (302: why)'],
  ])('explains %i', async (status, text) => {
    always({ status, message: 'why' });
    const error = await errorOf(api.get(limit()));
    expect(error).toMatchObject({ status, code: `ERR_API_${status}` });
    expect(error.message).toContain(text);
  });

  it('names the verb that is missing to patch', async () => {
    always({ status: 403 });
    const { message } = await errorOf(api.patch({}, limit()));
    expect(message).toContain('add the verb "patch" on "pods" to its Role');
  });

  it('explains 401 without the token', async () => {
    server.rotateToken(false);
    const error = await errorOf(api.get(limit()));
    expect(error.status).toBe(401);
    expect(error.message).toContain('does not accept the token');
    expect(error.message).not.toContain('token-1');
  });

  it.each([
    ['7', 7000],
    ['Fri, 27 Nov 2026 00:00:00 GMT', null],
    ['-1', null],
    ['1e9', null],
  ])('reads Retry-After: %s', async (retryAfter, retryAfterMs) => {
    always({ status: 429, retryAfter });
    expect(await errorOf(api.get(limit()))).toMatchObject({ status: 429, retryAfterMs });
  });

  it.each([
    ['hang', 'did not answer within 500ms'],
    ['cut', 'cannot be asked: '],
    ['cut-answer', 'cannot be asked: '],
    ['huge', 'has sent more than'],
    [{ delayMs: 2000 }, 'did not answer within 500ms'],
  ] as const)('gives up in time: %j', async (fault, text) => {
    always(fault);
    const beganMs = performance.now();
    expect((await errorOf(api.get({ ...limit(), timeoutMs: 500 }))).message).toContain(text);
    expect(performance.now() - beganMs).toBeLessThan(1500);
  });

  it('waits for a slow answer', async () => {
    always({ delayMs: 100 });
    expect((await api.get({ ...limit(), timeoutMs: 5000 })).uid).toBe('uid-1');
  });

  it('ends when it is told to, also before it has begun', async () => {
    always('hang');
    const stop = new AbortController();
    const call = errorOf(api.get({ timeoutMs: 60_000, signal: stop.signal }));
    stop.abort();
    expect((await call).code).toBe('ERR_API_STOPPED');
    const again = await errorOf(api.get({ timeoutMs: 60_000, signal: stop.signal }));
    expect(again.code).toBe('ERR_API_STOPPED');
  });

  it('trusts no other authority than the one of the service account', async () => {
    const other = createAuthority(directory, 'other');
    rmSync(join(server.folder, 'ca.crt'));
    writeFileSync(join(server.folder, 'ca.crt'), readFileSync(other.ca));
    // As a process sets it that asks for trouble.
    const { NODE_TLS_REJECT_UNAUTHORIZED: before } = process.env;
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const { message } = await errorOf(api.get(limit()));
      expect(message).toContain(`cannot be verified by ${server.folder}/ca.crt`);
      expect(server.requests).toEqual([]);
    } finally {
      if (before === undefined) {
        delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      } else {
        process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
      }
    }
  });

  it('trusts no certificate of another name', async () => {
    const env = { ...server.env, KUBERNETES_SERVICE_HOST: 'localhost' };
    const { message } = await errorOf(openPodApi(env, server.folder).get(limit()));
    expect(message).toContain('cannot be verified');
    expect(server.requests).toEqual([]);
  });

  it('does not take another pod of that name for its own', async () => {
    server.change({ uid: 'uid-2' });
    expect((await errorOf(api.get(limit()))).code).toBe('ERR_POD_REPLACED');
  });

  it('takes nothing for a pod that is none', async () => {
    always({ status: 200, message: 'hello' });
    expect((await errorOf(api.get(limit()))).message).toContain('is no pod');
  });
});
