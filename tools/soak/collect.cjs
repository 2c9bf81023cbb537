// Loaded before the program (`--expose-gc --require`): collects its whole heap every twenty seconds, and
// notes down in the file of $COLLECTED_TO what is left. Machine code and bytecode are not counted: a
// process that is rarely busy goes on compiling for an hour.
const { openSync, writeSync } = require('node:fs');
const { getHeapCodeStatistics, getHeapStatistics } = require('node:v8');

const file = openSync(process.env.COLLECTED_TO, 'a');
setInterval(() => {
  globalThis.gc();
  const { code_and_metadata_size: machineCode, bytecode_and_metadata_size: bytecode } =
    getHeapCodeStatistics();
  const bytes = getHeapStatistics().used_heap_size - machineCode - bytecode;
  const atMs = Number(process.hrtime.bigint()) / 1e6;
  writeSync(file, `${JSON.stringify({ atMs, value: bytes / 1024 })}\n`);
}, 20_000).unref();
