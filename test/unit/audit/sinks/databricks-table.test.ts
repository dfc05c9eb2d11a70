/** Records in a table of the simulated workspace, and what each refusal of a real one means. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../../../main/app-error.ts';
import { type Envelope, envelopeOf, envelopeSchema } from '../../../../main/audit/envelope.ts';
import type { AuditLog } from '../../../../main/audit/event.ts';
import { databricksTableSink, type RunOnWarehouse, type TableToken } from '../../../../main/audit/sinks/databricks-table.ts';
import { startShipper } from '../../../../main/audit/sinks/shipper.ts';
import type { NotSent, Sink } from '../../../../main/audit/sinks/sink.ts';
import { columns, insertInto } from '../../../../main/audit/table.ts';
import { tableStatements } from '../../../../main/audit/table-statements.ts';
import { createFederation } from '../../../../main/databricks/federation.ts';
import { runStatement } from '../../../../main/databricks/sql-statement.ts';
import { createTokens, type Tokens } from '../../../../main/databricks/tokens.ts';
import { auditSchema } from '../../../../main/profile/audit-settings.ts';
import { Secret } from '../../../../main/secret.ts';
import { seconds } from '../../../../main/units.ts';
import { type FakeClock, fakeClock } from '../../../fakes/fake-clock.ts';
import { createSqlStatements } from '../../../fixtures/workspace/sql-statements.ts';
import { createWarehouse } from '../../../fixtures/workspace/warehouse.ts';
import { scriptedNetwork } from '../../databricks/scripted-workspace.ts';
import { fakeSession, profileOf } from '../../databricks/setting.ts';
import { opened, served, temporaryFolder } from '../audit-folder.ts';
import { eventTypes, sampleRecord } from '../sample-records.ts';
import { stamp, waiting } from './shipping.ts';

const written = { profile: 'acme', warehouse: 'w1', table: 'main.default.audit' };
const settings = { ...written, to: 'main.default.audit (acme)' };
const HOST = 'https://acme.cloud.databricks.com';
const sample = (type: string, change = {}): Envelope => envelopeOf(sampleRecord(type, change), { hostId: 'd0c1', version: '1.2.3' });
const signedIn: TableToken = async () => ({ workspace: HOST, token: new Secret('tok-en') });
const over = (fetch: typeof globalThis.fetch, clock: FakeClock = fakeClock()) => ({
  ...{ clock, token: signedIn },
  run: ((request) => runStatement({ clock, fetch }, request)) satisfies RunOnWarehouse,
});
/** Numbers and lists in `details` are their JSON there. */
const inTheTable = ({ details, ...rest }: Envelope) => ({
  ...rest,
  ...(details === undefined
    ? {}
    : {
        details: Object.fromEntries(
          Object.entries(details).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
        ),
      }),
});
const signal = () => new AbortController().signal;
const reply = (status: number, body: unknown, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });

const options = { table: settings.table, writers: 'alice', readers: 'auditors', days: 365 };

/** The simulated workspace: an administrator makes the table as it is printed, alice writes. */
function workspace(whenOver: (close: () => Promise<void>) => void = onTestFinished) {
  const warehouse = createWarehouse();
  whenOver(() => warehouse.close());
  const sessions = { require: () => undefined } as never;
  const statements = createSqlStatements({ warehouse, warehouseId: 'w1', rowsPerChunk: 100, sessions, groupsOf: () => [] });
  const run = async (statement: string, user = 'admin'): Promise<(string | null)[][]> => {
    const outcome = await statements.outcome(statements.start(statement, user), user);
    if (!outcome?.ok) throw new Error(outcome?.message ?? 'cancelled');
    return outcome.rows;
  };
  const posts: Record<string, unknown>[] = [];
  const busy = { with: 0 };
  const fetch: typeof globalThis.fetch = async (url, init = {}) => {
    const { pathname } = new URL(String(url));
    if (pathname !== '/api/2.0/sql/statements' || init.method !== 'POST') throw new TypeError(`nothing is at ${pathname}`);
    const fields = JSON.parse(String(init.body)) as Record<string, unknown>;
    posts.push(fields);
    busy.with += 1;
    const { status, headers, body } = await statements.submit(fields, 'alice').finally(() => {
      busy.with -= 1;
    });
    return new Response(body, { status, headers });
  };
  const printed = (what: RegExp) => tableStatements(options).filter(({ sql }) => what.test(sql));
  return {
    ...{ run, fetch, posts },
    isBusy: () => busy.with > 0,
    async create() {
      for (const { sql } of printed(/^CREATE TABLE|TO `alice`$/)) await run(sql);
    },
    printed,
  };
}

describe('a batch in the table', () => {
  it('has every field of every kind of record', async () => {
    const { run, fetch, create } = workspace();
    await create();
    const sink = databricksTableSink('lake', settings, over(fetch));
    const batch = eventTypes.map((type) => sample(type));
    expect(await sink.send(batch, signal())).toEqual({ rejected: 0 });
    const rows = await run(`SELECT ${columns.map(({ name }) => name).join(', ')} FROM audit`);
    const back = rows.map((row) =>
      Object.fromEntries(
        row.flatMap((cell, index) => {
          if (cell === null) return [];
          const { name = '', type = '' } = columns[index] ?? {};
          return [[name, /^(STRUCT|MAP|ARRAY)/.test(type) ? JSON.parse(cell) : type === 'BIGINT' ? Number(cell) : cell]];
        }),
      ),
    );
    expect(back).toEqual(batch.map(inTheTable));
  });

  it('is one parameter, whatever it says', async () => {
    const { run, fetch, posts, create } = workspace();
    await create();
    const sink = databricksTableSink('lake', settings, over(fetch));
    const hostile = `'); DROP TABLE audit; --\\" :batch`;
    await sink.send([{ ...sample('agent.started'), reason: hostile }], signal());
    expect(await run('SELECT reason FROM audit')).toEqual([[hostile]]);
    expect(posts).toMatchObject([{ warehouse_id: 'w1', parameters: [{ name: 'batch', type: 'STRING' }] }]);
    expect(posts[0]?.['statement']).not.toContain('DROP');
  });

  it('that was sent twice has one event_uid', async () => {
    const { run, fetch, create } = workspace();
    await create();
    const sink = databricksTableSink('lake', settings, over(fetch));
    for (let n = 0; n < 2; n += 1) await sink.send([sample('agent.started')], signal());
    expect(await run('SELECT count(*), count(DISTINCT event_uid) FROM audit')).toEqual([['2', '1']]);
  });

  it('waits where the table is not there', async () => {
    const { fetch } = workspace();
    const sink = databricksTableSink('lake', settings, over(fetch));
    await expect(sink.send([sample('agent.started')], signal())).rejects.toMatchObject({ fault: 'rights', reason: 'table' });
  });

  it('waits where the table has not the columns of this version', async () => {
    const { run, fetch, printed } = workspace();
    for (const { sql } of printed(/^CREATE TABLE/)) await run(sql.replace(/ {2}request_id .*\n/, ''));
    for (const { sql } of printed(/TO `alice`$/)) await run(sql);
    const sink = databricksTableSink('lake', settings, over(fetch));
    await expect(sink.send([sample('agent.started')], signal())).rejects.toMatchObject({ fault: 'rights', reason: 'columns' });
  });

  it('needs each right that is printed for it, and no other', async () => {
    const { run, fetch, printed } = workspace();
    for (const { sql } of printed(/^CREATE TABLE/)) await run(sql);
    const sink = databricksTableSink('lake', settings, over(fetch));
    const grants = printed(/TO `alice`$/).map(({ sql }) => sql);
    expect(grants).toHaveLength(3);
    for (const sql of grants) {
      const error = await sink.send([sample('agent.started')], signal()).catch((thrown: NotSent) => thrown);
      expect(error).toMatchObject({ fault: 'rights', reason: 'permission' });
      await run(sql);
    }
    expect(await sink.send([sample('agent.started')], signal())).toEqual({ rejected: 0 });
  });
});

/** What came of it: rows that were added, or the SQLSTATE, or what the request was refused with. */
async function outcomeOf(fetch: typeof globalThis.fetch, fields: object): Promise<string> {
  const answer = await fetch(`${HOST}/api/2.0/sql/statements`, {
    method: 'POST',
    body: JSON.stringify({ warehouse_id: 'w1', ...fields }),
  }).catch((error: Error) => error);
  if (answer instanceof Error) return answer.name;
  const { status, result } = (await answer.json()) as {
    status: { state: string; sql_state?: string };
    result?: { data_array: string[][] };
  };
  return status.sql_state ?? result?.data_array[0]?.[0] ?? status.state;
}

describe('the simulated table', () => {
  const record = sample('agent.started');
  // One for all of these: each is a process.
  let close = async (): Promise<void> => undefined;
  const { run, fetch, create } = workspace((given) => {
    close = given;
  });
  beforeAll(create);
  afterAll(() => close());
  const rows = async (): Promise<number> => Number((await run('SELECT count(*) FROM audit'))[0]?.[0]);
  // Each as Spark 4.0 with Delta 4.0 did it.
  it.each<[string, string, string]>([
    ['is no JSON', '[{"seq": ', '22023'],
    ['is null', 'null', '22023'],
    ['is a record that stands alone', JSON.stringify(record), '1'],
    ['has a number in it', '[1]', '22023'],
    ['has a word for a number', JSON.stringify([{ ...record, seq: 'x' }]), '22023'],
    ['has half a number', JSON.stringify([{ ...record, seq: 1.5 }]), '22023'],
    ['has a list for a struct', JSON.stringify([{ ...record, chain: ['x'] }]), '22023'],
    ['has a moment that is none', JSON.stringify([{ ...record, time: 'x' }]), '22018'],
    ['has a field that nobody knows', JSON.stringify([{ ...record, zzz: 1 }]), '1'],
    ['has a number for a text', JSON.stringify([{ ...record, reason: 1 }]), '1'],
    ['is one record that is wrong, after one that is not', JSON.stringify([record, { ...record, seq: 'x' }]), '22023'],
  ])('does as Spark does with a batch that %s', async (_, value, expected) => {
    const before = await rows();
    const fields = { statement: insertInto(settings.table), parameters: [{ name: 'batch', type: 'STRING', value }] };
    expect(await outcomeOf(fetch, fields)).toBe(expected);
    expect(await rows()).toBe(before + (expected === '1' ? 1 : 0));
  });

  it.each<[string, (sql: string) => string, string]>([
    ['reads leniently', (sql) => sql.replace('FAILFAST', 'PERMISSIVE'), '42601'],
    ['has a moment as text', (sql) => sql.replace('CAST(time AS TIMESTAMP)', 'time'), '42K09'],
    ['has a column of another type', (sql) => sql.replace('seq: BIGINT', 'seq: STRING'), '42K09'],
    ['has a column that is not there', (sql) => sql.replace('(schema, event_uid', '(schema, event_id'), '42703'],
    ['has a value that is not there', (sql) => sql.replace('SELECT schema, event_uid', 'SELECT schema, event_id'), '42703'],
    ['leaves out a value', (sql) => sql.replace('SELECT schema, ', 'SELECT '), '42K09'],
    ['has a parameter that nobody gave', (sql) => sql.replace(':batch', ':other'), '42P02'],
    ['goes on with another', (sql) => `${sql}; DROP TABLE audit`, '42601'],
    ['has another table', (sql) => sql.replace('`audit`', '`other`'), '42P01'],
    ['has another catalog', (sql) => sql.replace('`main`', '`other`'), '42P01'],
  ])('refuses a statement that %s', async (_, change, expected) => {
    const before = await rows();
    const parameters = [{ name: 'batch', type: 'STRING', value: JSON.stringify([record]) }];
    expect(await outcomeOf(fetch, { statement: change(insertInto(settings.table)), parameters })).toBe(expected);
    expect(await rows()).toBe(before);
  });

  it.each<[string, object]>([
    ['a field that nobody knows', { statement: 'SELECT 1', warehouse: 'w1' }],
    ['another warehouse', { statement: 'SELECT 1', warehouse_id: 'w2' }],
    ['a parameter with more than there is', { statement: 'SELECT :a', parameters: [{ name: 'a', value: '1', kind: 'x' }] }],
    [
      'a parameter twice',
      {
        statement: 'SELECT :a',
        parameters: [
          { name: 'a', value: '1' },
          { name: 'a', value: '2' },
        ],
      },
    ],
    ['a value that is no text', { statement: 'SELECT :a', parameters: [{ name: 'a', value: 1 }] }],
  ])('refuses a request with %s', async (_, fields) => {
    expect(await outcomeOf(fetch, fields)).toBe('Refusal');
  });
});

describe('the columns', () => {
  it('are the fields of the envelope, in its order', () => {
    expect(columns.map(({ name }) => name)).toEqual(Object.keys(envelopeSchema.shape));
    expect(Object.fromEntries(columns.map(({ name, type }) => [name, type]))).toMatchObject({
      ...{ event_uid: 'STRING', seq: 'BIGINT', time: 'TIMESTAMP', details: 'MAP<STRING, STRING>' },
      ...{ chain: 'STRUCT<prev: STRING, hash: STRING>', checkpoint: 'STRUCT<size: BIGINT, root: STRING, note: STRING>' },
      auth: expect.stringContaining('amr: ARRAY<STRING>'),
    });
    expect(columns.find(({ name }) => name === 'auth')?.type).toContain('user_verified: BOOLEAN');
  });
});

/** Answers in order; whatever is asked beyond them is a mistake of the test. */
function answering(...answers: Response[]) {
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (url, init = {}) => {
    asked.push(`${init.method ?? 'GET'} ${new URL(String(url)).pathname}`);
    const next = answers.shift();
    if (next === undefined) throw new TypeError('nothing more is answered here');
    return next;
  };
  return { fetch, asked };
}

describe('an answer', () => {
  const failed = (error: object) => reply(200, { statement_id: 's-1', status: { state: 'FAILED', ...error } });
  const inWords = (message: string) => failed({ error: { error_code: 'BAD_REQUEST', message } });
  const answered = (...answers: Response[]): Promise<NotSent> =>
    databricksTableSink('lake', settings, over(answering(...answers).fetch))
      .send([sample('agent.started')], signal())
      .then(
        () => {
          throw new Error('it was sent');
        },
        (error: NotSent) => error,
      );

  it.each<[string, Response, NotSent['fault'], string, string]>([
    ['a warehouse that may not be used', reply(403, { error_code: 'PERMISSION_DENIED' }), 'rights', 'permission', 'CAN USE'],
    ['a warehouse that is not there', reply(400, { error_code: 'INVALID_PARAMETER_VALUE' }), 'rights', 'warehouse', 'no SQL warehouse w1'],
    ['a right that is missing', failed({ sql_state: '42501' }), 'rights', 'permission', 'SELECT, MODIFY ON TABLE `main`.`default`.`audit`'],
    [
      'a right that is missing, in words',
      inWords('[X] no. SQLSTATE: 42501'),
      'rights',
      'permission',
      'USE SCHEMA ON SCHEMA `main`.`default`',
    ],
    ['a right that is missing, by its code', failed({ error: { error_code: 'PERMISSION_DENIED' } }), 'rights', 'permission', 'USE CATALOG'],
    ['a table that is missing', failed({ sql_state: '42P01' }), 'rights', 'table', '`main`.`default`.`audit`'],
    ['a schema that is missing', failed({ sql_state: '42704' }), 'rights', 'table', 'lakepass audit table main.default.audit'],
    ['a column that is missing', failed({ sql_state: '42703' }), 'rights', 'columns', 'has not the columns'],
    ['a record that cannot be read', failed({ sql_state: '22023' }), 'records', 'form', ''],
    ['a statement that failed otherwise', failed({ error: { error_code: 'INTERNAL_ERROR' } }), 'way', 'statement', ''],
    ['a state that is none', failed({ sql_state: '42501; x', error: { message: 'SQLSTATE: 42501' } }), 'way', 'statement', ''],
    ['a statement that somebody cancelled', reply(200, { statement_id: 's-1', status: { state: 'CANCELED' } }), 'way', 'statement', ''],
    ['a statement that was closed', reply(200, { statement_id: 's-1', status: { state: 'CLOSED' } }), 'way', 'statement', ''],
    ['a state that nobody knows', reply(200, { statement_id: 's-1', status: { state: 'SUCCEEDED!' } }), 'way', 'statement', ''],
    ['an answer of somebody else', reply(200, { ok: true }), 'way', 'line', ''],
    ['a redirect', new Response(null, { status: 307, headers: { location: 'https://evil.example' } }), 'way', 'line', ''],
    ['a token that is not accepted', reply(401, {}), 'way', 'token', ''],
  ])('%s', async (_, answer, fault, reason, words) => {
    const error = await answered(answer);
    expect(error).toMatchObject({ fault, reason });
    expect(error.detail ?? '').toContain(words);
    expect(JSON.stringify([error.message, error.toFailure()])).not.toMatch(/tok-en|evil/);
  });

  it('that it is busy is heeded for as long as it says', async () => {
    expect(await answered(reply(429, {}, { 'retry-after': '120' }))).toMatchObject({ fault: 'way', retryAfter: 120_000 });
    expect(await answered(reply(503, {}, { 'retry-after': '60' }))).toMatchObject({ fault: 'way', retryAfter: 60_000 });
  });

  it('that does not come in time ends what was begun', async () => {
    const clock = fakeClock();
    const pending = () => reply(200, { statement_id: 's-1', status: { state: 'PENDING' } });
    const { fetch, asked } = answering(...Array.from({ length: 8 }, pending), reply(200, {}));
    const error = databricksTableSink('lake', settings, over(fetch, clock))
      .send([sample('agent.started')], signal())
      .catch((thrown: NotSent) => thrown);
    await clock.advance(30_000);
    expect(await error).toMatchObject({ fault: 'way', reason: 'statement' });
    expect(asked.at(-1)).toBe('POST /api/2.0/sql/statements/s-1/cancel');
  });
});

describe('the table of the configuration', () => {
  it.each(['audit', 'a.b', 'a.b.c.d', 'a.b.`c`', 'a.b.c; DROP TABLE d', "a.b.c'", 'a.b.c d', 'a..c', 'a.b.c\n'])('is not %j', (table) => {
    expect(auditSchema.safeParse({ sinks: [{ name: 'lake', databricks: { ...written, table } }] }).success).toBe(false);
  });
  it('is in three parts', () => {
    expect(auditSchema.safeParse({ sinks: [{ name: 'lake', databricks: written }] }).success).toBe(true);
  });
  it('stands alone: a sink is one thing', () => {
    expect(auditSchema.safeParse({ sinks: [{ name: 'lake', databricks: written, folder: '/tmp/lake' }] }).success).toBe(false);
  });
});

/** A log and a sink over it, as the agent puts them together. */
async function shippingTo(isBusy: () => boolean, make: (setting: { audit: AuditLog; clock: FakeClock }) => Sink) {
  const { log: audit, folder, clock } = await opened();
  const said: string[] = [];
  const cursorFile = path.join(temporaryFolder(), 'lake.json');
  const shipper = await startShipper({
    ...{ sink: make({ audit, clock }), folder, cursorFile, audit, clock, random: randomBytes, stamp },
    ...{
      device: () => ({ hostId: 'd0c1', version: '1.2.3' }),
      log: (event, fields = {}) => void said.push(JSON.stringify({ event, fields })),
    },
  });
  onTestFinished(async () => {
    await Promise.all([shipper.close(), clock.advance(10_000)]);
  });
  const left = (): string =>
    JSON.stringify([shipper.view(), shipper.problem(), shipper.lastSent(), said, readFileSync(cursorFile, 'utf8')]);
  // No time passes while the warehouse works: it keeps time by another clock.
  const until = waiting({ ...clock, advance: (by) => clock.advance(isBusy() ? 0 : by) });
  return { audit, clock, shipper, until, left };
}

it('gathers what comes within a minute into one statement, and sends a checkpoint at once', async () => {
  const { fetch, posts, create, isBusy } = workspace();
  await create();
  const { audit, clock, shipper, until } = await shippingTo(isBusy, (setting) =>
    databricksTableSink('lake', settings, over(fetch, setting.clock)),
  );
  for (let n = 1; n <= 5; n += 1) {
    audit.append(served(n));
    await clock.advance(10_000);
  }
  expect(posts).toHaveLength(0);
  await until(() => shipper.view().waiting === 0);
  expect(posts).toHaveLength(1);
  audit.append({ type: 'audit.checkpoint', size: 5, root: 'r', note: 'n', why: 'time' });
  await until(() => shipper.view().waiting === 0, 1);
  expect(posts).toHaveLength(2);
});

describe('a right that is missing', () => {
  it('is told at once and tried rarely, until it is there', async () => {
    const { run, fetch, posts, printed, isBusy } = workspace();
    for (const { sql } of printed(/^CREATE TABLE/)) await run(sql);
    const { audit, clock, shipper, until } = await shippingTo(isBusy, (setting) =>
      databricksTableSink('lake', settings, over(fetch, setting.clock)),
    );
    audit.append(served(1));
    await until(() => shipper.problem() !== null);
    expect([posts.length, shipper.problem()]).toMatchObject([
      1,
      { code: 'AUDIT_SINK_REFUSED', reason: 'permission', nextStep: 'ask-admin' },
    ]);
    audit.append(served(2));
    await clock.advance(14 * 60_000);
    expect(posts).toHaveLength(1);
    for (const { sql } of printed(/TO `alice`$/)) await run(sql);
    await until(() => shipper.view().waiting === 0);
    expect([posts.length, shipper.problem(), await run('SELECT seq FROM audit ORDER BY seq')]).toEqual([2, null, [['1'], ['2']]]);
  });
});

/** The tokens of a profile, as the agent makes them: each that is minted is a record of the same log. */
function sqlTokens(audit: AuditLog, clock: FakeClock) {
  const network = scriptedNetwork(clock);
  const acme = network.workspace(HOST);
  network.workspace('https://beta.cloud.databricks.com');
  const session = fakeSession(clock, seconds(3600));
  const profile = profileOf();
  const log = () => undefined;
  const groups = () => session.groups;
  const source = createFederation({ profile, clock, log, fetch: network.fetch, subjectToken: session.subjectToken, groups });
  const parts = { profile, clock, audit, log, source, random: randomBytes, subject: () => session.subject };
  return { tokens: createTokens({ ...parts, signedInAt: () => session.signedInAt }), session, minted: () => acme.exchanges.length };
}

const tokenOf =
  ({ tokens }: { tokens: Tokens }): TableToken =>
  async (_, deadline) => ({ workspace: HOST, token: (await tokens.get({ workspace: HOST, scopes: ['sql'], deadline })).token });

describe('an idle agent', () => {
  it('sends nothing and mints nothing, once the record of its own token has gone', async () => {
    const { run, fetch, posts, create, isBusy } = workspace();
    await create();
    let minted = () => 0;
    const { audit, clock, shipper, until, left } = await shippingTo(isBusy, (setting) => {
      const made = sqlTokens(setting.audit, setting.clock);
      minted = made.minted;
      return databricksTableSink('lake', settings, { ...over(fetch, setting.clock), token: tokenOf(made) });
    });
    audit.append(served(1));
    await until(() => shipper.view().waiting === 0 && shipper.view().lastSeq === 2);
    const before = posts.length;
    for (let hour = 0; hour < 6; hour += 1) await clock.advance(3_600_000);
    expect([posts.length, minted(), audit.head().seq]).toEqual([before, 1, 2]);
    expect(await run('SELECT event_type FROM audit ORDER BY seq')).toEqual([['token.served-again'], ['token.minted']]);
    expect(left()).not.toMatch(/minted-\d|eyJ/);
  });

  it('asks for a token that it cannot have four times an hour, for each time is a record', async () => {
    const { fetch, isBusy } = workspace();
    const { audit, clock, shipper, until } = await shippingTo(isBusy, (setting) => {
      const { tokens, session } = sqlTokens(setting.audit, setting.clock);
      session.failure = new AppError('ISSUER_UNREACHABLE');
      return databricksTableSink('lake', settings, { ...over(fetch, setting.clock), token: tokenOf({ tokens }) });
    });
    const began = clock.now();
    audit.append(served(1));
    await until(() => audit.head().seq === 5, 30_000);
    expect(clock.now() - began).toBeGreaterThanOrEqual(45 * 60_000);
    expect(shipper.view()).toMatchObject({ lastSeq: null, problem: { reason: 'token' } });
  });
});
