/** What an administrator runs once so that records can go into a table: the table, the least rights, a view without repetitions. */
import { AppError } from '../app-error.ts';
import type { Envelope } from './envelope.ts';
import { columns, quoted, tableNameForm } from './table.ts';

/** What each column is. The compiler keeps it whole. */
const comments: Readonly<Record<keyof Envelope, string>> = {
  schema: 'Form of the record',
  event_uid: 'Id of the record, a UUIDv7; what was sent twice has the same',
  seq: 'Number in the log of the device: one more in each record, so that a gap shows',
  time: 'When it happened, by the clock of the device',
  host_id: 'Id that the device made for itself; no name of a machine',
  app_version: 'Version of Lakepass that sent it',
  event_type: 'What happened: docs/audit-events.md has all',
  action: 'The same in few words',
  status: 'success, error, denied or info',
  error_code: 'Code of the refusal or failure',
  reason: 'Which rule of the code',
  count: 'How many of the kind the record stands for',
  latency_ms: 'How long it took, in milliseconds',
  request_id: 'One of ours for each token that is asked for at Databricks',
  actor: 'Who: sub and issuer as in the ID token',
  client: 'Which program, by the name of its file',
  target: 'What it was about: workspace, scopes, grant, key',
  decision: 'How it was decided and approved, by which policy',
  auth: 'How the sign-in was proven',
  token: 'Part of a hash of the token, its end; opens nothing',
  checkpoint: 'Signed statement of the device over its whole log until then',
  details: 'What only this kind of event says; numbers and lists as JSON',
  chain: 'Hash of the record before, and of this one',
};

export interface TableOptions {
  /** catalog.schema.table */
  table: string;
  /** Group, person or application id of a service principal. */
  writers: string;
  readers: string;
  /** After so many days records are removed. */
  days: number;
}

export interface TableStatement {
  /** For people. */
  what: string;
  sql: string;
  /** `once`: before the first record. `by hand`: only where it is wanted, again and again. */
  when: 'once' | 'by hand';
}

/** Name of the view without repetitions. */
export const viewOf = (table: string): string => `${table}_once`;

/**
 * The statements in their order, without semicolons.
 *
 * @throws AppError INPUT_INVALID (reason `table` | `principal` | `days`)
 */
export function tableStatements({ table, writers, readers, days }: TableOptions): TableStatement[] {
  // check: audit-table-name
  if (!tableNameForm.test(table))
    throw new AppError('INPUT_INVALID', { reason: 'table', detail: 'Write catalog.schema.table, of letters, digits, _ and -.' });
  // end check
  if (!Number.isSafeInteger(days) || days < 1) throw new AppError('INPUT_INVALID', { reason: 'days', detail: 'Write a number of days.' });
  const [catalog = '', schema = ''] = table.split('.');
  const place = `${catalog}.${schema}`;
  const [write, read] = [principal(writers), principal(readers)];
  const grant = (what: string, on: string, to: string): TableStatement => ({
    ...{ what: to === write ? 'Who writes' : 'Who reads: the view alone', sql: `GRANT ${what} ON ${on} TO ${to}`, when: 'once' },
  });
  return [
    { what: 'The table', sql: createTable(table), when: 'once' },
    { what: 'The same without what was sent twice', sql: createView(table), when: 'once' },
    grant('USE CATALOG', `CATALOG ${quoted(catalog)}`, write),
    grant('USE SCHEMA', `SCHEMA ${quoted(place)}`, write),
    {
      // Databricks documents SELECT as needed beside any right to write.
      ...grant('SELECT, MODIFY', `TABLE ${quoted(table)}`, write),
      what: 'Who writes can so read and change, too; where the workspace has the right INSERT (a beta), it does in the place of MODIFY',
    },
    grant('USE CATALOG', `CATALOG ${quoted(catalog)}`, read),
    grant('USE SCHEMA', `SCHEMA ${quoted(place)}`, read),
    grant('SELECT', `VIEW ${quoted(viewOf(table))}`, read),
    byHand('let rows be removed', `ALTER TABLE ${quoted(table)} SET TBLPROPERTIES ('delta.appendOnly' = 'false')`),
    byHand(
      `Removes what is older than ${days} days`,
      `DELETE FROM ${quoted(table)} WHERE time < current_timestamp() - INTERVAL ${days} DAYS`,
    ),
    byHand('let no row be removed again', `ALTER TABLE ${quoted(table)} SET TBLPROPERTIES ('delta.appendOnly' = 'true')`),
  ];
}

const byHand = (what: string, sql: string): TableStatement => ({ what, sql, when: 'by hand' });

/** Unity Catalog takes any name between backticks. */
function principal(name: string): string {
  // check: audit-table-principal
  if (!/^[^`\p{C}]{1,255}$/u.test(name))
    throw new AppError('INPUT_INVALID', {
      reason: 'principal',
      detail: 'Write a group, a person or an application id, without backticks.',
    });
  // end check
  return `\`${name}\``;
}

const required: ReadonlySet<keyof Envelope> = new Set(['schema', 'event_uid', 'seq', 'time', 'host_id', 'event_type', 'status', 'chain']);

/** Clustered by what is asked for most. Append-only keeps from accidents, not from those who may change properties. */
function createTable(table: string): string {
  const shapes = columns.map(({ name, type }) => {
    const need = required.has(name as keyof Envelope) ? ' NOT NULL' : '';
    return `  ${name} ${type}${need} COMMENT '${comments[name as keyof Envelope]}'`;
  });
  return [
    `CREATE TABLE IF NOT EXISTS ${quoted(table)} (`,
    shapes.join(',\n'),
    ')',
    'USING DELTA',
    'CLUSTER BY (time, event_type)',
    `COMMENT 'Audit records of Lakepass; one may stand here twice, with the same event_uid'`,
    `TBLPROPERTIES ('delta.appendOnly' = 'true')`,
  ].join('\n');
}

/**
 * One row for each record. Of two that share an id and differ in their hash both stay: one of them was not written by the device.
 */
function createView(table: string): string {
  const names = columns.map(({ name }) => name).join(', ');
  return [
    `CREATE OR REPLACE VIEW ${quoted(viewOf(table))} AS`,
    `SELECT ${names}`,
    `FROM (SELECT *, row_number() OVER (PARTITION BY event_uid, chain.hash ORDER BY time) AS copy FROM ${quoted(table)})`,
    'WHERE copy = 1',
  ].join('\n');
}
