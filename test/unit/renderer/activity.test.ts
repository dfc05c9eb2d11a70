/** What the activity screen says of the log: a sentence for every event, days, filters, charts in words. */
import { describe, expect, it } from 'vitest';
import { eventShapes } from '../../../main/audit/fields.ts';
import { controlRoutes } from '../../../main/control/routes.ts';
import { type ActivityRecord, type ActivitySummary, activityQuerySchema } from '../../../preload/contract/activity.ts';
import { middleOf, panelsOf, pointsOf, tableOf } from '../../../renderer/activity/chart-data.ts';
import { nameOfProgram, nameOfWorkspace, sentenceOf } from '../../../renderer/activity/record-words.ts';
import { daysOf, isFiltered, noFilter, queryOf, withKind } from '../../../renderer/activity/timeline.ts';
import { texts } from '../../../renderer/texts.ts';

/** A value of each kind of field. */
const samples = { text: 'something', 'text?': 'something', 'text-or-null': null, number: 7, texts: ['sql', 'files'] } as const;
const fieldsOf = (shape: Readonly<Record<string, keyof typeof samples>>): ActivityRecord['fields'] =>
  Object.fromEntries(
    Object.entries(shape).map(([name, kind]) => {
      const value = samples[kind];
      return [name, typeof value === 'object' && value !== null ? [...value] : value];
    }),
  );

describe('a record as a sentence', () => {
  it('is known for every event that the log can hold, and for no other', () => {
    expect(Object.keys(texts.activity.events).sort()).toEqual(Object.keys(eventShapes).sort());
  });

  it.each(Object.entries(eventShapes))('reads as one, with its fields and without: %s', (type, shape) => {
    for (const fields of [fieldsOf(shape), {}]) {
      const sentence = sentenceOf({ type, fields });
      expect(sentence).toMatch(/^(\p{Lu}|something|none).*\.$/u);
      expect(sentence).not.toMatch(/undefined|null|\[object|NaN| {2}|\.\./);
    }
  });

  it('calls an event it does not know by its name', () => {
    expect(sentenceOf({ type: 'later.event', fields: {} })).toContain('later.event');
    expect(sentenceOf({ type: 'constructor', fields: {} })).toContain('constructor');
  });

  it('names programs and workspaces as people do', () => {
    const fields = {
      caller: '/usr/bin/python3.12',
      callerKind: 'program',
      workspace: 'https://acme.cloud.databricks.com',
      scopes: ['sql', 'files'],
    };
    expect(sentenceOf({ type: 'token.served', fields })).toBe('python3.12 got a token for acme.cloud.databricks.com: sql and files.');
    expect(nameOfProgram('C:\\Program Files\\Python\\python.exe')).toBe('python.exe');
    expect(nameOfProgram('')).toBe('');
    expect(nameOfWorkspace('http://127.0.0.1:8080/')).toBe('127.0.0.1:8080');
  });

  it('says which AI agent was behind a program', () => {
    const fields = { caller: '/usr/bin/curl', callerKind: 'ai-agent', aiAgent: 'claude', count: 3 };
    expect(sentenceOf({ type: 'token.refused', fields })).toBe('curl (for the AI agent claude) was refused a token, 3 times.');
    expect(sentenceOf({ type: 'token.refused', fields: { ...fields, aiAgent: '' } })).toContain('curl (an AI agent)');
  });

  it('says what came to nothing of every command that a program can give', () => {
    const verbs = controlRoutes({} as never).map(({ path }) => path);
    const said = verbs.map((verb) => sentenceOf({ type: 'control.refused', fields: { verb, caller: '/usr/bin/node', count: 1 } }));
    const unknown = sentenceOf({ type: 'control.refused', fields: { verb: 'unknown', caller: '/usr/bin/node', count: 1 } });
    expect(verbs.length).toBeGreaterThan(15);
    expect(verbs.filter((_, index) => said[index] === unknown)).toEqual([]);
    expect(said[verbs.indexOf('/v1/grants/widen')]).toBe('node asked for more access and did not get it.');
  });

  it('does not list scopes without end', () => {
    const scopes = ['a', 'b', 'c', 'd', 'e', 'f'];
    expect(sentenceOf({ type: 'grant.widened', fields: { scopes } })).toBe('Access was widened by a, b, c and 3 more.');
  });
});

const at = (day: number, hour: number, minute = 0): number => new Date(2026, 10, day, hour, minute).getTime();
const record = (seq: number, moment: number): ActivityRecord => ({
  seq,
  at: new Date(moment).toISOString(),
  type: 'lock.changed',
  kind: 'lock',
  fields: {},
});

describe('the timeline', () => {
  it('groups by the days of this place, newest first', () => {
    const now = at(20, 9);
    const days = daysOf([record(9, at(20, 0, 1)), record(8, at(19, 23, 59)), record(7, at(19, 1)), record(6, at(12, 12))], now);
    expect(days.map(({ title, records }) => [title, records.map(({ seq }) => seq)])).toEqual([
      ['Today', [9]],
      ['Yesterday', [8, 7]],
      [new Date(at(12, 0)).toLocaleDateString(undefined, { weekday: 'long', day: 'numeric', month: 'long' }), [6]],
    ]);
  });

  it('shows a record once that two pages hold', () => {
    const twice = record(5, at(20, 8));
    expect(daysOf([twice, twice], at(20, 9)).flatMap(({ records }) => records)).toEqual([twice]);
  });

  it('asks for what is chosen, and the contract takes every such question', () => {
    const chosenAt = at(20, 9, 30);
    const filter = withKind(withKind({ ...noFilter, text: `  ${'x'.repeat(200)}  `, range: 'today', chosenAt }, 'policy'), 'token');
    const query = queryOf(filter, 77);
    expect(query).toEqual({
      limit: 50,
      text: 'x'.repeat(100),
      kinds: ['token', 'policy'],
      since: new Date(at(20, 0)).toISOString(),
      before: 77,
    });
    expect(activityQuerySchema.safeParse(query).success).toBe(true);
    expect(queryOf({ ...noFilter, range: 'hour', chosenAt }, null)).toMatchObject({ since: new Date(at(20, 8, 30)).toISOString() });
    expect(queryOf(noFilter, null)).toEqual({ limit: 50, text: '', kinds: [] });
  });

  it('takes a kind back when it is chosen again', () => {
    expect(withKind(withKind(noFilter, 'lock'), 'lock').kinds).toEqual([]);
    expect(isFiltered(noFilter)).toBe(false);
    expect(isFiltered({ ...noFilter, text: ' ' })).toBe(false);
    expect(isFiltered(withKind(noFilter, 'lock'))).toBe(true);
  });
});

const part = (hour: number, counts: Partial<ActivitySummary['parts'][number]> = {}): ActivitySummary['parts'][number] => ({
  at: new Date(at(20, hour)).toISOString(),
  ...{ tokens: 0, minted: 0, mintMs: null, prompts: 0, denials: 0, refusals: 0 },
  ...counts,
});
const summary = (...parts: ActivitySummary['parts']): ActivitySummary => ({
  span: 'day',
  since: new Date(at(20, 0)).toISOString(),
  until: new Date(at(21, 0)).toISOString(),
  parts,
});

describe('the charts', () => {
  const busy = summary(
    part(8, { tokens: 40, minted: 2, mintMs: 180, prompts: 1 }),
    part(9, { tokens: 2, minted: 5, mintMs: 1300, denials: 1, refusals: 3 }),
    part(10),
  );

  it('stack what came from memory on what was fetched, and never less than nothing', () => {
    expect(pointsOf(busy).map(({ cached, minted }) => [cached, minted])).toEqual([
      [38, 2],
      [0, 5],
      [0, 0],
    ]);
  });

  it('are said in words, with the busiest part', () => {
    const [tokens, prompts, refusals, mint] = panelsOf(busy);
    const eight = new Date(at(20, 8)).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
    expect(tokens).toMatchObject({
      figure: '42',
      summary: `42 tokens handed out, 7 fetched from a workspace in the last 24 hours. Most at ${eight}.`,
    });
    expect(prompts).toMatchObject({ figure: '1', summary: 'You were asked 1 time in the last 24 hours.' });
    expect(refusals).toMatchObject({ figure: '4', isEmpty: false });
    expect(mint).toMatchObject({ figure: '180 ms', summary: 'Around 180 ms, up to 1.3 s in the last 24 hours.' });
  });

  it('say that there was nothing where there was nothing', () => {
    for (const empty of [summary(), summary(part(8), part(9))]) {
      const panels = panelsOf(empty);
      expect(panels.every(({ isEmpty }) => isEmpty)).toBe(true);
      expect(panels.map(({ figure }) => figure)).toEqual(['0', '0', '0', '–']);
      expect(panels.map(({ summary: words }) => words).join(' ')).not.toMatch(/NaN|undefined|Infinity|Most at/);
    }
  });

  it('have every number in the table behind them', () => {
    const { head, rows } = tableOf(busy);
    expect(rows.map((row) => row.slice(1))).toEqual([
      ['40', '2', '1', '0', '0', '180 ms'],
      ['2', '5', '0', '1', '3', '1.3 s'],
      ['0', '0', '0', '0', '0', '–'],
    ]);
    for (const row of rows) expect(row).toHaveLength(head.length);
  });

  it('tell the parts of a week apart', () => {
    const { rows } = tableOf({ ...summary(part(0), part(12)), span: 'week' });
    expect(new Set(rows.map(([time]) => time)).size).toBe(2);
  });

  it('take the middle of what was measured', () => {
    expect([middleOf([]), middleOf([5]), middleOf([9, 1, 5]), middleOf([4, 1])]).toEqual([null, 5, 5, 1]);
  });
});
