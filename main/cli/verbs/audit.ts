/** `lakepass audit`: reads and verifies the log. Neither needs an agent: the files are enough. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../../app-error.ts';
import { readAudit } from '../../audit/read.ts';
import { noteTexts, problemPlace, problemTexts, verifyAudit } from '../../audit/verify.ts';
import { placesOf, reporting } from '../common.ts';
import { exitCodes, printJson, printLine } from '../report.ts';

interface Options {
  home?: string;
  json?: boolean;
  limit?: string;
}

export function addAudit(program: Command): void {
  const audit = program.command('audit').description('read and verify the audit log');
  offline(audit.command('tail', { isDefault: true }).description('the newest records'), 'lakepass audit --limit 20')
    .option('--limit <count>', 'how many records', '50')
    .action(reporting(tail, (options) => options.json === true));
  offline(
    audit
      .command('verify')
      .description('check the hash chain of a file or a folder')
      .argument('[file]', 'a segment or a folder; your own log without it'),
    'lakepass audit verify ./audit',
  ).action(reporting(verify, (_, options) => options.json === true));
}

const offline = (verb: Command, example: string): Command =>
  verb
    .option('--home <dir>', 'the folder that holds everything', process.env['LAKEPASS_HOME'])
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExample:\n  ${example}`);

const folderOf = (options: Options): string => join(placesOf(options).state, 'audit');

async function tail(options: Options): Promise<void> {
  const { records, damaged } = await readAudit(folderOf(options), { limit: Number(options.limit) });
  if (options.json === true) return printJson({ records, damaged });
  for (const { at, type, seq, ...fields } of records) {
    const { id: _id, prev: _prev, hash: _hash, ...said } = fields as Record<string, unknown>;
    const words = Object.entries(said).map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : String(value)}`);
    printLine(`${at}  ${seq}  ${type}  ${words.join(' ')}`);
  }
  if (damaged > 0) printLine(`${damaged} damaged lines were passed over; \`lakepass audit verify\` says where.`);
}

async function verify(file: string | undefined, options: Options): Promise<void> {
  const verdict = await verifyAudit(file ?? folderOf(options));
  if (!verdict.ok) process.exitCode = exitCodes.failed;
  if (options.json === true) return printJson(verdict);
  for (const found of verdict.problems) printLine(`${problemPlace(found)}  ${problemTexts[found.problem]}`);
  for (const found of verdict.notes) printLine(`${problemPlace(found)}  note: ${noteTexts[found.note]}`);
  if (!verdict.ok) throw new AppError('AUDIT_BROKEN', { detail: `${verdict.records} records were read.` });
  printLine(`${verdict.records} records, the chain holds. What was cut off at the end cannot be seen from the file alone.`);
}
