/**
 * A vitest that stays awake in one copy of the project and runs tests on request, so that what the tests load is translated once
 * and not before every test. `run.ts` starts it, in the folder of the copy, and talks to it over IPC: a Request, a Report, the next.
 *
 * Nothing may pass from one request to the next: each test file gets a fresh process and each request an empty temporary folder,
 * and the sources named as changed are read from the disk again.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { createVitest, type TestCase, type TestModule, type TestSuite } from 'vitest/node';

export interface Request {
  /** Sources whose text is no longer that of the last request. Paths from the root of the project, as below. */
  changed: string[];
  /** For each test file parts of the full names of the tests to run. */
  tests: { file: string; titles: string[] }[];
}
export interface Result {
  file: string;
  /** The names of its groups and its own, with spaces between. */
  fullName: string;
  passed: boolean;
  /** Of the errors that made it fail. */
  messages: string[];
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
    report.results.push({ file: test.module.relativeModuleId, fullName: fullName(test), passed: state === 'passed', messages });
  },
  onTestModuleEnd(file: TestModule) {
    const [error] = file.errors();
    if (error) report.broken.push({ file: file.relativeModuleId, message: error.message });
  },
};

const vitest = await createVitest(
  // vitest keeps its own cache on the disk among the packages, which the copies share with the clone.
  { config: 'test/vitest.config.ts', watch: false, isolate: true, cache: false, fsModuleCache: false, reporters: [reporter] },
  {},
  { stdout: nowhere(), stderr: nowhere() },
);
await vitest.standalone();
const temporary = tmpdir();

async function answer({ changed, tests }: Request): Promise<Report> {
  report = { results: [], broken: [] };
  for (const source of changed) vitest.invalidateFile(resolve(source));
  process.env['TMPDIR'] = mkdtempSync(join(temporary, '-'));
  const specifications = tests.flatMap(({ file, titles }) => {
    const testNamePattern = new RegExp(titles.map(literally).join('|'));
    return vitest
      .getModuleSpecifications(resolve(file))
      .map(({ project }) => project.createSpecification(resolve(file), { testNamePattern }));
  });
  await vitest.runTestSpecifications(specifications);
  return report;
}

process.on('message', async (request: Request) => process.send?.(await answer(request)));
process.on('disconnect', () => process.exit());
process.send?.('awake');
