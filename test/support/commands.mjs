/**
 * Answers one line of JSON on standard input, `{"do": name, …}`, with one on standard output, in
 * the order they come.
 */
export async function serveCommands(commands) {
  console.log(JSON.stringify('ready'));
  for await (const line of linesOf(process.stdin)) {
    const { do: name, ...options } = JSON.parse(line);
    try {
      console.log(JSON.stringify({ result: (await commands[name](options)) ?? null }));
    } catch (error) {
      console.log(JSON.stringify({ error: String(error.stack ?? error) }));
    }
  }
}

// Not by node:readline: in Node.js 26 its lines also end at U+2028 and U+2029, which JSON leaves as they are.
async function* linesOf(stream) {
  let rest = '';
  for await (const text of stream.setEncoding('utf8')) {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    yield* lines;
  }
}
