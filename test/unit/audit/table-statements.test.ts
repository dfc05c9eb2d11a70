/** What `lakepass audit table` prints: tried in the simulated workspace, and nothing hostile gets into it. */
import { describe, expect, it } from 'vitest';
import { columns } from '../../../main/audit/table.ts';
import { type TableOptions, tableStatements } from '../../../main/audit/table-statements.ts';

const options: TableOptions = { table: 'main.security.lakepass', writers: 'audit-writer', readers: 'security team', days: 365 };
const sqls = (change: Partial<TableOptions> = {}) => tableStatements({ ...options, ...change }).map(({ sql }) => sql);

describe('the statements', () => {
  it('make a table with a word on every column, clustered by columns that it has', () => {
    const [create = ''] = sqls();
    for (const { name, type } of columns)
      expect(create).toMatch(new RegExp(`^  ${name} ${escaped(type)}( NOT NULL)? COMMENT '[^'\\\\]+',?$`, 'm'));
    const [, by = ''] = /CLUSTER BY \(([\w, ]+)\)/.exec(create) ?? [];
    expect(by.split(', ').filter((name) => !columns.some((column) => column.name === name))).toEqual([]);
  });

  it('give whoever writes no more than it takes, and whoever reads the view alone', () => {
    expect(sqls().filter((sql) => sql.startsWith('GRANT'))).toEqual([
      'GRANT USE CATALOG ON CATALOG `main` TO `audit-writer`',
      'GRANT USE SCHEMA ON SCHEMA `main`.`security` TO `audit-writer`',
      'GRANT SELECT, MODIFY ON TABLE `main`.`security`.`lakepass` TO `audit-writer`',
      'GRANT USE CATALOG ON CATALOG `main` TO `security team`',
      'GRANT USE SCHEMA ON SCHEMA `main`.`security` TO `security team`',
      'GRANT SELECT ON VIEW `main`.`security`.`lakepass_once` TO `security team`',
    ]);
  });

  it('remove nothing but by hand, and only what is older than was asked for', () => {
    const all = tableStatements({ ...options, days: 30 });
    const once = all.filter(({ when }) => when === 'once').map(({ sql }) => sql);
    expect(once.filter((sql) => /^(DELETE|DROP|ALTER|TRUNCATE)/.test(sql))).toEqual([]);
    expect(all.filter(({ when }) => when === 'by hand').map(({ sql }) => sql)).toEqual([
      expect.stringContaining("'delta.appendOnly' = 'false'"),
      'DELETE FROM `main`.`security`.`lakepass` WHERE time < current_timestamp() - INTERVAL 30 DAYS',
      expect.stringContaining("'delta.appendOnly' = 'true'"),
    ]);
  });

  it('are one statement each', () => {
    for (const sql of sqls()) expect(sql.replace(/'[^']*'/g, '')).not.toContain(';');
  });
});

describe('a name', () => {
  it.each(['audit', 'a.b', 'a.b.c.d', 'a.b.`c`', 'a.b.c; DROP TABLE d', 'a.b.c\n'])('of a table is not %j', (table) => {
    expect(() => sqls({ table })).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', reason: 'table' }));
  });
  it.each(['', 'a`; DROP TABLE b; --', 'a\nb', 'x'.repeat(256)])('of a principal is not %j', (writers) => {
    expect(() => sqls({ writers })).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', reason: 'principal' }));
    expect(() => sqls({ readers: writers })).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', reason: 'principal' }));
  });
  it.each([0, -1, 1.5, Number.NaN])('and %j are no days', (days) => {
    expect(() => sqls({ days })).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', reason: 'days' }));
  });
});

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
