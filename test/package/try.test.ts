import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runTry } from '../support/try-tools.ts';

const removal = 'kind delete cluster --name buildkit-drain-try';

describe('examples/try/try.sh', () => {
  it('deletes a pod while it builds, shows the log, and removes the cluster', async () => {
    const { code, output, calls, applied } = await runTry();
    expect(output).toMatchInlineSnapshot(`
      "==> Starting a cluster of one node
      ==> Building registry.example/buildkit-with-drain:v0.27.0
      ==> Making certificates
      ==> Starting buildkitd from examples/kubernetes/derived-image/deployment.yaml
      ==> Starting a build of half a minute, over TLS
      ==> Deleting buildkitd-1
      the log of the hook
      ==> The build ended well <n> s after the pod was deleted, and the pod was gone <n> s later
      ==> Removing the cluster
      "
    `);
    expect(calls).toMatchInlineSnapshot(`
      [
        "docker info",
        "kind get clusters",
        "kind create cluster --name buildkit-drain-try --wait 120s",
        "docker buildx build --load --provenance=false --target buildkit --tag registry.example/buildkit-with-drain:v0.27.0 ./",
        "kind load docker-image --name buildkit-drain-try registry.example/buildkit-with-drain:v0.27.0",
        "kubectl create secret generic buildkit-daemon-certs <folder>/daemon",
        "kubectl create secret generic buildkit-client-certs <folder>/client",
        "kubectl apply --filename -",
        "kubectl apply --filename ./examples/kubernetes/service.yaml --filename ./examples/try/client.yaml",
        "kubectl rollout status deployment/buildkitd --timeout=300s",
        "kubectl wait pod/client --for=condition=Ready --timeout=300s",
        "kubectl get pods --selector app=buildkitd --output jsonpath={.items[0].metadata.name}",
        "kubectl exec --stdin client -- sh -c mkdir /context && cat >/context/Dockerfile",
        "kubectl exec client -- buildctl --addr tcp://buildkitd:1234 --tlscacert /certs/ca.pem --tlscert /certs/cert.pem --tlskey /certs/key.pem build --progress plain --frontend dockerfile.v0 --local context=/context --local dockerfile=/context",
        "kubectl delete pod/buildkitd-1 --wait=false",
        "kubectl logs --follow --since=1s --container buildkitd buildkitd-1",
        "kubectl wait pod/buildkitd-1 --for=delete --timeout=120s",
        "kind delete cluster --name buildkit-drain-try",
      ]
    `);
    const manifest = readFileSync('examples/kubernetes/derived-image/deployment.yaml', 'utf8');
    expect(applied).toBe(manifest.replace('replicas: 2', 'replicas: 1'));
    expect(code).toBe(0);
  });

  it.each([
    ['derived-image', 'buildkit', 'buildkit-with-drain:v', 'buildkitd'],
    ['init-container', 'folder', 'buildkit-drain:0', 'buildkitd'],
    ['sidecar', 'sidecar', 'buildkit-drain-sidecar:0', 'buildkit-drain'],
    ['rootless', 'buildkit-rootless', 'buildkit-with-drain:v', 'buildkitd'],
  ])(
    'builds the image of %s, and shows the log of its hook',
    async (way, stage, image, container) => {
      const { code, calls } = await runTry({ way });
      expect(calls).toContainEqual(expect.stringMatching(`--target ${stage} --tag \\S*/${image}`));
      expect(calls).toContainEqual(
        `kubectl logs --follow --since=1s --container ${container} buildkitd-1`,
      );
      expect(code).toBe(0);
    },
  );

  it.each(['docker', 'kind', 'kubectl', 'openssl'])('says that %s is missing', async (missing) => {
    const { code, output, calls } = await runTry({ missing });
    expect(output).toMatch(new RegExp(`^try: ${missing} is missing: (see https://|it is in )`));
    expect(calls).toEqual([]);
    expect(code).toBe(1);
  });

  it('says that docker does not answer', async () => {
    const { code, output, calls } = await runTry({ failing: 'docker info' });
    expect(output).toMatch(/^try: docker does not answer: /);
    expect(calls).toEqual(['docker info']);
    expect(code).toBe(1);
  });

  it('does not know another way', async () => {
    const { code, output, calls } = await runTry({ way: 'none' });
    expect(output).toMatch(/^try: expected derived-image, .* but received none\n$/);
    expect(calls).toEqual([]);
    expect(code).toBe(1);
  });

  it('leaves a cluster alone that is there already', async () => {
    const { code, output, calls } = await runTry({ clusters: 'other\nbuildkit-drain-try' });
    expect(output).toContain(`try: a cluster of an earlier try is still there: ${removal}`);
    expect(calls).toEqual(['docker info', 'kind get clusters']);
    expect(code).toBe(1);
  });

  it.each([
    'kind create',
    'docker buildx',
    'kind load',
    'kubectl create',
    'kubectl apply',
    'kubectl rollout',
    'kubectl wait pod/client',
    'kubectl get',
    'kubectl exec --stdin',
    'kubectl exec client -- buildctl',
    'kubectl delete',
    'kubectl wait pod/buildkitd-1',
  ])('fails and removes the cluster when this fails: %s', async (failing) => {
    const { code, calls } = await runTry({ failing });
    expect(calls.filter((call) => call.startsWith(failing))).not.toEqual([]);
    expect(calls.at(-1)).toBe(removal);
    expect(code).toBe(1);
  });

  it('fails when the build does not outlive the pod', async () => {
    const { code, output, calls } = await runTry({ build: 1 });
    expect(output).toContain('try: the build failed:\n#5 0.1 second 1 of 30\n');
    expect(calls.at(-1)).toBe(removal);
    expect(code).toBe(1);
  });

  it('fails when the cluster could not be removed', async () => {
    expect(await runTry({ failing: removal })).toMatchObject({ code: 1 });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('removes the cluster at %s', async (signal, expected) => {
    const { code, calls } = await runTry({ signal });
    expect(calls.at(-1)).toBe(removal);
    expect(code).toBe(expected);
  });
});
