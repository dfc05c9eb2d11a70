import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareWithTables, cut, readSpans, readTables, unlistedRefusals } from '../../removal/spans.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'spans-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}
const check = (id: string, inside = 'work();') => `// check: ${id}\n${inside}\n// end check\n`;

describe('the list of checks', () => {
  it('finds every span with the lines of its markers', () => {
    write('main/door/guard.ts', `const a = 1;\n${check('host-header')}`);
    expect(readSpans(root)).toEqual({ spans: [{ check: 'host-header', source: 'main/door/guard.ts', first: 2, last: 4 }], problems: [] });
  });

  it.each([
    ['an end without a beginning', '// end check\n'],
    ['a beginning without an end', '// check: a\nwork();\n'],
    ['a check inside a check', `// check: a\n${check('b')}// end check\n`],
    ['an empty check', '// check: a\n// end check\n'],
    ['an id that is not kebab-case', check('Host Header')],
    ['the same id twice', check('a') + check('a')],
  ])('refuses %s', (_, text) => {
    write('main/a.ts', text);
    expect(readSpans(root).problems).not.toEqual([]);
  });

  it('differs from the tables when either side has a check that the other has not', () => {
    write('main/a.ts', check('only-marked') + check('both'));
    write('test/a.test.ts', '');
    const row = { source: 'main/a.ts', test: 'test/a.test.ts', title: 'refuses' };
    write(
      'test/removal/a.json',
      JSON.stringify([
        { check: 'both', ...row },
        { check: 'only-listed', ...row },
      ]),
    );
    const problems = compareWithTables(root, readSpans(root).spans, readTables(root));
    expect(problems).toHaveLength(2);
    expect(problems.join()).toMatch(/only-marked.*only-listed/s);
  });

  it.each([
    ['another source', { source: 'main/b.ts', test: 'test/a.test.ts' }],
    ['a test file that is not there', { source: 'main/a.ts', test: 'test/b.test.ts' }],
  ])('refuses a row that names %s', (_, row) => {
    write('main/a.ts', check('a'));
    write('test/a.test.ts', '');
    expect(compareWithTables(root, readSpans(root).spans, [{ check: 'a', title: 'refuses', ...row }])).toHaveLength(1);
  });

  it('refuses a table with a field it does not know', () => {
    write('test/removal/a.json', JSON.stringify([{ check: 'a', source: 'main/a.ts', test: 'test/a.test.ts', title: 'a', skip: true }]));
    expect(() => readTables(root)).toThrow(/skip/);
  });
});

describe('cutting a check', () => {
  it('takes out what is between the markers and keeps every line number', () => {
    const text = `const before = 1;\n${check('a', 'if (before) {\n  throw new Error();\n}')}const after = 2;\n`;
    const left = cut(text, { first: 2, last: 6 });
    expect(left.split('\n')).toHaveLength(text.split('\n').length);
    expect(left).not.toMatch(/throw/);
    expect(left.split('\n')[6]).toBe('const after = 2;');
  });

  it('is refused where what is left is not a program', () => {
    expect(() => cut(`function a() {\n${check('a', 'if (b) {')}}\n}\n`, { first: 2, last: 4 })).toThrow();
  });
});

describe('a refusal in a guard file', () => {
  it.each([
    ["throw new AppError('HOST_REFUSED');", 1],
    ["if (bad) return refuse('HOST_REFUSED');", 1],
    [check('a', "throw new AppError('HOST_REFUSED');"), 0],
    ["throw new AppError('INTERNAL'); // not a check: a bug, no input leads here", 0],
    ["// not a check: a bug, no input leads here\nthrow new AppError('INTERNAL');", 0],
    ["throw new AppError('INTERNAL'); // not a check:", 1],
  ])('%j is found %i times outside a check', (text, times) => {
    write('main/broker/guard.ts', text);
    expect(unlistedRefusals(root, readSpans(root).spans)).toHaveLength(times);
  });
});
