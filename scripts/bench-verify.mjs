// What `verify` costs, of a containerd that this starts in a folder of its own: for 1,000 blobs, and for 1 GB with
// --digests, beside sha256sum of the same file. Prints a table in Markdown. Needs Debian's package containerd.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const runs = 9;
const blobs = 1000;
const largeBytes = 1e9;

const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-verify-'));
const socket = join(folder, 'socket');
const program = 'dist/bin/buildkit-drain.cjs';

function ctr(...args) {
  execFileSync('ctr', ['--address', socket, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function startContainerd() {
  const config = join(folder, 'config.toml');
  writeFileSync(
    config,
    `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = "${socket}"
`,
  );
  const daemon = spawn('containerd', ['--config', config], { stdio: 'ignore' });
  for (let tries = 0; !existsSync(socket); tries += 1) {
    if (daemon.exitCode !== null || tries === 100) {
      throw new Error("containerd does not start: is Debian's package containerd installed?");
    }
    await pause(100);
  }
  return daemon;
}

/** An OCI archive with one image of so many small layers. */
function writeArchive(path) {
  const layout = join(folder, 'layout');
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const put = (mediaType, content) => {
    const bytes = Buffer.from(content);
    const hash = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(layout, 'blobs/sha256', hash), bytes);
    return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
  };
  const oci = 'application/vnd.oci.image';
  // With the manifest and the config there are as many as is said.
  const layers = Array.from({ length: blobs - 2 }, (_, at) =>
    put(`${oci}.layer.v1.tar`, `layer ${at} ${'.'.repeat(10_000)}`),
  );
  const diffs = layers.map(({ digest }) => digest);
  const rootfs = { type: 'layers', diff_ids: diffs };
  const platform = { architecture: 'amd64', os: 'linux' };
  const config = put(`${oci}.config.v1+json`, JSON.stringify({ ...platform, rootfs }));
  const manifest = put(
    `${oci}.manifest.v1+json`,
    JSON.stringify({ schemaVersion: 2, mediaType: `${oci}.manifest.v1+json`, config, layers }),
  );
  const annotations = { 'io.containerd.image.name': 'docker.io/library/many:1' };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, platform, annotations }] };
  writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  execFileSync('tar', ['-C', layout, '-cf', path, '.']);
}

function writeLarge(path) {
  const bytes = randomFillSync(Buffer.allocUnsafe(largeBytes));
  writeFileSync(path, bytes);
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Seconds of a whole process, and its largest resident size in MB. */
function time(command, ...args) {
  const from = performance.now();
  const { status, stderr } = spawnSync('/usr/bin/time', ['-f', '%M', command, ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
  }
  const kilobytes = Number(stderr.trim().split('\n').at(-1));
  return { seconds: (performance.now() - from) / 1000, megabytes: kilobytes / 1000 };
}

function verify(namespace, ...args) {
  const where = ['--containerd', socket, '--namespace', namespace, '--log-level=error'];
  return time(process.execPath, program, 'verify', ...where, ...args);
}

function median(values) {
  return values.toSorted((one, other) => one - other)[(values.length - 1) / 2];
}

/** The runs take turns, so that a busy moment meets all of them. */
function measure(rows) {
  const results = rows.map(() => []);
  for (let run = 0; run < runs; run += 1) {
    rows.forEach(([, once], at) => void results[at].push(once()));
  }
  console.log('| | seconds | memory |\n|---|---|---|');
  for (const [at, [name]] of rows.entries()) {
    const seconds = median(results[at].map((result) => result.seconds));
    const megabytes = median(results[at].map((result) => result.megabytes));
    console.log(`| ${name} | ${seconds.toFixed(2)} | ${megabytes.toFixed(0)} MB |`);
  }
}

const daemon = await startContainerd();
try {
  const archive = join(folder, 'archive.tar');
  writeArchive(archive);
  ctr('--namespace', 'many', 'images', 'import', '--no-unpack', archive);
  const large = join(folder, 'large');
  const digest = writeLarge(large);
  const ingest = `ctr --address ${socket} --namespace large content ingest --expected-digest ${digest} large < ${large}`;
  execFileSync('sh', ['-c', ingest]);
  measure([
    ['an empty namespace', () => verify('empty')],
    [`${blobs} blobs`, () => verify('many')],
    [`${blobs} blobs, \`--digests\``, () => verify('many', '--digests')],
    ['1 GB', () => verify('large')],
    ['1 GB, `--digests`', () => verify('large', '--digests')],
    ['1 GB, `sha256sum`', () => time('sha256sum', large)],
  ]);
} finally {
  daemon.kill();
  rmSync(folder, { recursive: true, force: true });
}
