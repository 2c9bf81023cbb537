import { describe, expect, it } from 'vitest';
import {
  alwaysKeepsHistory,
  countsRightly,
  isHarmedByQuestion,
} from '../../../src/builds/version.ts';

const upstream = 'github.com/moby/buildkit';

describe('a daemon that names no build is believed', () => {
  it.each([
    ...['v0.12.4', '0.12.4', 'v0.12.5', 'v0.13.0', 'v0.13.2', 'v0.25.1', 'v0.100.0', 'v1.0.0'],
    ...['v0.12.4+unknown', '0.12.4+dfsg1-1', 'v0.12.5-0ubuntu1~22.04.1', '0.13.1-1'],
    ...['v0.14.0-rc1', 'v0.13.1-41-g0123abc', 'v0.25.0.m', 'v0.31.0-12-gabcdef.m'],
  ])('of version %s', (version) => {
    expect(countsRightly({ package: upstream, version })).toBe(true);
  });

  it.each([
    ...['v0.12.3', 'v0.12.0', 'v0.11.6', 'v0.10.6', 'v0.9.3', 'v0.2.100', 'v0.0.0+unknown'],
    ...['v0.12.4-rc1', 'v0.12.4-0ubuntu1', 'v0.13.0-beta1', 'v0.13.0-rc2', 'v0.13.0-beta1-41-gabc'],
    ...['v0.12.3-500-g0123abc', '', 'dev', 'dev-main', '0123abcdef', 'v0.25', 'v25', '0.25.x'],
    ...[' v0.25.0', 'v0.25.0 ', 'v0.25.0rc1', 'vv0.25.0', '-1.0.0', 'v0.25.0000001', '1e9.0.0'],
  ])('but not of version "%s"', (version) => {
    expect(countsRightly({ package: upstream, version })).toBe(false);
  });

  it.each(['', 'github.com/earthly/buildkit', 'github.com/moby/buildkit/fork'])(
    'but not of the program "%s", which counts its versions otherwise',
    (name) => {
      expect(countsRightly({ package: name, version: 'v0.25.0' })).toBe(false);
    },
  );
});

describe('a daemon is not asked which builds run', () => {
  it.each([
    ...['v0.11.0', 'v0.11.0-rc3-90-gabc', 'v0.11.6', 'v0.12.0-rc1', 'v0.12.0', 'v0.12.3', '0.12.3'],
    ...['v0.12.3+unknown', 'v0.12.3-0ubuntu1', 'v0.13.0-beta1', 'v0.13.0-beta1-41-gabc'],
  ])('of version %s', (version) => {
    expect(isHarmedByQuestion({ package: upstream, version })).toBe(true);
    expect(countsRightly({ package: upstream, version })).toBe(false);
  });

  it.each([
    ...['v0.10.6', 'v0.12.4', 'v0.12.4-0ubuntu1', 'v0.13.0-beta2', 'v0.13.0-rc1', 'v0.13.0'],
    ...['v0.25.1', 'v1.11.0', 'v1.12.3', '', 'dev', 'v0.0.0+unknown'],
  ])('but is of version "%s"', (version) => {
    expect(isHarmedByQuestion({ package: upstream, version })).toBe(false);
  });

  it('but is if it is a fork, whose versions say nothing', () => {
    expect(isHarmedByQuestion({ package: `${upstream}/fork`, version: 'v0.12.3' })).toBe(false);
  });
});

describe('a daemon without any record of a build has never finished one', () => {
  it.each(['v0.12.4', 'v0.31.1-2-gabc', 'v0.32.0', 'v0.32.2', 'v0.32.2+unknown'])(
    'if it is of version %s',
    (version) => {
      expect(alwaysKeepsHistory({ package: upstream, version })).toBe(true);
    },
  );

  it.each(['v0.32.2-10-g0123abc', 'v0.33.0', 'v0.33.0-rc1', 'v1.0.0'])(
    'but not certainly of version %s, where history can be disabled',
    (version) => {
      expect(alwaysKeepsHistory({ package: upstream, version })).toBe(false);
    },
  );
});
