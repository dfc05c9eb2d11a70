/**
 * Shows that every security check has a test that notices when the check is gone.
 *
 * In scratch copies of the project it cuts one marked span at a time and runs the one test that the tables name for it; that
 * test must fail, by what it asserts, and must have passed before. Nothing in the product can be switched off, so cutting is
 * the only way; the clone itself is never touched.
 *
 *   node test/removal/run.ts [CHECK…]     all checks, or those named
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compareWithTables, cut, type Row, readSpans, readTables, type Span, unlistedRefusals } from './spans.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LEFT_OUT = new Set(['node_modules', 'dist', '.venv', '.cache', '.git', '.vitest', 'release']);
/** After this the run of one test is ended: a test that hangs shows nothing. */
const LONGEST_RUN_MS = 150_000;

interface TestResult {
  fullName: string;
  status: 'passed' | 'failed' | 'skipped' | 'pending' | 'todo' | 'disabled';
  failureMessages: string[] | null;
}
interface Report {
  testResults: { name: string; status: string; message: string; assertionResults: TestResult[] }[];
}
interface Verdict {
  row: Row;
  ok: boolean;
  note: string;
}

/** A copy that can be cut. Its temporary folder has a short name: Unix sockets of tests must fit into 104 bytes. */
function makeScratch(parent: string, name: string): string {
  const folder = join(parent, name);
  cpSync(root, folder, { recursive: true, filter: (path) => !LEFT_OUT.has(basename(path)) });
  for (const linked of ['node_modules', '.venv']) if (existsSync(join(root, linked))) symlinkSync(join(root, linked), join(folder, linked));
  mkdirSync(join(folder, 't'), { mode: 0o777 });
  return folder;
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Runs the named tests of some files and reads what became of each. Undefined: the run itself came to nothing. */
function runTests(folder: string, files: readonly string[], titles: readonly string[]): Promise<Report | undefined> {
  const output = join(folder, 't', 'report.json');
  rmSync(output, { force: true });
  const pattern = titles.map(literally).join('|');
  const args = ['run', '--config', 'test/vitest.config.ts', '--reporter=json', `--outputFile=${output}`, '-t', pattern, ...files];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(folder, 'node_modules/vitest/vitest.mjs'), ...args], {
      cwd: folder,
      stdio: 'ignore',
      timeout: LONGEST_RUN_MS,
      killSignal: 'SIGKILL',
      env: { ...process.env, CI: '', TMPDIR: join(folder, 't'), NODE_COMPILE_CACHE: join(folder, '..', 'compiled') },
    });
    child.on('error', reject);
    child.on('close', () => resolve(existsSync(output) ? (JSON.parse(readFileSync(output, 'utf8')) as Report) : undefined));
  });
}

const resultsFor = (report: Report, row: Row): TestResult[] =>
  report.testResults
    .filter(({ name }) => name.endsWith(`/${row.test}`))
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ fullName, status }) => fullName.includes(row.title) && (status === 'passed' || status === 'failed'));

/** Before anything is cut, every listed test exists and passes. */
async function baseline(folder: string, rows: readonly Row[]): Promise<string[]> {
  const files = [...new Set(rows.map(({ test }) => test))];
  const report = await runTests(
    folder,
    files,
    rows.map(({ title }) => title),
  );
  if (!report) return ['the tests could not be run at all'];
  return rows.flatMap((row) => {
    const results = resultsFor(report, row);
    const broken = report.testResults.find(({ name, assertionResults }) => name.endsWith(`/${row.test}`) && assertionResults.length === 0);
    if (broken) return [`${row.check}: ${row.test} does not load: ${firstLine(broken.message)}`];
    if (results.length === 0) return [`${row.check}: ${row.test} has no running test named "${row.title}"`];
    const failed = results.find(({ status }) => status === 'failed');
    return failed ? [`${row.check}: fails before anything is cut: "${failed.fullName}": ${firstLine(failed.failureMessages?.[0])}`] : [];
  });
}

const firstLine = (text: string | undefined): string => text?.split('\n')[0] ?? 'no message';

/** Cuts one check, runs its test, puts the check back. */
async function judge(folder: string, row: Row, span: Span): Promise<Verdict> {
  const file = join(folder, row.source);
  const whole = readFileSync(file, 'utf8');
  try {
    writeFileSync(file, cut(whole, span));
    return { row, ...verdictOf(await runTests(folder, [row.test], [row.title]), row) };
  } catch (error) {
    return { row, ok: false, note: `cannot be cut: ${firstLine(String(error))}` };
  } finally {
    writeFileSync(file, whole);
  }
}

function verdictOf(report: Report | undefined, row: Row): { ok: boolean; note: string } {
  if (!report) return { ok: false, note: 'the run without the check came to nothing' };
  const results = resultsFor(report, row);
  if (results.length === 0)
    return { ok: false, note: `without the check the test file does not load: ${firstLine(report.testResults[0]?.message)}` };
  const failures = results.filter(({ status }) => status === 'failed').map(({ failureMessages }) => firstLine(failureMessages?.[0]));
  if (failures.length === 0) return { ok: false, note: `"${row.title}" still passes without the check` };
  const crash = failures.find((message) => /^(ReferenceError|SyntaxError)\b/.test(message));
  if (crash) return { ok: false, note: `the cut breaks the program, which proves nothing: ${crash}` };
  return { ok: true, note: failures.every((message) => /timed out/.test(message)) ? 'by a time-out' : '' };
}

/** Judges all rows, as many at a time as there are copies. */
async function judgeAll(folders: readonly string[], rows: readonly Row[], spans: ReadonlyMap<string, Span>): Promise<Verdict[]> {
  const waiting = [...rows];
  const verdicts: Verdict[] = [];
  await Promise.all(
    folders.map(async (folder) => {
      for (let row = waiting.shift(); row; row = waiting.shift()) {
        const span = spans.get(row.check);
        if (!span) throw new Error(`no span for ${row.check}`);
        const verdict = await judge(folder, row, span);
        verdicts.push(verdict);
        say(`  ${verdict.ok ? '✓' : '✗'} ${row.check}${verdict.note === '' ? '' : `: ${verdict.note}`}`);
      }
    }),
  );
  return verdicts;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function conclude(passed: number, problems: readonly string[], started: number): void {
  if (problems.length > 0) say(`\n${problems.map((problem) => `  ✗ ${problem}`).join('\n')}`);
  // For the last lines of .ci/run.
  if (process.env['CI']) {
    mkdirSync(join(root, '.cache/results'), { recursive: true });
    writeFileSync(
      join(root, '.cache/results/test-removal.json'),
      JSON.stringify({ numPassedTests: passed, numFailedTests: problems.length }),
    );
  }
  say(`\ntest:removal: ${passed} passed, ${problems.length} failed (${Math.round((performance.now() - started) / 1000)} s)`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

async function main(only: readonly string[]): Promise<void> {
  const started = performance.now();
  const { spans, problems } = readSpans(root);
  const rows = readTables(root);
  const listing = [...problems, ...compareWithTables(root, spans, rows), ...unlistedRefusals(root, spans)];
  const chosen = only.length === 0 ? rows : rows.filter(({ check }) => only.includes(check));
  if (chosen.length === 0) return conclude(0, [...listing, 'there is no check to remove'], started);
  if (listing.length > 0 && only.length === 0) return conclude(0, listing, started);

  // Not the temporary folder of the environment: its name may already be too long for the sockets of the tests.
  const parent = mkdtempSync(join(process.platform === 'win32' ? (process.env['TEMP'] ?? root) : '/tmp', 'lpr-'));
  process.on('exit', () => rmSync(parent, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

  const copies = Math.max(1, Math.min(4, availableParallelism()));
  const folders = Array.from({ length: copies }, (_, index) => makeScratch(parent, String(index)));
  say(`Removing ${chosen.length} checks one by one, in ${copies} copies of the project`);
  const broken = await baseline(folders[0] ?? root, chosen);
  if (broken.length > 0) return conclude(0, broken, started);
  const verdicts = await judgeAll(folders, chosen, new Map(spans.map((span) => [span.check, span])));
  const failed = verdicts.filter(({ ok }) => !ok).map(({ row, note }) => `${row.check}: ${note}`);
  conclude(verdicts.length - failed.length, failed, started);
}

await main(process.argv.slice(2));
