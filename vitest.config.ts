import { configDefaults, defineConfig } from 'vitest/config';

// What is slow, or needs what is large: compilers, another CPU's or libc's programs, bundles. `npm test`
// runs every other test, and `npm run check` these too.
const thorough = [
  'test/cli/{bench-*,faults*,haproxy,prometheus,scenarios-long,verify-containerd*}.test.ts',
  'test/contract/{accuracy-wrong,stand-in-scenes-long}.test.ts',
  'test/fuzz/**/*.test.ts',
  'test/package/{bundle*,dockerfile,lint-workflows,package-managers}.test.ts',
  'test/package/{prebuild-elf,prebuild-runs,prometheus-rule,runtimes,tarball-source}.test.ts',
  'tools/soak/soak.test.ts',
];

// Needs a real buildkitd: `npm run test:real`.
const real = 'test/real/*.test.ts';

// Properties that are tried on few made-up histories in `npm test`, and on many here.
const models = ['test/unit/drain/drain-{loop,model,truth}.test.ts'];

const patience = Number(process.env['TEST_PATIENCE'] ?? 1);
const limits = { testTimeout: 30_000 * patience, hookTimeout: 30_000 * patience };
// What is shipped is what is tested.
const env = { PREBUILDS_ONLY: '1' };

const realProject = {
  test: { name: 'real', include: [real], ...limits, testTimeout: 240_000, env },
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts', 'tools/soak/*.test.ts'],
          exclude: [...configDefaults.exclude, ...thorough, real],
          ...limits,
          env,
        },
      },
      {
        test: {
          name: 'thorough',
          include: [...thorough, ...models],
          ...limits,
          env: { ...env, CC: 'cc', MODEL_RUNS: process.env['MODEL_RUNS'] ?? '300' },
        },
      },
      ...(process.env['BUILDKITD'] ? [realProject] : []),
    ],
  },
});
