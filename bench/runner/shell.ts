import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a shell command, and returns its output, whatever its exit status. */
export async function runShell(
  line: string,
  { env, signal }: { readonly env: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<string> {
  signal.throwIfAborted();
  const child = spawn('sh', ['-c', line], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  signal.addEventListener('abort', kill);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  try {
    await once(child, 'close');
  } finally {
    signal.removeEventListener('abort', kill);
  }
  signal.throwIfAborted();
  return output;
}
