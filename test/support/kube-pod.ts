import { type KubeApi, startKubeApi } from './kube-api.ts';
import { it as withServe } from './serve.ts';

/** A test with an API server, whose token is mounted in the sandbox. */
export const it = withServe.extend<{ kube: KubeApi }>({
  kube: async ({ sandbox }, use) => {
    const kube = await startKubeApi(sandbox.directory);
    const mount = 'mkdir -p /run/secrets/kubernetes.io && ln -s "$0" "$1"';
    const place = '/run/secrets/kubernetes.io/serviceaccount';
    await (await sandbox.start(['sh', '-c', mount, kube.folder, place])).ended;
    await use(kube);
    await kube.close();
  },
});
