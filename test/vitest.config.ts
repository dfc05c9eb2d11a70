/**
 * The tiers, by what they prove: `unit` runs on fakes in milliseconds; `integration` runs flows against real processes and
 * sockets on loopback, `processes` those that start programs by the dozen; `product` runs the built product through faults, crashes
 * and full disks; `clients` runs stock SDKs and kernels through real expiries; `browser` signs in with Chromium; `desktop` runs one
 * behaviour suite on every host of the product; `packaging` makes what people install, and installs it; `keycloak` signs in to a real
 * Keycloak.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

const suite = (process.env['npm_lifecycle_event'] ?? 'vitest').replace(/\W/g, '-');

// The workers, and dozens of programs that tests start from the sources, load the same files again and again.
process.env['NODE_COMPILE_CACHE'] ??= join(root, '.cache/compiled');

/** Flows that start programs by the dozen: they would take half of the time that `npm test` may take. */
const processes = 'test/integration/{cli,policy,rotation,vault}';

/**
 * Unit tests run side by side, and those of the product, which wait for programs more than they compute. Other flows with processes of
 * their own would, on two cores, time each other out.
 */
const project = (name: string, folder: string, timeout: number, exclude: string[] = []) => ({
  extends: true as const,
  test: {
    name,
    include: [`${folder}/**/*.test.ts`],
    exclude,
    testTimeout: timeout,
    hookTimeout: Math.max(timeout, 60_000),
    fileParallelism: name === 'unit' || name === 'product',
    // A process for each of two hundred files would cost as much as their tests. Each file still has the project's modules anew.
    isolate: name !== 'unit',
  },
});

export default defineConfig({
  root,
  cacheDir: '.cache/vitest',
  test: {
    root,
    setupFiles: ['test/loopback-only.ts'],
    passWithNoTests: false,
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    maxWorkers: 2,
    // What is waited for may take long on a machine that has much else to do; what never comes fails all the same.
    expect: { poll: { timeout: 30_000 } },
    // In CI each suite also leaves its numbers behind, for the last lines of .ci/run.
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: `.cache/results/${suite}.json` }]] : ['default'],
    projects: [
      project('unit', 'test/unit', 120_000),
      project('integration', 'test/integration', 120_000, [`${processes}/**`]),
      project('processes', processes, 120_000),
      project('product', 'test/product', 240_000),
      project('clients', 'test/clients', 300_000),
      project('browser', 'test/e2e', 180_000),
      project('packaging', 'test/packaging', 180_000),
      project('desktop', 'test/behaviour', 240_000),
      project('keycloak', 'test/keycloak', 180_000),
    ],
  },
});
