import { createInterface } from 'node:readline';

/**
 * Answers one line of JSON on standard input, `{"do": name, …}`, with one on standard output, in
 * the order they come.
 */
export async function serveCommands(commands) {
  console.log(JSON.stringify('ready'));
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...options } = JSON.parse(line);
    try {
      console.log(JSON.stringify({ result: (await commands[name](options)) ?? null }));
    } catch (error) {
      console.log(JSON.stringify({ error: String(error.stack ?? error) }));
    }
  }
}
