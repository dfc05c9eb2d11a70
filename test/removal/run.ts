/**
 * Shows that every security check has a test that notices when the check is gone.
 *
 * In scratch copies of the project it cuts one marked span at a time and runs the one test that the tables name for it; that
 * test must fail, by what it asserts, and must have passed before. After the cuts for one test file all its tests must pass once
 * more: nothing of a cut was left behind. Nothing in the product can be switched off, so cutting is the only way; the clone itself
 * is never touched.
 *
 *   node test/removal/run.ts [CHECK…]     all checks, or those named
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report, Result } from './awake.ts';
import { type Copy, makeCopy } from './copy.ts';
import { compareWithTables, cut, type Row, readSpans, readTables, type Span, unlistedRefusals } from './spans.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LONGEST_RUN_MS = 150_000;

interface Verdict {
  row: Row;
  ok: boolean;
  note: string;
  took: number;
}

const firstLine = (text: string | undefined): string => text?.split('\n')[0] ?? 'no message';
const resultsFor = (report: Report, row: Row): Result[] =>
  report.results.filter(({ file, fullName }) => file === row.test && fullName.includes(row.title));

/** What is wrong while nothing is cut: each row's test exists and passes. All rows name the same test file. */
async function problemsOfWhole(copy: Copy, rows: readonly Row[]): Promise<string[]> {
  const file = rows[0]?.test ?? '';
  const report = await copy.run({ file, titles: rows.map(({ title }) => title) });
  if (!report) return [`${file} could not be run at all`];
  const broken = report.broken.map(({ message }) => `${file} is broken with nothing cut: ${firstLine(message)}`);
  const problems = rows.flatMap((row) => {
    const results = resultsFor(report, row);
    if (results.length === 0) return [`${row.check}: ${file} has no running test named "${row.title}"`];
    const failed = results.find(({ passed }) => !passed);
    return failed ? [`${row.check}: fails with nothing cut: "${failed.fullName}": ${firstLine(failed.messages[0])}`] : [];
  });
  return broken.length > 0 ? broken : problems;
}

/** Cuts one check, runs its test, puts the check back. */
async function judge(copy: Copy, row: Row, span: Span): Promise<Verdict> {
  const started = performance.now();
  const whole = copy.read(span.source);
  const verdict = ({ ok, note }: Pick<Verdict, 'ok' | 'note'>) => ({ row, ok, note, took: performance.now() - started });
  try {
    copy.write(span.source, cut(whole, span));
    return verdict(verdictOf(await copy.run({ file: row.test, titles: [row.title] }), row));
  } catch (error) {
    return verdict({ ok: false, note: `cannot be cut: ${firstLine(String(error))}` });
  } finally {
    copy.write(span.source, whole);
  }
}

function verdictOf(report: Report | undefined, row: Row): Pick<Verdict, 'ok' | 'note'> {
  if (!report) return { ok: false, note: 'the run without the check came to nothing' };
  const results = resultsFor(report, row);
  if (results.length === 0)
    return { ok: false, note: `without the check the test file does not load: ${firstLine(report.broken[0]?.message)}` };
  const failed = results.filter(({ passed }) => !passed);
  if (failed.length === 0) return { ok: false, note: `"${row.title}" still passes without the check` };
  const crash = failed.map(({ messages }) => firstLine(messages[0])).find((message) => /^(ReferenceError|SyntaxError)\b/.test(message));
  if (crash) return { ok: false, note: `the cut breaks the program, which proves nothing: ${crash}` };
  if (failed.every(({ timedOut }) => timedOut))
    return { ok: false, note: `"${row.title}" does not end without the check, and asserts nothing: a slow machine would look the same` };
  return { ok: true, note: '' };
}

/** Judges the checks of one test file; should its tests not pass before and again in the end, none of them counts as noticed. */
async function judgeFile(copy: Copy, rows: readonly Row[], spans: ReadonlyMap<string, Span>): Promise<Verdict[]> {
  const broken = await problemsOfWhole(copy, rows);
  if (broken.length > 0) {
    say(broken.map((problem) => `  ✗ ${problem}`).join('\n'));
    return rows.map((row) => ({
      row,
      ok: false,
      note: `not cut: ${broken.find((problem) => problem.startsWith(`${row.check}:`)) ?? broken[0]}`,
      took: 0,
    }));
  }
  const verdicts: Verdict[] = [];
  for (const row of rows) {
    const span = spans.get(row.check);
    if (!span) throw new Error(`no span for ${row.check}`);
    const verdict = await judge(copy, row, span);
    verdicts.push(verdict);
    say(`  ${verdict.ok ? '✓' : '✗'} ${row.check}${verdict.note === '' ? '' : `: ${verdict.note}`}`);
  }
  const [left] = await problemsOfWhole(copy, rows);
  return left === undefined ? verdicts : verdicts.map((verdict) => ({ ...verdict, ok: false, note: `something was left behind: ${left}` }));
}

/** Judges the checks of every test file, as many files at a time as there are copies. */
async function inCopies(copies: readonly Copy[], files: readonly Row[][], spans: ReadonlyMap<string, Span>): Promise<Verdict[]> {
  const waiting = [...files];
  const lanes = copies.map(async (copy) => {
    const done: Verdict[] = [];
    for (let rows = waiting.shift(); rows; rows = waiting.shift()) done.push(...(await judgeFile(copy, rows, spans)));
    return done;
  });
  return (await Promise.all(lanes)).flat();
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

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
  say(`\ntest:removal: ${passed} passed, ${problems.length} failed (${seconds(performance.now() - started)})`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

/** Judges the rows in scratch copies, which are gone when it ends. */
async function remove(rows: readonly Row[], spans: ReadonlyMap<string, Span>, started: number): Promise<void> {
  // Not the temporary folder of the environment: its name may already be too long for the sockets of the tests.
  const parent = mkdtempSync(join(process.platform === 'win32' ? (process.env['TEMP'] ?? root) : '/tmp', 'lpr-'));
  const copies: Copy[] = [];
  process.on('exit', () => {
    for (const copy of copies) copy.close();
    rmSync(parent, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

  const count = Math.max(1, Math.min(4, availableParallelism()));
  for (let index = 0; index < count; index += 1) copies.push(makeCopy(root, join(parent, String(index)), LONGEST_RUN_MS));
  const files = [...Map.groupBy(rows, ({ test }) => test).values()].sort((a, b) => b.length - a.length);
  say(`Removing ${rows.length} checks one by one, in ${count} copies of the project`);
  const verdicts = await inCopies(copies, files, spans);
  for (const copy of copies) copy.close();

  const slowest = verdicts.toSorted((a, b) => b.took - a.took).slice(0, 10);
  say(`\nSlowest: ${slowest.map(({ row, took }) => `${row.check} ${seconds(took)}`).join(', ')}`);
  const failed = verdicts.filter(({ ok }) => !ok).map(({ row, note }) => `${row.check}: ${note}`);
  conclude(verdicts.length - failed.length, failed, started);
}

async function main(only: readonly string[]): Promise<void> {
  const started = performance.now();
  const { spans, problems } = readSpans(root);
  const rows = readTables(root);
  const listing = [...problems, ...compareWithTables(root, spans, rows), ...unlistedRefusals(root, spans)];
  const chosen = only.length === 0 ? rows : rows.filter(({ check }) => only.includes(check));
  if (chosen.length === 0) return conclude(0, [...listing, 'there is no check to remove'], started);
  if (listing.length > 0 && only.length === 0) return conclude(0, listing, started);
  await remove(chosen, new Map(spans.map((span) => [span.check, span])), started);
}

await main(process.argv.slice(2));
