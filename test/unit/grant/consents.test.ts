import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { unknownCaller } from '../../../main/caller/caller.ts';
import type { Answer, Ask, Asked } from '../../../main/grant/consents.ts';
import { type Consents, createConsents } from '../../../main/grant/consents.ts';
import { hours, later, minutes, ms, seconds } from '../../../main/units.ts';
import { askQueueViewSchema } from '../../../preload/contract/consent.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';
import { describeCaller, type Machine, machine, python } from './setting.ts';

let clock: FakeClock;
let audit: RecordingAudit;
let pc: Machine;
let consents: Consents;

beforeEach(() => {
  clock = fakeClock();
  audit = recordingAudit();
  pc = machine();
  consents = createConsents({ clock, random: randomBytes, audit, describe: describeCaller });
});

const request = (key: string, changes: Partial<Ask> = {}): Ask => ({
  purpose: 'use',
  caller: pc.callerOf({ pid: 7, startTicks: 70, uid: 1000, executable: '/usr/bin/dbt', commandLine: null, folder: '/w', cgroup: null }),
  expected: null,
  profile: 'acme',
  workspace: 'https://acme.cloud.databricks.com',
  scopes: ['sql'],
  words: ['run SQL'],
  grant: 'g0000000a',
  label: '',
  until: later(clock.now(), hours(1)),
  approval: 'click',
  spans: ['program', 'once'],
  key,
  ...changes,
});
const until = later(fakeClock().now(), hours(1));
const ask = (key: string, changes: Partial<Ask> = {}): Asked => consents.ask(request(key, { until, ...changes }));
const yes: Answer = { verdict: 'approved', how: 'click', span: 'once', tapKey: null };
const no: Answer = { verdict: 'denied', reach: 'run' };
const coded = (code: string) => expect.objectContaining({ code });
/** Shows the front and lets a person read it. */
const read = async (): Promise<string> => {
  const id = consents.front()?.id ?? '';
  consents.shown(id);
  await clock.advance(500);
  return id;
};
const settled = async (asked: Asked): Promise<Answer | null | 'open'> => {
  const open = Symbol();
  const found = await Promise.race([asked.outcome, new Promise<symbol>((resolve) => setImmediate(resolve, open))]);
  return typeof found === 'symbol' ? 'open' : found;
};

describe('a request', () => {
  it('is answered by a person who has read it', async () => {
    const asked = ask('a');
    expect(consents.front()).toMatchObject({ id: asked.id, answerableAt: null });
    consents.answer(await read(), yes);
    expect(await settled(asked)).toEqual(yes);
    expect(consents.front()).toBeUndefined();
  });

  it('is in the audit log when asked and when answered, with its program and no more of it', async () => {
    const caller = pc.callerOf(pc.start({ executable: '/usr/bin/python3', commandLine: ['python3', '--password=hunter2'] }), {
      kind: 'ai-agent',
      aiAgent: 'claude',
      notebook: '/home/ada/secret.ipynb',
    });
    const { id } = ask('a', { caller, approval: 'tap' });
    await read();
    consents.answer(id, { verdict: 'approved', how: 'tap', span: 'program', tapKey: 'k1' });
    expect(audit.events).toEqual([
      {
        ...{ type: 'consent.asked', ask: id, purpose: 'use', grant: 'g0000000a', caller: '/usr/bin/python3', callerKind: 'ai-agent' },
        ...{ aiAgent: 'claude', workspace: 'https://acme.cloud.databricks.com', scopes: ['sql'], approval: 'tap' },
      },
      { type: 'consent.answered', ask: id, purpose: 'use', verdict: 'approved', how: 'tap', span: 'program', tapKey: 'k1' },
    ]);
  });

  it('of nobody in particular, for nothing in particular, is one too', () => {
    const { id } = ask('a', {
      purpose: 'unlock',
      caller: unknownCaller,
      grant: null,
      workspace: null,
      profile: null,
      scopes: [],
      until: null,
    });
    consents.answer(id, no);
    expect(audit.events).toMatchObject([
      { caller: 'unknown', callerKind: 'unknown', grant: '', workspace: '' },
      { verdict: 'denied', span: 'run', tapKey: '' },
    ]);
  });

  it('that cannot be recorded is not asked', () => {
    audit.fail();
    expect(() => ask('a')).toThrow(coded('AUDIT_UNWRITABLE'));
    expect(consents.view().asks).toEqual([]);
  });

  it('stays open where its approval cannot be recorded, and can be denied all the same', async () => {
    const asked = ask('a');
    await read();
    audit.fail();
    expect(() => consents.answer(asked.id, yes)).toThrow(coded('AUDIT_UNWRITABLE'));
    expect(await settled(asked)).toBe('open');
    consents.answer(asked.id, no);
    expect(await settled(asked)).toEqual(no);
  });

  it('is over once it is answered', async () => {
    const { id } = ask('a');
    await read();
    consents.answer(id, yes);
    for (const answer of [yes, no]) expect(() => consents.answer(id, answer)).toThrow(coded('ASK_UNKNOWN'));
    for (const other of ['', 'nope', '__proto__']) expect(() => consents.answer(other, no)).toThrow(coded('ASK_UNKNOWN'));
    expect(consents.find(id)).toBeUndefined();
  });
});

describe('an approval', () => {
  it('is refused in the first half second before the person’s eyes, to the millisecond', async () => {
    const { id } = ask('a');
    await clock.advance(minutes(1));
    expect(() => consents.answer(id, yes)).toThrow(coded('ASK_TOO_EARLY'));
    consents.shown(id);
    await clock.advance(499);
    expect(() => consents.answer(id, yes)).toThrow(coded('ASK_TOO_EARLY'));
    await clock.advance(1);
    consents.answer(id, yes);
  });

  it('counts running time: neither a moved clock nor a sleep is reading', () => {
    const { id } = ask('a');
    consents.shown(id);
    clock.sleepThrough(seconds(30));
    expect(() => consents.answer(id, yes)).toThrow(coded('ASK_TOO_EARLY'));
  });

  it('is not hastened or put off by showing it again', async () => {
    const { id } = ask('a');
    consents.shown(id);
    await clock.advance(400);
    consents.shown(id);
    await clock.advance(100);
    consents.answer(id, yes);
  });

  it('is refused for all but the request in front', async () => {
    ask('a');
    const behind = ask('b');
    consents.shown(behind.id);
    await clock.advance(seconds(5));
    expect(() => consents.answer(behind.id, yes)).toThrow(expect.objectContaining({ code: 'ASK_TOO_EARLY', reason: 'front' }));
    expect(await settled(behind)).toBe('open');
  });

  it('of the next request cannot be the second half of a double click', async () => {
    ask('a');
    const second = ask('b');
    consents.answer(await read(), yes);
    consents.shown(second.id);
    expect(() => consents.answer(second.id, yes)).toThrow(coded('ASK_TOO_EARLY'));
  });

  it.each<[string, Answer]>([
    ['a click', yes],
    ['a click that names a key', { verdict: 'approved', how: 'click', span: 'once', tapKey: 'k1' }],
    ['a tap of no key', { verdict: 'approved', how: 'tap', span: 'once', tapKey: null }],
  ])('by %s is refused where a tap is needed', async (_name, answer) => {
    const asked = ask('a', { approval: 'tap' });
    await read();
    expect(() => consents.answer(asked.id, answer)).toThrow(coded('TAP_NEEDED'));
    expect(await settled(asked)).toBe('open');
  });

  it('by a tap is taken where a click would do', async () => {
    const asked = ask('a');
    consents.answer(await read(), { verdict: 'approved', how: 'tap', span: 'once', tapKey: 'k1' });
    expect(await settled(asked)).toMatchObject({ how: 'tap' });
  });

  it('for longer than was offered is refused', async () => {
    const { id } = ask('a', { spans: ['once', 'program'] });
    await read();
    for (const span of ['hours', 'grant'] as const) expect(() => consents.answer(id, { ...yes, span })).toThrow(coded('SPAN_REFUSED'));
  });
});

describe('a no', () => {
  it('is taken at once, for any request that is open, shown or not', async () => {
    const [first, second] = [ask('a', { approval: 'tap' }), ask('b')];
    consents.answer(second.id, no);
    consents.answer(first.id, { verdict: 'denied', reach: 'always' });
    expect([await settled(first), await settled(second)]).toEqual([{ verdict: 'denied', reach: 'always' }, no]);
  });
});

describe('words of others', () => {
  it.each(['\u202e', '\u2066', '\u200b', '\n', '\u2028', '\ue000', '\ud800'])('never turn, hide or break what is shown: %j', (unseen) => {
    ask('a', { label: `safe${unseen}etavird`, words: [`run${unseen}LQS`] });
    expect(consents.view().asks).toMatchObject([{ label: 'safe\ufffdetavird', words: ['run\ufffdLQS'] }]);
  });
});

describe('identical requests', () => {
  it('are one prompt and get one answer', async () => {
    const all = [ask('a'), ask('a'), ask('a')];
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(consents.view().asks).toMatchObject([{ requests: 3 }]);
    expect(audit.of('consent.asked')).toHaveLength(1);
    consents.answer(await read(), yes);
    expect(await Promise.all(all.map(settled))).toEqual([yes, yes, yes]);
  });

  it.each<[string, Partial<Ask>]>([
    ['other scopes', { scopes: ['secrets', 'sql'] }],
    ['another workspace', { workspace: 'https://beta.cloud.databricks.com' }],
    ['another grant', { grant: 'g0000000b' }],
    ['another profile', { profile: 'beta' }],
    ['another purpose', { purpose: 'widen' }],
    ['a longer life', { until: later(until, hours(1)) }],
    ['longer answers', { spans: ['grant'] }],
    ['a weaker approval', { approval: 'click' }],
    ['other words', { words: ['everything'] }],
    ['another label', { label: 'dbt' }],
    ['another program', { caller: { ...unknownCaller, kind: 'program' } }],
  ])('are not those with the same key and %s', (_name, changes) => {
    const first = ask('a', { approval: 'tap' });
    const second = ask('a', { approval: 'tap', ...changes });
    expect(second.id).not.toBe(first.id);
  });

  it('of another script of the same interpreter are another prompt', () => {
    const process = pc.start({ executable: '/usr/bin/python3' });
    const first = ask('a', { caller: pc.callerOf(process, python('train.py')) });
    expect(ask('a', { caller: pc.callerOf(process, python('other.py')) }).id).not.toBe(first.id);
    expect(ask('a', { caller: pc.callerOf(process, python('train.py')) }).id).toBe(first.id);
  });

  it('of the same program that something else has started are another prompt', () => {
    const [code, agent] = [pc.start({ executable: '/usr/bin/code' }), pc.start({ executable: '/opt/agent' })];
    const curl = (parent: typeof code) => pc.callerOf(pc.start({ executable: '/usr/bin/curl', parent }));
    const first = ask('a', { caller: curl(code) });
    expect(ask('a', { caller: curl(agent) }).id).not.toBe(first.id);
    expect(ask('a', { caller: curl(code) }).id).toBe(first.id);
  });

  it('go on when one asker has gone, and are over with the last', async () => {
    const [one, two] = [ask('a'), ask('a')];
    one.withdraw();
    one.withdraw();
    expect(consents.view().asks).toMatchObject([{ requests: 1 }]);
    two.withdraw();
    expect(consents.view()).toMatchObject({ asks: [], history: [{ outcome: 'withdrawn' }] });
    expect([await settled(one), await settled(two)]).toEqual([null, null]);
    expect(audit.of('consent.unanswered')).toEqual([]);
  });

  it('can be withdrawn by their id, once for each asker', async () => {
    const [one] = [ask('a'), ask('a')];
    consents.withdraw(one.id);
    expect(await settled(one)).toBe('open');
    consents.withdraw(one.id);
    consents.withdraw(one.id);
    expect(await settled(one)).toBeNull();
  });
});

describe('the queue', () => {
  it('has one front at a time, first come, first asked', async () => {
    const ids = ['a', 'b', 'c'].map((key) => ask(key).id);
    const seen: (string | undefined)[] = [];
    for (let n = 0; n < 3; n++) {
      seen.push(consents.front()?.id);
      consents.answer(await read(), yes);
    }
    expect(seen).toEqual(ids);
  });

  it('takes 32 requests and no more, but joins to those it has', () => {
    const first = ask('0');
    for (let n = 1; n < 32; n++) ask(String(n));
    expect(() => ask('32')).toThrow(coded('CONSENT_QUEUE_FULL'));
    expect(ask('0').id).toBe(first.id);
    expect(consents.view().asks).toHaveLength(32);
    consents.answer(first.id, no);
    ask('32');
  });

  it('remembers the last hundred, newest first', () => {
    for (let n = 0; n < 150; n++) consents.answer(ask(String(n), { scopes: [`s${n}`] }).id, no);
    const { history } = consents.view();
    expect(history).toHaveLength(100);
    expect(history[0]).toMatchObject({ outcome: 'denied', title: 'dbt', scopes: ['s149'] });
  });

  it('is shown as the pages understand it', async () => {
    const grantee = pc.callerOf(pc.start({ executable: '/usr/bin/jupyter' }));
    ask('a', { expected: grantee });
    consents.answer(await read(), yes);
    const { id } = ask('b', { expected: grantee });
    consents.shown(id);
    const view = consents.view();
    expect(askQueueViewSchema.parse(view)).toEqual(view);
    expect(view.asks[0]).toMatchObject({
      ...{ id, requests: 1, caller: { title: 'dbt' }, expected: { title: 'jupyter' }, spans: ['program', 'once'] },
      answerableAt: new Date(later(clock.now(), ms(500))).toISOString(),
      openUntil: new Date(later(clock.now(), minutes(10))).toISOString(),
    });
  });

  it('tells of every change, when all is in order again', async () => {
    let told = 0;
    consents.onChange(() => {
      told += 1;
      expect(consents.view().asks.length).toBeLessThanOrEqual(2);
    });
    const one = ask('a');
    const two = ask('b');
    await read();
    consents.answer(one.id, yes);
    two.withdraw();
    expect(told).toBe(5);
  });
});

describe('a request that nobody answers', () => {
  it('is open for ten minutes, then over and recorded', async () => {
    const asked = ask('a');
    await clock.advance(minutes(10) - 1);
    expect(await settled(asked)).toBe('open');
    await clock.advance(1);
    expect(await settled(asked)).toBeNull();
    expect(audit.of('consent.unanswered')).toEqual([{ type: 'consent.unanswered', ask: asked.id, purpose: 'use' }]);
    expect(() => consents.answer(asked.id, yes)).toThrow(coded('ASK_UNKNOWN'));
  });

  it('can be answered late, within the ten minutes', async () => {
    const asked = ask('a');
    await clock.advance(minutes(9));
    consents.answer(await read(), yes);
    expect(await settled(asked)).toEqual(yes);
  });

  it('is over after a sleep, though no timer ran', () => {
    const { id } = ask('a');
    consents.shown(id);
    clock.sleepThrough(minutes(10));
    expect(() => consents.answer(id, yes)).toThrow(coded('ASK_UNKNOWN'));
  });

  it('is over after ten minutes of running time, wherever the wall clock was set', async () => {
    const asked = ask('a');
    clock.set(clock.now() - hours(5));
    await clock.advance(minutes(10));
    expect(await settled(asked)).toBeNull();
  });
});

describe('too many that nobody answers', () => {
  const ignore = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      ask(`ignored ${n}`);
      await clock.advance(minutes(10));
    }
  };

  it('end the asking: the third in a row closes the rest and refuses the next', async () => {
    await ignore(2);
    ask('third');
    await clock.advance(minutes(1));
    const behind = ask('behind');
    await clock.advance(minutes(9));
    expect(await settled(behind)).toBeNull();
    expect(audit.of('consent.unanswered')).toHaveLength(4);
    expect(consents.view()).toMatchObject({ quiet: true, asks: [] });
    expect(() => ask('next')).toThrow(coded('CONSENT_QUIET'));
    await clock.advance(hours(24));
    expect(() => ask('next')).toThrow(coded('CONSENT_QUIET'));
  });

  it('are forgotten when the person looks', async () => {
    await ignore(3);
    consents.attend();
    ask('a');
    expect(consents.view()).toMatchObject({ quiet: false, asks: [{}] });
    await clock.advance(minutes(10));
    await ignore(1);
    ask('still asked');
  });

  it('are counted anew after any answer', async () => {
    await ignore(2);
    consents.answer(ask('a').id, no);
    await ignore(2);
    ask('still asked');
  });
});

describe('a person who does not want to be disturbed', () => {
  it('is shown nothing until the snooze is over, and requests wait with the same ten minutes', async () => {
    const asked = ask('a');
    await read();
    consents.snooze(later(clock.now(), minutes(5)));
    expect(consents.front()).toBeUndefined();
    expect(consents.view().snoozedUntil).toBe(new Date(later(clock.now(), minutes(5))).toISOString());
    expect(() => consents.answer(asked.id, yes)).toThrow(coded('ASK_TOO_EARLY'));
    let told = 0;
    consents.onChange(() => {
      told += 1;
    });
    await clock.advance(minutes(5));
    expect(told).toBe(1);
    expect(consents.front()).toMatchObject({ id: asked.id, answerableAt: null });
    await clock.advance(minutes(5));
    expect(await settled(asked)).toBeNull();
  });

  it('has to be shown a request again after it, before it can be approved', async () => {
    const { id } = ask('a');
    await read();
    consents.snooze(later(clock.now(), minutes(1)));
    await clock.advance(minutes(1));
    expect(() => consents.answer(id, yes)).toThrow(coded('ASK_TOO_EARLY'));
    consents.answer(await read(), yes);
  });

  it('is not taken for one who is away', async () => {
    consents.snooze(later(clock.now(), hours(1)));
    for (let n = 0; n < 5; n++) {
      ask(String(n));
      await clock.advance(minutes(10));
    }
    expect(consents.view()).toMatchObject({ quiet: false, asks: [] });
  });

  it('ends the snooze by looking', () => {
    const { id } = ask('a');
    consents.snooze(later(clock.now(), hours(1)));
    consents.attend();
    expect(consents.front()?.id).toBe(id);
    expect(consents.view().snoozedUntil).toBeNull();
  });

  it('cannot snooze into the past', () => {
    const { id } = ask('a');
    consents.snooze(clock.now());
    expect(consents.front()?.id).toBe(id);
  });
});

describe('a locked screen', () => {
  it('shows nothing and approves nothing, but takes a no', async () => {
    const [one, two] = [ask('a'), ask('b')];
    await read();
    consents.hold(true);
    expect(consents.front()).toBeUndefined();
    consents.shown(one.id);
    await clock.advance(seconds(5));
    expect(() => consents.answer(one.id, yes)).toThrow(coded('ASK_TOO_EARLY'));
    consents.answer(two.id, no);
    consents.hold(false);
    expect(consents.front()).toMatchObject({ id: one.id, answerableAt: null });
    expect(() => consents.answer(one.id, yes)).toThrow(coded('ASK_TOO_EARLY'));
    consents.answer(await read(), yes);
  });
});

describe('the end of the agent', () => {
  it('leaves every request unanswered, recorded, and no timer', async () => {
    const all = [ask('a'), ask('b')];
    consents.snooze(later(clock.now(), hours(1)));
    consents.close();
    consents.close();
    expect(await Promise.all(all.map(settled))).toEqual([null, null]);
    expect(audit.of('consent.unanswered')).toHaveLength(2);
    expect(() => ask('c')).toThrow(coded('CONSENT_QUIET'));
    expect(clock.pending).toBe(0);
  });
});
