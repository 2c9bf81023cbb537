// What the reports of the memory checkers say about this project's code. Node.js does not give
// everything back at its end, and valgrind does not understand all of V8.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const addon = 'buildkit-drain.node';

/** The path of a file that comes with the compiler. */
export function compilerFile(name) {
  const { stdout } = spawnSync(process.env.CXX ?? 'g++', [`-print-file-name=${name}`], {
    encoding: 'utf8',
  });
  return stdout.trim();
}

/** The findings of one report, each with its stack. */
export function findings(path) {
  const report = readFileSync(path, 'utf8');
  if (path.endsWith('.xml')) {
    const errors = [...report.matchAll(/<error>[\s\S]*?<\/error>/g)].map(([error]) =>
      inShort(error),
    );
    return errors.filter((error) => (isLeak(error) ? isOurs(error) : error.includes(addon)));
  }
  // Everything but leaks has ended the process, so it is a finding, in any code.
  if (!report.includes('LeakSanitizer: detected')) {
    return [report];
  }
  return report.split('\n\n').filter((part) => isLeak(part) && isOurs(part));
}

function isLeak(text) {
  return /^(Direct|Indirect) leak|definitely lost/m.test(text);
}

/**
 * Whether the addon has allocated this itself or through Node-API. V8 allocates whenever it is called,
 * and does not give everything back.
 */
function isOurs(text) {
  const frames = text.split('\n').filter((line) => /^ {4}\S/.test(line));
  const through = /libasan|vgpreload|libstdc\+\+|operator new|napi_|v8impl::|node::AsyncContext/;
  return frames.find((frame) => !through.test(frame))?.includes(addon) ?? false;
}

/** Of valgrind's XML what a person reads. */
function inShort(error) {
  const what = /<(?:what|text)>(.*?)</.exec(error)?.[1] ?? 'unknown';
  const frames = [...error.matchAll(/<frame>([\s\S]*?)<\/frame>/g)].map(([, frame]) => {
    const of = (tag) => new RegExp(`<${tag}>(.*?)<`).exec(frame)?.[1] ?? '';
    return `    ${of('fn') || of('ip')} ${of('file')}:${of('line')} (${of('obj')})`;
  });
  return [what, ...frames].join('\n');
}
