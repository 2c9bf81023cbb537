import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import {
  PodMonitor,
  PrometheusRule,
} from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Role, RoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import { Pod, Service, ServiceAccount } from 'kubernetes-models/v1';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { markPatch } from '../../src/kubernetes/mark-pod.ts';
import { parseDuration } from '../../src/options/values.ts';
import {
  commandsOf,
  type Example,
  readExamples,
  readExampleText,
  valuesOf,
  type Yaml,
  type YamlObject,
} from '../support/examples.ts';

const examples = readExamples();
const inCluster = examples.filter(({ path }) => /^(kubernetes|monitoring|try)\//.test(path));
// What a liveness probe leaves the container that it restarts: its hook, and its own end.
const restartSeconds = 60;

interface Probe {
  readonly exec: { readonly command: readonly string[] };
  readonly failureThreshold?: number;
  readonly timeoutSeconds: number;
  readonly terminationGracePeriodSeconds?: number;
}

const named = (some: readonly Example[]): (readonly [string, Example])[] =>
  some.map((example) => [example.path, example]);

// Checks what Kubernetes' published schemas say of types and values.
const kinds: Readonly<Record<string, new (content: never) => { validate(): void }>> = {
  'apps/v1 Deployment': Deployment,
  'apps/v1 StatefulSet': StatefulSet,
  'policy/v1 PodDisruptionBudget': PodDisruptionBudget,
  'rbac.authorization.k8s.io/v1 Role': Role,
  'rbac.authorization.k8s.io/v1 RoleBinding': RoleBinding,
  'v1 Pod': Pod,
  'v1 Service': Service,
  'v1 ServiceAccount': ServiceAccount,
  'keda.sh/v1alpha1 ScaledObject': ScaledObject,
  'monitoring.coreos.com/v1 PodMonitor': PodMonitor,
  'monitoring.coreos.com/v1 PrometheusRule': PrometheusRule,
};
const modules: Readonly<Record<string, string>> = {
  'apps/v1': 'kubernetes-models/apps/v1',
  'policy/v1': 'kubernetes-models/policy/v1',
  'rbac.authorization.k8s.io/v1': 'kubernetes-models/rbac.authorization.k8s.io/v1',
  v1: 'kubernetes-models/v1',
  'keda.sh/v1alpha1': '@kubernetes-models/keda/keda.sh/v1alpha1',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
};

const contentOf = (path: string): YamlObject =>
  examples.find((example) => example.path === path)?.content ?? {};

function kindOf({ content }: Example): string {
  return `${content['apiVersion']} ${content['kind']}`;
}

/** What the compiler says of manifests as literals of the schemas' types: it knows every field. */
function compilerErrors(manifests: readonly Example[]): string[] {
  const source = manifests
    .map(({ content }, index) => {
      const module = modules[String(content['apiVersion'])];
      const type = `import('${module}').I${content['kind']}`;
      return `export const manifest${index}: ${type} = ${JSON.stringify(content)};`;
    })
    .join('\n');
  const name = fileURLToPath(new URL('manifests.ts', import.meta.url));
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (file, ...rest) =>
    file === name
      ? ts.createSourceFile(file, source, ts.ScriptTarget.ES2022)
      : getSourceFile.call(host, file, ...rest);
  const program = ts.createProgram([name], options, host);
  return ts
    .getPreEmitDiagnostics(program, program.getSourceFile(name))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe('a manifest for a cluster', () => {
  it.each(named(inCluster))('%s is as the published schema wants it', (_, example) => {
    const kind = kinds[kindOf(example)];
    expect(kind, kindOf(example)).toBeDefined();
    if (kind !== undefined) {
      new kind(example.content as never).validate();
    }
  });

  it('has no field that the schema does not know', () => {
    expect(compilerErrors(inCluster)).toEqual([]);
    const first = inCluster.find(({ path }) => path.endsWith('deployment.yaml')) as Example;
    const misspelt = JSON.parse(JSON.stringify(first.content).replace('"preStop"', '"prestop"'));
    expect(compilerErrors([{ ...first, content: misspelt as YamlObject }])).toEqual([
      expect.stringContaining(`'"prestop"' does not exist in type 'ILifecycle'`),
    ]);
  });

  it.each(['derived-image', 'init-container', 'sidecar', 'rootless'])(
    'is there as a Deployment and as a StatefulSet with the same pod: %s',
    (way) => {
      const [deployment, statefulSet] = ['deployment', 'statefulset'].map((kind) => {
        const path = `kubernetes/${way}/${kind}.yaml`;
        const found = examples.find((example) => example.path === path);
        const [template] = valuesOf(found?.content ?? null, 'template') as YamlObject[];
        return template;
      });
      // Its state is on a volume of its own in each pod.
      const text = JSON.stringify(deployment).replace(',{"name":"state","emptyDir":{}}', '');
      expect(JSON.stringify(statefulSet)).toBe(text);
    },
  );
});

describe('the example with marks', () => {
  const textOf = (path: string): string => JSON.stringify(contentOf(path));
  const marked = 'kubernetes/marked/deployment.yaml';

  it('is the sidecar with what the marks need', () => {
    const added = [
      '"serviceAccountName":"buildkitd","automountServiceAccountToken":false,',
      '"--mark-pod",',
      ...valuesOf(contentOf(marked), 'env').map((env) => `"env":${JSON.stringify(env)},`),
      ',{"name":"token","mountPath":"/var/run/secrets/kubernetes.io/serviceaccount","readOnly":true}',
      ...(valuesOf(contentOf(marked), 'volumes') as Yaml[][]).map(
        (volumes) => `,${JSON.stringify(volumes.at(-1))}`,
      ),
    ];
    const rest = added.reduce((text, part) => {
      expect(text).toContain(part);
      return text.replace(part, '');
    }, textOf(marked));
    expect(rest).toBe(textOf('kubernetes/sidecar/deployment.yaml'));
  });

  it('gives the variables that the program reads, and the rights that it names', () => {
    const [env] = valuesOf(contentOf(marked), 'env') as unknown as { name: string }[][];
    expect(env?.map(({ name }) => name)).toEqual(['POD_NAME', 'POD_NAMESPACE', 'POD_UID']);
    const verbs = examples.flatMap(({ content }) => valuesOf(content, 'verbs'));
    expect(verbs).toEqual([['get', 'patch']]);
  });

  it('has a budget for the label that is set', () => {
    const { labels } = markPatch('busy', '1', new Date(0)).metadata;
    const [selected] = valuesOf(
      contentOf('kubernetes/marked/disruption-budget.yaml'),
      'matchLabels',
    );
    expect(selected).toEqual({ app: 'buildkitd', ...labels });
  });
});

it('scrapes a port that the pods of the sidecar have', () => {
  const monitor = contentOf('monitoring/pod-monitor.yaml');
  const [{ port } = {}] = valuesOf(monitor, 'podMetricsEndpoints').flat() as YamlObject[];
  for (const path of ['deployment', 'statefulset']) {
    const set = contentOf(`kubernetes/sidecar/${path}.yaml`);
    const [template = {}] = valuesOf(set, 'template') as YamlObject[];
    expect(valuesOf(monitor, 'matchLabels')).toEqual(valuesOf(template, 'labels'));
    const sidecar = valuesOf(template, 'initContainers').flat();
    const ports = valuesOf(sidecar, 'ports').flat() as YamlObject[];
    expect(ports.find(({ name }) => name === port)).toEqual({ name: 'drain', containerPort: 9234 });
  }
});

it('names the images that the Dockerfile makes of this version', () => {
  const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8');
  const buildkit = /^ARG BUILDKIT_VERSION=(.*)$/m.exec(dockerfile)?.[1];
  const { version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  const images = new Set(
    examples.flatMap(({ content }) =>
      valuesOf(content, 'image').map((image) =>
        typeof image === 'string'
          ? image
          : `${(image as YamlObject)['repository']}:${(image as YamlObject)['tag']}`,
      ),
    ),
  );
  expect([...images].toSorted()).toEqual([
    `moby/buildkit:${buildkit}`,
    `registry.example/buildkit-drain-sidecar:${version}`,
    `registry.example/buildkit-drain:${version}`,
    `registry.example/buildkit-with-drain:${buildkit}`,
    `registry.example/buildkit-with-drain:${buildkit}-rootless`,
  ]);
});

describe('the deadline of an example', () => {
  const withGrace = examples.flatMap(({ path, content }) =>
    (valuesOf(content, 'terminationGracePeriodSeconds') as number[])
      .filter((grace) => grace > restartSeconds)
      .map((grace) => ({
        path,
        graceMs: grace * 1000,
        args: commandsOf({ path, content })
          .filter(({ args }) => args[0] !== 'ready')
          .flatMap(({ args }) => args),
      })),
  );

  it.each(withGrace)('leaves the daemon time, and not much: $path', ({ args, graceMs }) => {
    const timeouts = args.filter((arg) => arg.startsWith('--timeout='));
    expect(timeouts).not.toEqual([]);
    for (const timeout of timeouts) {
      const timeoutMs = parseDuration(timeout.slice('--timeout='.length));
      expect(graceMs - timeoutMs).toBeGreaterThanOrEqual(60_000);
      expect(graceMs - timeoutMs).toBeLessThanOrEqual(graceMs / 10);
    }
  });

  it('is in every example with a hook', () => {
    const hooked = examples.filter(({ content }) => valuesOf(content, 'preStop').length > 0);
    expect(hooked.length).toBeGreaterThanOrEqual(9);
    expect(withGrace.map(({ path }) => path)).toEqual(
      expect.arrayContaining(hooked.map(({ path }) => path)),
    );
  });

  it('is below the time that systemd gives', () => {
    const unit = readExampleText('systemd/buildkit-drain.conf');
    const timeout = /--timeout=(\w+)/.exec(unit)?.[1] ?? '';
    const stop = /^TimeoutStopSec=(\w+)$/m.exec(unit)?.[1] ?? '';
    expect(parseDuration(stop) - parseDuration(timeout)).toBeGreaterThanOrEqual(60_000);
  });
});

describe('the unit of systemd', () => {
  it('is failed neither by a wait that reached its deadline nor by how buildkitd ends', () => {
    const unit = readExampleText('systemd/buildkit-drain.conf');
    expect(unit).toMatch(/^ExecStop=-\//m);
    expect(unit).toMatch(/^SuccessExitStatus=1$/m);
  });
});

describe('a probe of an example', () => {
  const probesOf = (name: string): (readonly [string, Probe])[] =>
    inCluster.flatMap(({ path, content }) =>
      (valuesOf(content, name) as unknown as Probe[]).map((probe) => [path, probe] as const),
    );

  it.each(probesOf('livenessProbe'))(
    'restarts what hangs without the grace of the pod: %s',
    (_, probe) => {
      expect(probe.terminationGracePeriodSeconds).toBe(restartSeconds);
    },
  );

  it.each(
    probesOf('readinessProbe').filter(([, { exec }]) => exec.command.includes('--after-drain')),
  )('waits for the answer of a drain after its first refusal: %s', (_, probe) => {
    expect(probe.failureThreshold).toBe(1);
    const timeout = probe.exec.command.find((word) => word.startsWith('--timeout=')) ?? '';
    const timeoutMs = parseDuration(timeout.slice('--timeout='.length));
    expect(probe.timeoutSeconds * 1000 - timeoutMs).toBeGreaterThanOrEqual(1000);
  });
});
