/**
 * The process in which the tests of one file run, cut after cut: what vitest and the packages are is loaded once, and the project's own
 * modules are evaluated anew for each run. `pool.ts` starts it.
 */
import { mkdtempSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvaluatedModules } from 'vite/module-runner';
import { init, runBaseTests, setupEnvironment } from 'vitest/worker';

const send = process.send?.bind(process);
const exit = process.exit.bind(process);
const temporary = tmpdir();
let modules: EvaluatedModules | undefined;

process.on('disconnect', () => exit());
init({
  post: (message) => void send?.(message),
  on: (listener) => void process.on('message', listener),
  off: (listener) => void process.off('message', listener),
  setup: setupEnvironment,
  onModuleRunner: (runner) => {
    modules = runner.evaluatedModules;
  },
  async runTests(state, traces) {
    process.env['TMPDIR'] = mkdtempSync(join(temporary, '-'));
    // Before each file vitest forgets what modules evaluated to, but never their text.
    for (const source of state.ctx.invalidates ?? []) {
      for (const module of modules?.getModulesByFile(source) ?? []) modules?.invalidateModule(module);
    }
    await runBaseTests('run', state, traces);
    // Else lost, for the process is killed in the end.
    flushCompileCache();
  },
  collectTests: (state, traces) => runBaseTests('collect', state, traces),
});
