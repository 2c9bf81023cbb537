// Shipped as dist/bin/start.cjs: starts the program beside it from the code that V8 has compiled before, which
// code-cache.mjs makes. Where there is none, or it is not exactly right, V8 compiles the program as usual.
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

const filename = `${__dirname}/buildkit-drain.cjs`;
const source = readFileSync(filename);

/**
 * V8 itself rejects the code of another V8 and of other flags. It would accept that of another source of the same
 * length, and damaged code. So the file has the code twice, and the source: to compare them takes 0.03 ms, and
 * to load a hash of Node's 3.
 */
function readCode() {
  try {
    const cache = readFileSync(`${filename}.${process.version}-${process.arch}.cache`);
    const size = (cache.length - source.length) / 2;
    const code = cache.subarray(0, size);
    const isRight =
      cache.subarray(size, 2 * size).equals(code) && cache.subarray(2 * size).equals(source);
    return isRight ? code : undefined;
  } catch {
    return undefined;
  }
}

const text = source.toString().replace(/^#!/, '//');
const script = new Script(
  `(function (exports, require, module, __filename, __dirname) {${text}\n})`,
  { filename, cachedData: readCode() },
);
script.runInThisContext()(exports, require, module, filename, __dirname);
