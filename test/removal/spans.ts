/**
 * Where the security checks are, and which test stands for each of them.
 *
 * In the source a check is the span between `// check: ID` and `// end check`; in a table `test/removal/NOUN.json` it has the
 * test that must fail when the span is gone. This file only reads and compares the two; `run.ts` does the cutting.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { z } from 'zod';

export interface Span {
  check: string;
  /** Path from the root of the project. */
  source: string;
  /** Line numbers of the two markers, from 1. */
  first: number;
  last: number;
}

const rowSchema = z.strictObject({
  check: z.string(),
  source: z.string(),
  test: z.string(),
  /** A part of the full name of the test: the names of its groups and its own, with spaces between. */
  title: z.string().min(1),
});
export type Row = z.output<typeof rowSchema>;

const BEGIN = /^\s*\/\/ check: (.*)$/;
const END = /^\s*\/\/ end check\s*$/;
const ID = /^[a-z0-9]+(-[a-z0-9]+)*$/;

const sourcesOf = (root: string): string[] => globSync('{main,preload,renderer}/**/*.{ts,tsx}', { cwd: root }).sort();
const linesOf = (root: string, file: string): string[] => readFileSync(join(root, file), 'utf8').split('\n');

/** All spans of the product, and what is wrong with their markers. */
export function readSpans(root: string): { spans: Span[]; problems: string[] } {
  const spans: Span[] = [];
  const problems: string[] = [];
  for (const source of sourcesOf(root)) {
    let open: Span | undefined;
    for (const [index, line] of linesOf(root, source).entries()) {
      const at = `${source}:${index + 1}`;
      const check = BEGIN.exec(line)?.[1]?.trim();
      if (check !== undefined) {
        if (open) problems.push(`${at}: a check inside the check ${open.check}`);
        if (!ID.test(check)) problems.push(`${at}: "${check}" is not a kebab-case id`);
        open = { check, source, first: index + 1, last: 0 };
      } else if (END.test(line)) {
        if (open) spans.push({ ...open, last: index + 1 });
        else problems.push(`${at}: the end of a check that never began`);
        open = undefined;
      }
    }
    if (open) problems.push(`${source}:${open.first}: the check ${open.check} never ends`);
  }
  for (const span of spans) if (span.last - span.first < 2) problems.push(`${span.source}:${span.first}: the check ${span.check} is empty`);
  return { spans, problems: [...problems, ...repeated(spans.map(({ check }) => check)).map((id) => `the check ${id} is marked twice`)] };
}

/** All rows of all tables. @throws when a table is not as the schema says */
export function readTables(root: string): Row[] {
  const tables = globSync('test/removal/*.json', { cwd: root }).sort();
  return tables.flatMap((table) => {
    const parsed = z.array(rowSchema).safeParse(JSON.parse(readFileSync(join(root, table), 'utf8')));
    if (!parsed.success) throw new Error(`${table}: ${z.prettifyError(parsed.error)}`);
    return parsed.data;
  });
}

/** What keeps spans and tables from being two views of one list. */
export function compareWithTables(root: string, spans: readonly Span[], rows: readonly Row[]): string[] {
  const marked = new Map(spans.map((span) => [span.check, span]));
  const listed = new Set(rows.map(({ check }) => check));
  return [
    ...repeated(rows.map(({ check }) => check)).map((id) => `the check ${id} is listed twice`),
    ...spans
      .filter(({ check }) => !listed.has(check))
      .map(({ check, source, first }) => `${source}:${first}: no test is listed for the check ${check}`),
    ...rows.flatMap((row) => {
      const span = marked.get(row.check);
      if (!span) return [`the check ${row.check} is listed for ${row.source}, but marked nowhere`];
      if (span.source !== row.source) return [`the check ${row.check} is in ${span.source}, the table says ${row.source}`];
      return existsSync(join(root, row.test)) ? [] : [`the check ${row.check} names a test file that is not there: ${row.test}`];
    }),
  ];
}

const repeated = (values: readonly string[]): string[] => [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];

/**
 * The source without the span. Its lines become empty, so that the line numbers of what is left still match.
 *
 * @throws when what is left is not a program
 */
export function cut(text: string, span: Pick<Span, 'first' | 'last'>): string {
  const left = text
    .split('\n')
    .map((line, index) => (index + 1 > span.first && index + 1 < span.last ? '' : line))
    .join('\n');
  parseAst(left, { lang: 'ts' });
  return left;
}

/** Files in which every refusal is a security decision. */
const GUARDS = [
  /^main\/broker\/.*guard.*\.ts$/,
  /^main\/broker\/refus.*\.ts$/,
  /^main\/idp\/(id-token|callback|redirect|authorization-response|assurance).*\.ts$/,
  /^main\/databricks\/exchange-answer\.ts$/,
  /^main\/control\/guard.*\.ts$/,
  /^main\/pages\/.*guard.*\.ts$/,
  /^main\/apps\/.*guard.*\.ts$/,
  /^main\/places\.ts$/,
];
const REFUSAL =
  /\bthrow new AppError\(|\bthrow refus\w*\(|\breturn refus\w*\(|\breject\(new AppError\(|^\s*refus\w*\(|&& refus\w*\(|=> refus\w*\(/;
const EXCUSE = /\/\/ not a check: \S/;

/** Refusals in the guard files that no span covers and no `// not a check: REASON` (on the line or above it) explains. */
export function unlistedRefusals(root: string, spans: readonly Span[]): string[] {
  return sourcesOf(root)
    .filter((source) => GUARDS.some((guard) => guard.test(source)))
    .flatMap((source) => {
      const lines = linesOf(root, source);
      const covered = (line: number) => spans.some((span) => span.source === source && span.first < line && line < span.last);
      const excused = (line: number) => EXCUSE.test(lines[line - 1] ?? '') || EXCUSE.test(lines[line - 2] ?? '');
      return lines
        .map((text, index) => ({ text, line: index + 1 }))
        .filter(({ text, line }) => REFUSAL.test(text) && !covered(line) && !excused(line))
        .map(({ text, line }) => `${source}:${line}: a refusal outside any check: ${text.trim()}`);
    });
}
