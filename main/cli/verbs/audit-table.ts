/** `lakepass audit table`: prints what an administrator runs so that records can go into a table. It runs nothing and asks no agent. */
import type { Command } from 'commander';
import { dashboardOf } from '../../audit/dashboard.ts';
import { usualTable } from '../../audit/table.ts';
import { type TableOptions, tableStatements } from '../../audit/table-statements.ts';
import { reporting } from '../common.ts';
import { printJson, printLine } from '../report.ts';

interface Options extends Omit<TableOptions, 'table' | 'days'> {
  days: string;
  json?: boolean;
  dashboard?: boolean;
}

export function addAuditTable(audit: Command): void {
  audit
    .command('table')
    .description('print the SQL that makes a table for audit records: the table, the rights, a view without repetitions')
    .argument('[table]', 'catalog.schema.table; the schema is there', usualTable)
    .option('--writers <principal>', 'who writes: a group, or the application id of a service principal', 'lakepass-writers')
    .option('--readers <principal>', 'who reads', 'lakepass-readers')
    .option('--days <count>', 'how long records are kept', '365')
    .option('--dashboard', 'print the dashboard over that table instead, to be imported as a file .lvdash.json')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  lakepass audit table main.security.lakepass --readers "security team"')
    .action(reporting(print, (_, options) => options.json === true));
}

async function print(table: string, options: Options): Promise<void> {
  const { writers, readers, days } = options;
  const statements = tableStatements({ table, writers, readers, days: Number(days) });
  if (options.dashboard === true) return printJson(dashboardOf(table));
  if (options.json === true) return printJson({ statements });
  statements.forEach(({ what, sql, when }, at) => {
    if (what !== statements[at - 1]?.what)
      printLine(`${at === 0 ? '' : '\n'}-- ${when === 'once' ? '' : 'By hand, where it is wanted: '}${what}`);
    printLine(when === 'once' ? `${sql};` : `-- ${sql};`);
  });
}
