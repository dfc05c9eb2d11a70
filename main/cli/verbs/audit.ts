/**
 * `lakepass audit`: reads and verifies the log. Neither needs an agent: the files are enough. Only the running agent says its key, and what
 * it has sent away.
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import { type SentView, sentViewSchema } from '../../../preload/contract/audit.ts';
import { logKeySchema } from '../../../preload/contract/control.ts';
import { AppError } from '../../app-error.ts';
import { readAudit } from '../../audit/read.ts';
import { verifyAudit } from '../../audit/verify.ts';
import { noteTexts, problemPlace, problemTexts, proofOf } from '../../audit/verify-words.ts';
import { type CommonOptions, optionsFirst, placesOf, reachAgent, reporting, withCommon } from '../common.ts';
import { ownKeys, readKept, readKeys } from '../log-keys.ts';
import { exitCodes, failureLine, printJson, printLine } from '../report.ts';
import { addAuditTable } from './audit-table.ts';
import { momentOf } from './status.ts';

interface Options {
  home?: string;
  json?: boolean;
  limit?: string;
  key?: string[];
  checkpoints?: string;
}

export function addAudit(program: Command): void {
  const audit = program.command('audit').description('read and verify the audit log');
  offline(audit.command('tail', { isDefault: true }).description('the newest records'), 'lakepass audit --limit 20')
    .option('--limit <count>', 'how many records', '50')
    .action(reporting(tail, (options) => options.json === true));
  offline(
    audit
      .command('verify')
      .description('check the chain and the checkpoints of a log, and say what that proves')
      .argument('[file]', 'a segment or a folder; your own log without it')
      .option(
        '--key <key...>',
        'public key of the device, as `audit key` prints it, or a file that holds it; several where there was a reset',
      )
      .option('--checkpoints <file>', 'checkpoints that were kept elsewhere: signed notes, or JSON lines as they were sent'),
    'lakepass audit verify ./audit --key device.pem --checkpoints collected.jsonl',
  ).action(reporting(verify, (_, options) => options.json === true));
  withCommon(
    audit.command('key').description('print the public key that checkpoints are verified with, to be noted elsewhere'),
    'lakepass audit key > device.pem',
  ).action(optionsFirst(key));
  withCommon(
    audit.command('sinks').description('where records are sent to, how far behind each sink is, and what was really sent'),
    'lakepass audit sinks --last',
  )
    .option('--last', 'the last record of each, field by field')
    .action(optionsFirst(sinks));
  addAuditTable(audit);
}

/** A file of nothing but newlines has a problem in each, and would take all memory before a word of it is said. */
const MOST_LISTED = 10_000;

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
  const given = options.key === undefined ? null : (await Promise.all(options.key.map(readKeys))).flat();
  // Of one's own log the agent that seals it says the key. After a reset it is another one than before.
  const own = given === null && file === undefined ? await ownKeys(options) : null;
  const keys = given ?? own;
  const kept = options.checkpoints === undefined ? null : await readKept(options.checkpoints);
  const verdict = await verifyAudit(file ?? folderOf(options), {
    mostListed: MOST_LISTED,
    ...(keys === null ? {} : { keys }),
    ...(own === null ? {} : { earlierKeys: 'noted' }),
    ...(kept === null ? {} : { kept }),
  });
  const { proven, cannotProve } = proofOf(verdict);
  if (!verdict.ok) process.exitCode = exitCodes.failed;
  if (options.json === true) return printJson({ ...verdict, proven, cannotProve });
  for (const found of verdict.problems) printLine(`${problemPlace(found)}  ${problemTexts[found.problem]}`);
  for (const found of verdict.notes) printLine(`${problemPlace(found)}  note: ${noteTexts[found.note]}`);
  if (verdict.unlisted > 0) printLine(`and ${verdict.unlisted} more.`);
  list('Proven:', proven);
  list('Cannot be proven:', cannotProve);
  if (!verdict.ok) throw new AppError('AUDIT_BROKEN', { detail: `${verdict.records} records were read.` });
}

function list(heading: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  printLine(heading);
  for (const line of lines) printLine(`  ${line}`);
}

async function key(options: CommonOptions): Promise<void> {
  const said = await (await reachAgent(options)).get('/v1/audit/key', logKeySchema);
  if (options.json === true) return printJson(said);
  printLine(said.verifier);
  process.stdout.write(said.pem);
}

async function sinks(options: CommonOptions & { last?: boolean }): Promise<void> {
  const view = await (await reachAgent(options)).get('/v1/audit/sent', sentViewSchema);
  if (options.json === true) return printJson(view);
  for (const line of sentLines(view, options.last === true)) printLine(line);
}

const kinds: Readonly<Record<SentView['sinks'][number]['kind'], string>> = {
  otlp: 'an OpenTelemetry collector',
  folder: 'a folder',
  databricks: 'a Databricks table',
};

/** Each sink as people read it. @param isWhole with every field of the last record */
export function sentLines({ sinks: all, traces }: SentView, isWhole: boolean): string[] {
  if (all.length === 0 && traces === null) return ['No sink and no traces are in use: no record of the audit log is sent.'];
  const ofSinks = all.flatMap(
    ({ name, kind, to, lastSentAt, waiting, waitingBytes, mostBytes, mostDays, pseudonymized, problem, last }) => [
      `${name}  ${kinds[kind]}, ${to}`,
      `  last sent  ${lastSentAt === null ? 'nothing yet' : momentOf(lastSentAt)}`,
      `  waiting    ${waiting === 0 ? 'nothing' : `${waiting}, ${waitingBytes} bytes`}; up to ${mostBytes} bytes may, for ${mostDays} days`,
      `  people     ${pseudonymized ? 'as words that say nothing to anybody else' : 'under their user names'}`,
      ...(problem === null ? [] : [`  ! ${failureLine(problem)}`]),
      ...(isWhole ? lastLines(last, lastSentAt) : []),
    ],
  );
  if (traces === null) return ofSinks;
  return [
    ...ofSinks,
    `traces  how long sign-ins and requests for tokens took, ${traces.to}`,
    `  last sent  ${traces.lastSentAt === null ? 'nothing yet' : momentOf(traces.lastSentAt)}`,
    ...(isWhole ? lastLines(traces.last, traces.lastSentAt) : []),
  ];
}

function lastLines(last: SentView['sinks'][number]['last'], lastSentAt: string | null): string[] {
  if (last === null) return lastSentAt === null ? [] : ['  The agent was started since; what it sent before is not kept.'];
  const width = Math.max(...last.map(({ name }) => name.length));
  return last.map(({ name, means, value }) => `    ${name.padEnd(width)}  ${String(value)}${means === '' ? '' : `  (${means})`}`);
}
