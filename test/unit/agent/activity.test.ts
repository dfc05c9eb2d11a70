/** The log as a page asks for it: every answer fits the contract, whatever is in the files. */
import fs from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { createActivity } from '../../../main/agent/activity.ts';
import { createVerifying } from '../../../main/audit/verifying.ts';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { callUi, type UiAgent } from '../../../main/pages/ui-agent.ts';
import type { ActivityRecord } from '../../../preload/contract/activity.ts';
import type { UiInput, UiOutput } from '../../../preload/contract/ui.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { firstSegment, temporaryFolder, writtenLog } from '../audit/audit-folder.ts';
import { generatedLog, type Written } from '../audit/generated-log.ts';

const START = Date.UTC(2026, 0, 5, 9);
let clock: FakeClock;
beforeEach(() => {
  clock = fakeClock(START);
});

type Call = 'activity' | 'activity/summary' | 'audit/verify';
/** Asks as a page does: what goes in and what comes out both pass the contract. */
function asking(folder: string) {
  const activity = createActivity({ folder, verifying: createVerifying({ folder, clock }), clock, log: () => undefined });
  return <N extends Call>(name: N, input: UiInput<N>): Promise<UiOutput<N>> =>
    callUi(activity as UiAgent, name, input, unknownCaller) as Promise<UiOutput<N>>;
}
const at = (minute: number, fields: Written['fields']): Written => ({ at: START + minute * 60_000, fields });
const iso = (minute: number): string => new Date(START + minute * 60_000).toISOString();

const day = [
  at(-300, { type: 'agent.started', version: '1', vault: 'memory', port: 20_000 }),
  at(-200, { type: 'session.signed-in', profile: 'acme', username: 'Ada@Acme.example', amr: ['hwk', 'pop'], acr: null }),
  at(-100, { type: 'grant.created', grant: 'g1', scopes: ['sql', 'unity-catalog'], caller: '/usr/bin/jupyter' }),
  at(-50, { type: 'token.minted', workspace: 'https://acme.example', tookMs: 120 }),
  at(-40, { type: 'token.refused', grant: 'g1', code: 'AWAY', count: 3 }),
  at(-30, { type: 'token.served-again', grant: 'g1', count: 1234 }),
  at(-20, { type: 'lock.changed', state: 'away', why: 'idle' }),
];
const types = ({ records }: { records: ActivityRecord[] }): string[] => records.map(({ type }) => type);

describe('a page of the log', () => {
  it('has each record’s own fields, and nothing of the chain', async () => {
    const { records, next, damaged } = await asking(generatedLog(day))('activity', {});
    expect([records.length, next, damaged]).toEqual([7, null, 0]);
    expect(records[5]).toEqual({
      ...{ seq: 2, at: iso(-200), type: 'session.signed-in', kind: 'sign-in' },
      fields: { profile: 'acme', username: 'Ada@Acme.example', amr: ['hwk', 'pop'], acr: null },
    });
  });

  it.each<[string, UiInput<'activity'>, string[]]>([
    ['kinds', { kinds: ['token', 'refusal'] }, ['token.served-again', 'token.refused', 'token.minted']],
    ['a text, in upper and lower case alike', { text: 'ADA@acme' }, ['session.signed-in']],
    ['a text in a list', { text: 'unity' }, ['grant.created']],
    ['a number', { text: '1234' }, ['token.served-again']],
    ['a text in the name of the event', { text: 'refused' }, ['token.refused']],
    ['no text across two fields', { text: 'g1sql' }, []],
    ['no hash and no number of the chain', { text: '019b8d2e' }, []],
    ['a time from', { since: iso(-30) }, ['lock.changed', 'token.served-again']],
    ['a time to', { until: iso(-200) }, ['session.signed-in', 'agent.started']],
    ['all of it', { since: iso(-100), until: iso(-40), kinds: ['refusal', 'grant'], text: 'G1' }, ['token.refused', 'grant.created']],
  ])('has those that are asked for by %s', async (_, query, found) => {
    expect(types(await asking(generatedLog(day))('activity', query))).toEqual(found);
  });

  it.each<[string, object]>([
    ['a number below 1', { before: 0 }],
    ['a fraction', { before: 1.5 }],
    ['a text for a number', { before: '7' }],
    ['more than can be counted', { before: 2 ** 60 }],
    ['a page too long', { limit: 201 }],
    ['a kind that is none', { kinds: ['everything'] }],
    ['a time that is none', { since: 'yesterday' }],
    ['a long text', { text: 'x'.repeat(101) }],
    ['a field that is none', { folder: '/etc' }],
  ])('is refused for %s', async (_, query) => {
    await expect(asking(generatedLog(day))('activity', query as never)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it.each<[string, unknown, unknown]>([
    ['an object', { deep: { er: true } }, '{"deep":{"er":true}}'],
    ['a list of anything', [1, null, ['a'], 'b'], ['1', 'null', '["a"]', 'b']],
    ['a boolean', true, true],
    ['a fraction', 0.5, 0.5],
    ['a long text', 'x'.repeat(5000), `${'x'.repeat(999)}…`],
    ['a pair cut in two', `${'x'.repeat(998)}😀😀`, `${'x'.repeat(998)}\ufffd…`],
    ['a long list', Array(500).fill('a'), Array(65).fill('a')],
  ])('shows what a newer version may write: %s', async (_, value, shown) => {
    const folder = generatedLog([at(0, { type: 'newer.event', value, ['__proto__']: 1, 'bad name': 2, ['x'.repeat(65)]: 3 })]);
    const { records } = await asking(folder)('activity', { text: 'newer' });
    expect(records).toEqual([{ seq: 1, at: iso(0), type: 'newer.event', kind: 'agent', fields: { value: shown } }]);
  });

  it('has at most so many fields, and an event’s name cut to a length', async () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`f${n}`, n]));
    const { records } = await asking(generatedLog([at(0, { ...many, type: 'y'.repeat(9000) })]))('activity', {});
    expect([Object.keys(records[0]?.fields ?? {}).length, records[0]?.type.length]).toEqual([64, 1000]);
  });

  it('says how many lines could not be read', async () => {
    const folder = await writtenLog(3);
    fs.appendFileSync(firstSegment(folder), 'damaged\n{}\n');
    expect(await asking(folder)('activity', {})).toMatchObject({ damaged: 2, next: null, records: [{ seq: 3 }, { seq: 2 }, { seq: 1 }] });
  });
});

describe('the summary', () => {
  it.each([
    ['hour', 60, 60_000],
    ['day', 24, 3_600_000],
    ['week', 7, 86_400_000],
  ] as const)('of an %s has %i equal parts up to the running minute', async (span, count, length) => {
    const found = await asking(temporaryFolder())('activity/summary', { span });
    expect(found).toMatchObject({ span, until: iso(1), since: new Date(START + 60_000 - count * length).toISOString() });
    expect(found.parts).toHaveLength(count);
    expect(found.parts.every(({ at: from }, n) => Date.parse(from) === Date.parse(found.since) + n * length)).toBe(true);
    expect(found.parts[0]).toMatchObject({ tokens: 0, minted: 0, mintMs: null, prompts: 0, denials: 0, refusals: 0 });
  });

  it('sums up what happened, and moves with the clock', async () => {
    const ask = asking(generatedLog(day));
    const hour = await ask('activity/summary', { span: 'hour' });
    const sums = (parts: typeof hour.parts) => [
      parts.reduce((sum, { tokens }) => sum + tokens, 0),
      parts.reduce((sum, { minted }) => sum + minted, 0),
      parts.flatMap(({ mintMs }) => mintMs ?? []),
      parts.reduce((sum, { refusals }) => sum + refusals, 0),
    ];
    expect(sums(hour.parts)).toEqual([1234, 1, [120], 3]);
    clock.set(START + 15 * 60_000);
    expect(sums((await ask('activity/summary', { span: 'hour' })).parts)).toEqual([1234, 0, [], 3]);
    expect(sums((await ask('activity/summary', { span: 'day' })).parts)).toEqual([1234, 1, [120], 3]);
  });
});

describe('verifying', () => {
  it('says that the chain holds, from when to when, and what that does not prove', async () => {
    const folder = generatedLog(day);
    const verdict = await asking(folder)('audit/verify', {});
    expect(verdict).toMatchObject({ ok: true, folder, records: 7, from: iso(-300), to: iso(-20), problems: [], notes: [] });
    expect([verdict.proven.length, verdict.cannotProve.length > 1]).toEqual([1, true]);
  });

  it('says what is wrong, and where, in words', async () => {
    const folder = await writtenLog(3);
    fs.writeFileSync(firstSegment(folder), fs.readFileSync(firstSegment(folder), 'utf8').replace('"count":2', '"count":7'));
    const verdict = await asking(folder)('audit/verify', {});
    expect(verdict).toMatchObject({ ok: false, records: 2, problems: ['audit-000001.jsonl:2: changed after it was written'] });
  });

  it('says how much more is wrong than it lists', async () => {
    const folder = temporaryFolder();
    fs.writeFileSync(firstSegment(folder), 'damaged\n'.repeat(150));
    const { ok, problems, from, to } = await asking(folder)('audit/verify', {});
    expect([ok, problems.length, from, to]).toEqual([false, 101, null, null]);
    expect(problems.at(-1)).toMatch(/50 more/);
  });

  it('says that there is no log', async () => {
    expect(await asking(temporaryFolder())('audit/verify', {})).toMatchObject({
      ok: false,
      problems: ['the log: there is no audit log here'],
    });
  });
});
