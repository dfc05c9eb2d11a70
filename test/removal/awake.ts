/**
 * A vitest that stays awake in one copy of the project and runs tests on request, so that what the tests load is translated once
 * and not before every test. `run.ts` starts it, in the folder of the copy, and talks to it over IPC: a Request, a Report, the next.
 *
 * Requests for one test file share a process (see `pool.ts`) while its tests come to an end; nothing else may pass from one to the next:
 * each has an empty temporary folder and evaluates the project's modules anew, and the sources named as changed are read again.
 */
import { resolve } from 'node:path';
import { Writable } from 'node:stream';
import { createVitest, type TestCase, type TestModule, type TestSuite } from 'vitest/node';
import { keptPool } from './pool.ts';

export interface Request {
  /** Sources whose text is no longer that of the last request. Paths from the root of the project, as below. */
  changed: string[];
  file: string;
  /** Parts of the full names of the tests to run. */
  titles: string[];
}
export interface Result {
  file: string;
  /** The names of its groups and its own, with spaces between. */
  fullName: string;
  passed: boolean;
  /** Of the errors that made it fail. */
  messages: string[];
  /** The first of them is that it did not end in time. */
  timedOut: boolean;
}
export interface Report {
  /** Of the tests that ran. */
  results: Result[];
  /** Files that could not be loaded, or whose hooks failed. */
  broken: { file: string; message: string }[];
}

let report: Report;
const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });
const fullName = (test: TestCase | TestSuite): string =>
  test.parent.type === 'module' ? test.name : `${fullName(test.parent)} ${test.name}`;
const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Only what happens in this request is reported: vitest itself remembers the results of earlier ones. */
const reporter = {
  onTestCaseResult(test: TestCase) {
    const { state, errors = [] } = test.result();
    if (state !== 'passed' && state !== 'failed') return;
    const messages = errors.map(({ name, message }) => `${name}: ${message}`);
    const timedOut = /^\w+: (Test|Hook) timed out\b/.test(messages[0] ?? '');
    report.results.push({ file: test.module.relativeModuleId, fullName: fullName(test), passed: state === 'passed', messages, timedOut });
  },
  onTestModuleEnd(file: TestModule) {
    const [error] = file.errors();
    if (error) report.broken.push({ file: file.relativeModuleId, message: error.message });
  },
};

const pool = keptPool();
const vitest = await createVitest(
  // vitest keeps its own cache on the disk among the packages, which the copies share with the clone.
  { config: 'test/vitest.config.ts', watch: false, isolate: true, pool, cache: false, fsModuleCache: false, reporters: [reporter] },
  {},
  { stdout: nowhere(), stderr: nowhere() },
);
await vitest.standalone();

let lastFile: string | undefined;

async function answer({ changed, file, titles }: Request): Promise<Report> {
  report = { results: [], broken: [] };
  const sources = changed.map((source) => resolve(source));
  for (const source of sources) vitest.invalidateFile(source);
  pool.changed = sources;
  if (file !== lastFile) await pool.end();
  lastFile = file;
  const testNamePattern = new RegExp(titles.map(literally).join('|'));
  await vitest.runTestSpecifications(
    vitest.getModuleSpecifications(resolve(file)).map(({ project }) => project.createSpecification(resolve(file), { testNamePattern })),
  );
  if (report.broken.length > 0 || report.results.some(({ timedOut }) => timedOut)) await pool.end();
  return report;
}

process.on('message', async (request: Request) => process.send?.(await answer(request)));
process.on('disconnect', () => process.exit());
process.send?.('awake');
