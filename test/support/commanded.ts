import type { Running } from './running.ts';

/** Sends a process of commands.mjs one command after the other. */
export type Call = <Result>(command: {
  readonly do: string;
  [key: string]: unknown;
}) => Promise<Result>;

export async function commanded(running: Running): Promise<Call> {
  await running.line(0);
  let lines = 1;
  return async <Result>(command: object): Promise<Result> => {
    const n = lines;
    lines += 1;
    running.send(`${JSON.stringify(command)}\n`);
    const answer = JSON.parse(await running.line(n)) as { result: Result; error?: string };
    if (answer.error !== undefined) {
      throw new Error(`${JSON.stringify(command)}: ${answer.error}`);
    }
    return answer.result;
  };
}
