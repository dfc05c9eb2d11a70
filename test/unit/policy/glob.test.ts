import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupProblem, pathGlob, pathProblem, readHost, workspaceGlob, workspaceProblem } from '../../../main/policy/glob.ts';

const isWorkspace = (pattern: string, origin: string) => workspaceGlob(pattern)(readHost(origin));
const isPath = (pattern: string, path: string) => pathGlob(pattern)(path.split('/'));

describe('a glob of workspaces', () => {
  it.each([
    ['acme.cloud.databricks.com', 'https://acme.cloud.databricks.com', true],
    ['https://acme.cloud.databricks.com', 'https://acme.cloud.databricks.com', true],
    ['https://acme.cloud.databricks.com/', 'https://acme.cloud.databricks.com', true],
    ['https://acme.cloud.databricks.com:443', 'https://acme.cloud.databricks.com', true],
    ['acme.cloud.databricks.com', 'http://acme.cloud.databricks.com', false],
    ['acme.cloud.databricks.com', 'https://acme.cloud.databricks.com:8443', false],
    ['acme.cloud.databricks.com', 'https://acme.cloud.databricks.com.', false],
    ['acme.cloud.databricks.com', 'https://acme.cloud.databricks.com.evil.example', false],
    ['acme.cloud.databricks.com', 'https://xacme.cloud.databricks.com', false],
    ['acme-*.cloud.databricks.com', 'https://acme-prod.cloud.databricks.com', true],
    ['acme-*.cloud.databricks.com', 'https://acme-.cloud.databricks.com', true],
    ['acme-*.cloud.databricks.com', 'https://acme-prod.evil.cloud.databricks.com', false],
    ['acme-*.cloud.databricks.com', 'https://acme-evil.example', false],
    ['*.cloud.databricks.com', 'https://acme.cloud.databricks.com', true],
    ['*.cloud.databricks.com', 'https://a.b.cloud.databricks.com', true],
    ['*.cloud.databricks.com', 'https://cloud.databricks.com', false],
    ['*.cloud.databricks.com', 'https://evilcloud.databricks.com', false],
    ['adb-*.*.azuredatabricks.net', 'https://adb-1.7.azuredatabricks.net', true],
    ['adb-*.*.azuredatabricks.net', 'https://adb-1.7.8.azuredatabricks.net', false],
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4000', true],
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4001', false],
    ['*', 'http://127.0.0.1:4001', true],
  ])('%s and %s: %s', (pattern, origin, expected) => {
    expect(workspaceProblem(pattern)).toBeNull();
    expect(isWorkspace(pattern, origin)).toBe(expected);
  });

  it.each([
    '*.com',
    'acme.*',
    '*.*',
    'acme.cloud.databricks.*',
    'a**b.cloud.databricks.com',
    '**.databricks.com',
    'acme..databricks.com',
    '.databricks.com',
    'Acme.cloud.databricks.com',
    'bücher.databricks.com',
    'https://user@acme.databricks.com',
    'https://acme.databricks.com/sql',
    'https://acme.databricks.com?x',
    'ftp://acme.databricks.com',
    'https://',
    'acme.databricks.com:99999',
    '[::1]',
    'a b.databricks.com',
  ])('cannot be %s', (pattern) => {
    expect(workspaceProblem(pattern)).not.toBeNull();
  });

  it('never reaches beyond the labels it names, whatever the host is called', () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), (labels) => {
        const host = [...labels, 'example'].join('.');
        const isOne = labels.length === 1 && labels[0]?.startsWith('acme-');
        expect(isWorkspace('acme-*.cloud.databricks.com', `https://${host}`)).toBe(false);
        expect(isWorkspace('acme-*.cloud.databricks.com', `https://${labels.join('.')}.cloud.databricks.com`)).toBe(isOne === true);
      }),
    );
  });
});

describe('a glob of paths', () => {
  it.each([
    ['/usr/bin/python3', '/usr/bin/python3', true],
    ['/usr/bin/python*', '/usr/bin/python3.12', true],
    ['/usr/bin/*', '/usr/bin/x/python3', false],
    ['/usr/*/python3', '/usr/bin/python3', true],
    ['**/python3', '/a/b/c/python3', true],
    ['**/python3', '/a/b/c/xpython3', false],
    ['/opt/**', '/opt/a/b', true],
    ['/opt/**', '/option/a', false],
    ['/opt/**/bin/*', '/opt/bin/x', true],
    ['/opt/**/bin/*', '/opt/a/bin/b/bin/x', true],
    ['/opt/**/bin/*', '/opt/a/bin/b/x', false],
    ['**', '/anything/at all', true],
    ['/a*b*c', '/aXbYbZc', true],
    ['/a.c', '/abc', false],
    ['/a?c', '/abc', false],
    ['/[ab]', '/a', false],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(pathProblem(pattern)).toBeNull();
    expect(isPath(pattern, path)).toBe(expected);
  });

  it.each(['python3', '*/python3', 'usr/bin', '/usr/b**', '/usr/**x/y', '~/bin/python', 'C:\\python.exe'])('cannot be %s', (pattern) => {
    expect(pathProblem(pattern)).not.toBeNull();
  });

  it('may be of a group, which need not begin with a slash', () => {
    expect(groupProblem('ds-*')).toBeNull();
    expect(groupProblem('ds**')).not.toBeNull();
    expect([
      isPath('ds-*', 'ds-core'),
      isPath('ds-*', 'ds-core/x'),
      isPath('/eng/*', '/eng/data'),
      isPath('/eng/*', '/eng/data/x'),
    ]).toEqual([true, false, true, false]);
  });

  it('takes steps in the order of pattern times path, however it is written', () => {
    let looked = 0;
    const counting = (length: number) =>
      new Proxy(
        Array.from({ length }, () => 'a'),
        {
          get(list, key) {
            looked += 1;
            return Reflect.get(list, key);
          },
        },
      );
    const stars = `${'**/a/'.repeat(30)}b`;
    expect(pathGlob(stars)(counting(500))).toBe(false);
    expect(looked).toBeLessThan(stars.length * 500 * 2);
  });

  it('finds what a search through all ways to place the stars finds', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 6 }).map((list) => list.join('').replace(/\*+/g, '*'));
    const fits = (pattern: string, text: string): boolean => {
      if (pattern === '') return text === '';
      if (pattern.startsWith('*')) return fits(pattern.slice(1), text) || (text !== '' && fits(pattern, text.slice(1)));
      return text.startsWith(pattern.charAt(0)) && fits(pattern.slice(1), text.slice(1));
    };
    fc.assert(
      fc.property(letters, fc.stringMatching(/^[ab]{0,8}$/), (pattern, text) => {
        expect(isPath(`/${pattern}`, `/${text}`)).toBe(fits(pattern, text));
      }),
      { numRuns: 2_000 },
    );
  });
});
