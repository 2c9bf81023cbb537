import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type Checkout, makeCheckout } from '../support/checkout.ts';

const changelog = `# Changelog

## [Unreleased]

- The next.

## [1.2.0] - 2026-12-01

### Added

- This.

## [1.1.0] - 2026-11-01

- The last.
`;

function makeRelease(): Checkout {
  const checkout = makeCheckout();
  checkout.write('package.json', '{ "version": "1.2.0", "repository": "github.com/me/mine" }');
  checkout.write('CHANGELOG.md', changelog);
  return checkout;
}

function check(checkout: Checkout, ...args: readonly string[]) {
  spawnSync('git', ['init', '--quiet'], { cwd: checkout.folder });
  spawnSync('git', ['add', '.'], { cwd: checkout.folder });
  return checkout.run(process.execPath, 'scripts/release/check.mjs', ...args);
}

describe('the text of a release', () => {
  const section = (version: string) =>
    makeRelease().run(process.execPath, 'scripts/release/changelog-section.mjs', version);

  it('is what the changelog says of the version', () => {
    expect(section('1.2.0')).toEqual({ code: 0, out: '### Added\n\n- This.\n', err: '' });
    expect(section('1.1.0')).toEqual({ code: 0, out: '- The last.\n', err: '' });
  });

  it.each(['1.3.0', '1.2', 'Unreleased'])('is missing for %s', (version) => {
    expect(section(version)).toEqual({
      code: 1,
      out: '',
      err: `CHANGELOG.md has no heading "## [${version}] - <year>-<month>-<day>"\n`,
    });
  });
});

describe('check:release', () => {
  it('finds nothing where all is ready', () => {
    expect(check(makeRelease(), 'v1.2.0', 'me/mine')).toEqual({ code: 0, out: '', err: '' });
  });

  it('finds another version, and a changelog without the date', () => {
    const { code, err } = check(makeRelease(), 'v1.3.0', 'me/mine');
    expect(err.split('\n')).toEqual([
      'package.json: version 1.2.0, and the tag is v1.3.0',
      'CHANGELOG.md has no heading "## [1.3.0] - <year>-<month>-<day>"',
      '',
    ]);
    expect(code).toBe(1);
  });

  it('names each place that has a placeholder, and what takes its place', () => {
    const checkout = makeRelease();
    checkout.write('docs/a.md', '\nhttps://github.com/buildkit-drain/buildkit-drain\n');
    checkout.write('b.yaml', 'image: registry.example/buildkit-drain:1.2.0');
    checkout.write('.github/CODEOWNERS', '* @buildkit-drain/maintainers');
    const { code, err } = check(checkout, 'v1.2.0', 'Me/mine');
    expect(err.split('\n')).toEqual([
      'docs/a.md:2: "github.com/buildkit-drain/buildkit-drain" becomes github.com/Me/mine',
      '.github/CODEOWNERS:1: "@buildkit-drain/maintainers" becomes who reviews changes',
      'b.yaml:1: "registry.example/buildkit-drain:" becomes ghcr.io/me/buildkit-drain:',
      '',
    ]);
    expect(code).toBe(1);
  });

  it('has no placeholder of its own repository', () => {
    const checkout = makeRelease();
    checkout.write('docs/a.md', 'https://github.com/buildkit-drain/buildkit-drain');
    expect(check(checkout, 'v1.2.0', 'buildkit-drain/buildkit-drain')).toMatchObject({ code: 0 });
  });

  it.each([[], ['1.2.0', 'me/mine'], ['v1.2.0'], ['v1.2.0', 'mine']])(
    'expects a tag and a repository: %s %s',
    (...args) => {
      const { code, err } = check(makeRelease(), ...args.filter((each) => each !== undefined));
      expect(err).toMatch(/^expected a tag such as v0.1.0/);
      expect(code).toBe(2);
    },
  );
});

describe('what publishes', () => {
  it('builds both images for both CPUs, and signs their digests', () => {
    const checkout = makeRelease();
    checkout.standIn(
      'docker',
      `while [ $# -gt 0 ]; do
        [ "$1" != --metadata-file ] || echo '{ "containerimage.digest": "sha256:abc" }' >"$2"
        shift
      done`,
    );
    checkout.standIn('cosign');
    const { code } = checkout.run('scripts/release/images.sh', 'ghcr.io/Me', 'v1.2.0');
    expect(code).toBe(0);
    const build = (stage: string, image: string) =>
      `docker buildx build --platform linux/amd64,linux/arm64 --target ${stage} --tag ghcr.io/me/${image}:1.2.0 ` +
      '--sbom=true --provenance=mode=max --metadata-file <temporary>/metadata.json --push .';
    expect(checkout.calls()).toEqual([
      'docker buildx create --name release --driver docker-container --use',
      build('folder', 'buildkit-drain'),
      'cosign sign --yes ghcr.io/me/buildkit-drain@sha256:abc',
      build('sidecar', 'buildkit-drain-sidecar'),
      'cosign sign --yes ghcr.io/me/buildkit-drain-sidecar@sha256:abc',
      'docker buildx rm --force release',
    ]);
  });

  it.each(['build', 'create'])('signs nothing after a failure of buildx %s', (failing) => {
    const checkout = makeRelease();
    checkout.standIn('docker', `[ "$2" != ${failing} ]`);
    checkout.standIn('cosign');
    expect(checkout.run('scripts/release/images.sh', 'ghcr.io/me', 'v1.2.0').code).toBe(1);
    expect(checkout.calls().filter((call) => call.startsWith('cosign'))).toEqual([]);
  });

  it('signs the checksums, and gives a release the text and all files', () => {
    const checkout = makeRelease();
    checkout.write('out/SHA256SUMS', '');
    checkout.write('out/archive', '');
    checkout.standIn('cosign', 'touch "$4"');
    checkout.standIn('gh');
    expect(checkout.run('scripts/release/github.sh', 'out', 'v1.2.0').code).toBe(0);
    const files = ['SHA256SUMS', 'SHA256SUMS.sigstore.json', 'archive'];
    expect(checkout.calls()).toEqual([
      'cosign sign-blob --yes --bundle <checkout>/out/SHA256SUMS.sigstore.json <checkout>/out/SHA256SUMS',
      'gh release create v1.2.0 --verify-tag --title v1.2.0 --notes ### Added',
      '',
      `- This. ${files.map((file) => `<checkout>/out/${file}`).join(' ')}`,
    ]);
  });

  it('makes no release without a text', () => {
    const checkout = makeRelease();
    checkout.write('out/SHA256SUMS', '');
    checkout.standIn('cosign');
    checkout.standIn('gh');
    expect(checkout.run('scripts/release/github.sh', 'out', 'v1.3.0').code).toBe(1);
    expect(checkout.calls().filter((call) => call.startsWith('gh'))).toEqual([]);
  });
});
