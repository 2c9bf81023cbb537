import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const standIn = fileURLToPath(new URL('cluster-tool.sh', import.meta.url));
const repository = fileURLToPath(new URL('../..', import.meta.url));

const clusterTools = ['docker', 'kind', 'kubectl'] as const;
const realTools = [
  ...[
    'bash',
    'cat',
    'cp',
    'dirname',
    'env',
    'grep',
    'mkdir',
    'mktemp',
    'openssl',
    'realpath',
    'rm',
  ],
  ...['sed', 'sh', 'sleep', 'touch'],
];

export interface Try {
  readonly code: number | null;
  readonly output: string;
  /** The calls of docker, kind and kubectl, in order. */
  readonly calls: readonly string[];
  /** What was applied from standard input. */
  readonly applied: string;
}

export interface TryOptions {
  readonly way?: string;
  /** A tool that is not installed. */
  readonly missing?: string;
  /** A call whose words begin like this fails. */
  readonly failing?: string;
  /** How the build ends once the pod is deleted. */
  readonly build?: number;
  /** What `kind get clusters` prints. */
  readonly clusters?: string;
  /** Gets this signal when the build runs. */
  readonly signal?: NodeJS.Signals;
}

/** Runs examples/try/try.sh among recorded stand-ins for the tools of a cluster. */
export async function runTry(options: TryOptions = {}): Promise<Try> {
  const folder = mkdtempSync(join(tmpdir(), 'drain-test-try-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const tool of [...clusterTools, ...realTools].filter((name) => name !== options.missing)) {
    const isStandIn = clusterTools.some((name) => name === tool);
    symlinkSync(isStandIn ? standIn : pathOf(tool), join(bin, tool));
  }
  const started = spawn(
    join(repository, 'examples/try/try.sh'),
    options.way === undefined ? [] : [options.way],
    {
      cwd: repository,
      env: {
        PATH: bin,
        TMPDIR: folder,
        KUBECONFIG: '/the/user/has/this',
        STAND_IN_STATE: folder,
        STAND_IN_FAILING: options.failing ?? '-',
        STAND_IN_BUILD: String(options.build ?? 0),
        STAND_IN_CLUSTERS: options.clusters ?? '',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
    if (options.signal !== undefined && output.includes('Starting a build')) {
      started.kill(options.signal);
    }
  };
  started.stdout.on('data', collect);
  started.stderr.on('data', collect);
  const code = await new Promise<number | null>((resolve) => started.once('close', resolve));
  const written = (name: string): string => {
    const path = join(folder, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  };
  const calls = written('calls')
    .replaceAll(repository, './')
    .replaceAll(/\S*\/tmp\.\w+/g, '<folder>');
  return {
    code,
    output: output.replaceAll(/\d+ s /g, '<n> s '),
    calls: calls.trimEnd().split('\n').filter(Boolean),
    applied: written('applied'),
  };
}

function pathOf(tool: string): string {
  const found = ['/usr/bin', '/bin'].map((each) => join(each, tool)).find(existsSync);
  if (found === undefined) {
    throw new Error(`${tool} is neither in /usr/bin nor in /bin`);
  }
  return found;
}
