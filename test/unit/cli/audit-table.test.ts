/** `lakepass audit table`: what it prints is what can be run, line by line or as JSON. */
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { dashboardOf } from '../../../main/audit/dashboard.ts';
import { type TableStatement, tableStatements } from '../../../main/audit/table-statements.ts';
import { addAuditTable } from '../../../main/cli/verbs/audit-table.ts';
import { reading } from './stand-in-streams.ts';

const said = (...words: string[]): Promise<string> =>
  reading(() => {
    const audit = new Command('audit').exitOverride();
    addAuditTable(audit);
    return audit.parseAsync(['table', ...words], { from: 'user' });
  });

it('prints SQL in which everything that removes rows is a comment', async () => {
  const text = await said('main.security.lakepass', '--readers', 'security team', '--days', '30');
  const runs = text
    .split('\n')
    .filter((line) => !line.startsWith('--'))
    .join('\n')
    .split(';\n')
    .flatMap((sql) => sql.trim() || []);
  const options = { table: 'main.security.lakepass', writers: 'lakepass-writers', readers: 'security team', days: 30 };
  const expected = tableStatements(options).filter(({ when }) => when === 'once');
  // A comment of a column may hold a semicolon, but never at the end of a line.
  expect(runs).toEqual(expected.map(({ sql }) => sql));
  expect(text).toContain('-- DELETE FROM `main`.`security`.`lakepass` WHERE time < current_timestamp() - INTERVAL 30 DAYS;');
});

it('prints the same as JSON', async () => {
  const { statements } = JSON.parse(await said('--json')) as { statements: TableStatement[] };
  expect(statements).toEqual(
    tableStatements({ table: 'main.lakepass.audit', writers: 'lakepass-writers', readers: 'lakepass-readers', days: 365 }),
  );
});

it('says what is wrong with a name, and prints no SQL', async () => {
  const before = process.exitCode;
  const text = await said('a.b.c; DROP TABLE d', '--json');
  expect([JSON.parse(text), process.exitCode]).toMatchObject([{ failure: { code: 'INPUT_INVALID', reason: 'table' } }, 2]);
  process.exitCode = before;
});

it('prints the dashboard over the table that is named, and none over a name that is none', async () => {
  const text = await said('main.security.lakepass', '--dashboard');
  expect(JSON.parse(text)).toEqual(dashboardOf('main.security.lakepass'));
  expect(text).not.toContain('`main`.`lakepass`');
  const before = process.exitCode;
  expect(await said('a.b.c` UNION SELECT', '--dashboard', '--json')).toContain('INPUT_INVALID');
  process.exitCode = before;
});
