/** What a touch does, and what it does not: tickets, the first key, later keys, seals, and answers to requests. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { approverIn, type Ceremonies, createCeremonies, keeperOf, type Person } from '../../../main/agent/ceremonies.ts';
import { AppError } from '../../../main/app-error.ts';
import { createConsents } from '../../../main/grant/consents.ts';
import type { TapKeys } from '../../../main/passkey/tap-keys.ts';
import { type EpochMs, minutes, seconds } from '../../../main/units.ts';
import type { CeremonyRequest } from '../../../preload/contract/ui.ts';
import { createSoftwareKey, type SoftwareKey } from '../../fixtures/software-key/software-key.ts';
import { describeCaller, machine } from '../grant/setting.ts';
import { enrol, type enrolled, flipped, ORIGIN, setting as passkeySetting, person, touch, touchNew } from '../passkey/setting.ts';
import { codeOf } from './setting.ts';

const processes = machine();
const alice = person;
const bob = { issuer: 'https://idp.test', subject: 'sub-bob', username: 'bob@acme.test' };

/** Ceremonies over a registry, with a person who has signed in a minute ago. */
async function over(keys: TapKeys, { clock, audit }: Pick<Awaited<ReturnType<typeof enrolled>>, 'clock' | 'audit'>) {
  const consents = createConsents({ clock, random: randomBytes, audit, describe: describeCaller });
  const state = {
    locked: false,
    person: { ...alice, signedInAt: (clock.now() - 60_000) as EpochMs, provenAt: (clock.now() - 60_000) as EpochMs } as Person | null,
    /** Who signed in last, in another profile. */
    elsewhere: null as Person | null,
    done: [] as string[],
    prfs: [] as Buffer[],
    refusesRemoval: false,
    lacked: null as string | null,
  };
  const opened = (what: string) => async (key: string, prf: Buffer) => {
    state.done.push(`${what} ${key} ${prf.length}`);
    state.prfs.push(prf);
  };
  const ceremonies = createCeremonies({
    ...{ clock, random: randomBytes, tapKeys: keys, consents },
    askView: (id) => consents.view().asks.find((view) => view.id === id),
    person(profile) {
      if (profile !== 'acme' && state.elsewhere !== null) return state.elsewhere;
      if (state.person === null) throw new AppError('SIGNED_OUT');
      return state.person;
    },
    keeper: () =>
      keeperOf(
        [state.elsewhere, state.person].filter((each) => each !== null),
        keys,
      ),
    home: async () => 'http://127.0.0.1:4711/#home',
    seal: opened('seal'),
    unlock: opened('unlock'),
    isLocked: () => state.locked,
    async removed(key) {
      if (state.refusesRemoval) throw new AppError('INPUT_INVALID', { reason: 'last-key' });
      state.done.push(`forget ${key}`);
    },
    lackedWithout: () => state.lacked,
  });
  const ask = (changes = {}): string =>
    consents.ask({
      ...{ purpose: 'create', caller: processes.callerOf(processes.start({})), expected: null, profile: 'acme', workspace: null },
      ...{
        scopes: ['sql'],
        words: [],
        grant: null,
        label: '',
        until: null,
        approval: 'tap',
        spans: ['grant'],
        key: randomBytes(4).toString('hex'),
      },
      ...changes,
    }).id;
  return { keys, clock, audit, consents, state, ceremonies, ask };
}

/** With one key, Alice's. */
async function ready(options: Parameters<typeof enrolled>[0] = {}, seals = false) {
  const all = passkeySetting();
  const keys = await all.start(() => seals);
  const { key, view } = await enrol(keys, options);
  return { ...(await over(keys, all)), key, view };
}

async function touched(ceremonies: Ceremonies, ticket: string, key: SoftwareKey) {
  const { id, options } = await ceremonies.options(ticket, ORIGIN);
  const response = ceremonies.view(ticket).touch === 'create' ? touchNew(key, options) : touch(key, options);
  return ceremonies.finish(ticket, { id, response, name: '' });
}

describe('the first key', () => {
  async function none() {
    const all = passkeySetting();
    return over(await all.start(), all);
  }
  const signedIn = ({ state }: { state: { person: Person | null } }): Promise<Person> =>
    state.person === null ? Promise.reject(new AppError('SIGNED_OUT')) : Promise.resolve(state.person);

  it('comes from the tab that has just completed a sign-in, with one touch, and belongs to who signed in', async () => {
    const all = await none();
    const ticket = all.ceremonies.beginFirst(signedIn(all));
    expect(all.ceremonies.view(ticket)).toMatchObject({ kind: 'enrol', step: 1, steps: 1, touch: 'create', ask: null });
    expect(await touched(all.ceremonies, ticket, createSoftwareKey())).toEqual({
      done: true,
      view: null,
      next: 'http://127.0.0.1:4711/#home',
    });
    expect(all.keys.ownedBy(alice)).toHaveLength(1);
    expect(all.keys.ownedBy(bob)).toEqual([]);
  });

  it.each<CeremonyRequest>([{ kind: 'enrol' }, { kind: 'unlock' }, { kind: 'remove', key: 'k' }, { kind: 'seal', key: 'k' }])(
    'comes from nowhere else: %o is refused while there is none',
    async (request) => {
      const { ceremonies } = await none();
      expect(await codeOf(() => ceremonies.begin(request))).toBe('TAP_KEY_NEEDED');
    },
  );

  it('is one: a second ticket of the same kind enrols nothing', async () => {
    const all = await none();
    const tickets = [1, 2].map(() => all.ceremonies.beginFirst(signedIn(all)));
    await touched(all.ceremonies, tickets[0] ?? '', createSoftwareKey());
    await expect(touched(all.ceremonies, tickets[1] ?? '', createSoftwareKey())).rejects.toMatchObject({
      code: 'PAGE_REFUSED',
      reason: 'first-key',
    });
    expect(all.keys.list()).toHaveLength(1);
  });

  it('is not enrolled once somebody else has signed in, or nobody is', async () => {
    for (const [now, code] of [
      [bob, 'GRANT_OTHER_PERSON'],
      [null, 'SIGNED_OUT'],
    ] as const) {
      const all = await none();
      const ticket = all.ceremonies.beginFirst(signedIn(all));
      all.state.person = now && { ...now, signedInAt: all.clock.now(), provenAt: all.clock.now() };
      expect(await codeOf(touched(all.ceremonies, ticket, createSoftwareKey()))).toBe(code);
      expect(all.keys.list()).toEqual([]);
    }
  });

  it('waits for the sign-in, and is none where that fails in its last step', async () => {
    const all = await none();
    const ticket = all.ceremonies.beginFirst(Promise.reject(new AppError('AUDIT_UNWRITABLE')));
    await all.clock.advance(0);
    expect(await codeOf(all.ceremonies.options(ticket, ORIGIN))).toBe('AUDIT_UNWRITABLE');
    expect(all.keys.list()).toEqual([]);
  });
});

describe('two windows at once', () => {
  it('enrol one first key between them, and its person is the keeper', async () => {
    const all = passkeySetting();
    const { ceremonies, keys, state, clock } = await over(await all.start(), all);
    const windows = [1, 2].map(() => ceremonies.beginFirst(Promise.resolve(state.person as Person)));
    const begun = await Promise.all(windows.map(async (ticket) => ({ ticket, ...(await ceremonies.options(ticket, ORIGIN)) })));
    const finished = await Promise.all(
      begun.map(({ ticket, id, options }) =>
        codeOf(ceremonies.finish(ticket, { id, response: touchNew(createSoftwareKey(), options), name: '' })),
      ),
    );
    expect(finished).toEqual(['done', 'TAP_REFUSED']);
    expect(keys.ownedBy(alice)).toHaveLength(1);
    const others = { ...bob, signedInAt: clock.now(), provenAt: clock.now() };
    expect(keeperOf([others, alice], keys)).toBe(alice);
  });

  it('of two people leave one keeper, whoever of them signed in last', async () => {
    const all = passkeySetting();
    const { ceremonies, keys, state } = await over(await all.start(), all);
    const first = ceremonies.beginFirst(Promise.resolve(state.person as Person));
    const mine = await ceremonies.options(first, ORIGIN);
    state.person = { ...bob, signedInAt: all.clock.now(), provenAt: all.clock.now() };
    const theirs = ceremonies.beginFirst(Promise.resolve(state.person));
    await touched(ceremonies, theirs, createSoftwareKey());
    const late = ceremonies.finish(first, { id: mine.id, response: touchNew(createSoftwareKey(), mine.options), name: '' });
    expect(await codeOf(late)).toBe('GRANT_OTHER_PERSON');
    expect(keeperOf([alice, bob], keys)).toBe(bob);
  });
});

describe('keys, where the sign-in does not show when the person was seen', () => {
  /** As a workspace that signs people in itself: it is new, and says no more. */
  async function unproven(uv: boolean) {
    const all = await ready({ uv });
    all.state.person = { ...alice, signedInAt: all.clock.now(), provenAt: null };
    return all;
  }

  it.each(['enrol', 'remove'] as const)('are changed (%s) by a key that knows its owner, and not by a mere touch', async (kind) => {
    for (const [uv, verification] of [
      [true, 'required'],
      [false, 'required'],
    ] as const) {
      const { ceremonies, key, keys, view } = await unproven(uv);
      const ticket = ceremonies.begin(kind === 'enrol' ? { kind } : { kind, key: view.id });
      expect((await ceremonies.options(ticket, ORIGIN)).options).toMatchObject({ userVerification: verification });
      const attempt = touched(ceremonies, ticket, key);
      if (uv) await attempt;
      else await expect(attempt).rejects.toThrow();
      expect(keys.list()).toHaveLength(uv && kind === 'remove' ? 0 : 1);
    }
  });

  it('are not changed by a mere touch that was asked for while the sign-in showed more', async () => {
    const { ceremonies, state, clock, key, keys, view } = await ready({ uv: false });
    const ticket = ceremonies.begin({ kind: 'remove', key: view.id });
    const { id, options } = await ceremonies.options(ticket, ORIGIN);
    state.person = { ...alice, signedInAt: clock.now(), provenAt: null };
    await expect(ceremonies.finish(ticket, { id, response: touch(key, options), name: '' })).rejects.toMatchObject({
      code: 'TAP_REFUSED',
      reason: 'verification',
    });
    expect(keys.list()).toHaveLength(1);
  });

  it('are removed with a word on what the company would then want', async () => {
    const { ceremonies, state, view } = await ready({});
    const words = () => ceremonies.view(ceremonies.begin({ kind: 'remove', key: view.id })).words;
    expect(words()).toHaveLength(2);
    state.lacked = 'Acme wants 1 tap key of you; 0 of 1 are enrolled and count.';
    expect(words()).toEqual(['It will no longer approve anything.', state.lacked, 'Touch any key that is enrolled.']);
  });

  it('are not changed five minutes after that sign-in', async () => {
    const { ceremonies, clock } = await unproven(true);
    await clock.advance(minutes(5) + 1);
    expect(await codeOf(() => ceremonies.begin({ kind: 'enrol' }))).toBe('SIGN_IN_STALE');
  });
});

describe('a further key', () => {
  it('takes a touch of one that is enrolled, then a touch of the new one', async () => {
    const { ceremonies, key, keys } = await ready();
    const ticket = ceremonies.begin({ kind: 'enrol' });
    expect(ceremonies.view(ticket)).toMatchObject({ step: 1, steps: 2, touch: 'get' });
    expect(await touched(ceremonies, ticket, key)).toMatchObject({ done: false, view: { step: 2, steps: 2, touch: 'create' }, next: null });
    expect(await touched(ceremonies, ticket, createSoftwareKey())).toMatchObject({ done: true });
    expect(keys.ownedBy(alice)).toHaveLength(2);
    expect(await codeOf(() => ceremonies.view(ticket))).toBe('PAGE_REFUSED');
  });

  it('and a removal are refused when the sign-in is more than five minutes old', async () => {
    const { ceremonies, clock, view } = await ready();
    await clock.advance(minutes(4));
    ceremonies.begin({ kind: 'enrol' });
    await clock.advance(1);
    expect(await codeOf(() => ceremonies.begin({ kind: 'enrol' }))).toBe('SIGN_IN_STALE');
    expect(await codeOf(() => ceremonies.begin({ kind: 'remove', key: view.id }))).toBe('SIGN_IN_STALE');
  });

  it.each([
    ['before the first touch', 0],
    ['between the touches', 1],
  ])('is refused when the sign-in becomes too old %s', async (_, touches) => {
    const { ceremonies, clock, key, keys } = await ready();
    const ticket = ceremonies.begin({ kind: 'enrol' });
    if (touches === 1) await touched(ceremonies, ticket, key);
    await clock.advance(minutes(4) + 1);
    expect(await codeOf(touched(ceremonies, ticket, touches === 1 ? createSoftwareKey() : key))).toBe('SIGN_IN_STALE');
    expect(keys.list()).toHaveLength(1);
  });

  it('is not enrolled for somebody who signed in between the touches', async () => {
    const { ceremonies, clock, key, keys, state } = await ready();
    const ticket = ceremonies.begin({ kind: 'enrol' });
    await touched(ceremonies, ticket, key);
    state.person = { ...bob, signedInAt: clock.now(), provenAt: clock.now() };
    expect(await codeOf(touched(ceremonies, ticket, createSoftwareKey()))).toBe('GRANT_OTHER_PERSON');
    expect(keys.list()).toHaveLength(1);
  });
});

describe('a removal', () => {
  it('takes a touch, and what the key opened opens without it first', async () => {
    const { ceremonies, key, keys, view, state } = await ready();
    await touched(ceremonies, ceremonies.begin({ kind: 'remove', key: view.id }), key);
    expect(state.done).toEqual([`forget ${view.id}`]);
    expect(keys.list()).toEqual([]);
  });

  it('does not happen where nothing else would open the vault', async () => {
    const { ceremonies, key, keys, view, state } = await ready();
    state.refusesRemoval = true;
    expect(await codeOf(touched(ceremonies, ceremonies.begin({ kind: 'remove', key: view.id }), key))).toBe('INPUT_INVALID');
    expect(keys.list()).toHaveLength(1);
  });
});

describe('whose key', () => {
  it('is asked for: another person’s neither counts as one, nor is removed or used to seal', async () => {
    const { ceremonies, view, state, clock } = await ready();
    state.person = { ...bob, signedInAt: clock.now(), provenAt: clock.now() };
    expect(await codeOf(() => ceremonies.begin({ kind: 'enrol' }))).toBe('TAP_KEY_NEEDED');
    expect(await codeOf(() => ceremonies.begin({ kind: 'remove', key: view.id }))).toBe('TAP_KEY_NEEDED');
  });

  it.each(['remove', 'seal'] as const)('it is to %s must be one of the person’s own', async (kind) => {
    const { ceremonies, keys } = await ready();
    const begun = await keys.beginEnrol({ origin: ORIGIN, person: bob });
    const bobs = await keys.finishEnrol(begun.id, touchNew(createSoftwareKey(), begun.options), '');
    await expect(async () => ceremonies.begin({ kind, key: bobs.id })).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'key' });
  });

  it('was touched for a request counts only while that person is there', async () => {
    const { ceremonies, key, ask, state, clock, consents } = await ready();
    const id = ask();
    const ticket = ceremonies.begin({ kind: 'tap', ask: id, span: 'grant' });
    ceremonies.view(ticket);
    const { id: ceremony, options } = await ceremonies.options(ticket, ORIGIN);
    await clock.advance(500);
    state.person = { ...bob, signedInAt: clock.now(), provenAt: clock.now() };
    const finished = ceremonies.finish(ticket, { id: ceremony, response: touch(key, options), name: '' });
    await expect(finished).rejects.toMatchObject({ code: 'TAP_REFUSED', reason: 'key' });
    expect(consents.find(id)).toBeDefined();
  });
});

describe('a key of another profile’s person', () => {
  it('approves nothing in this one, though they signed in last', async () => {
    const { ceremonies, keys, ask, state, clock, consents } = await ready();
    const bobsKey = createSoftwareKey({ hostile: true });
    const begun = await keys.beginEnrol({ origin: ORIGIN, person: bob });
    const made = touchNew(bobsKey, begun.options);
    await keys.finishEnrol(begun.id, made, '');
    state.elsewhere = { ...bob, signedInAt: clock.now(), provenAt: clock.now() };
    const id = ask();
    const ticket = ceremonies.begin({ kind: 'tap', ask: id, span: 'grant' });
    ceremonies.view(ticket);
    const { id: ceremony, options } = await ceremonies.options(ticket, ORIGIN);
    await clock.advance(500);
    const response = touch(bobsKey, { ...options, allowCredentials: [{ type: 'public-key', id: made.id }] });
    await expect(ceremonies.finish(ticket, { id: ceremony, response, name: '' })).rejects.toMatchObject({ code: 'TAP_REFUSED' });
    expect(consents.find(id)).toBeDefined();
  });
});

describe('what holds for all profiles', () => {
  /** Alice has enrolled the first key; Bob, of another profile, has one too and signed in last. */
  async function both() {
    const all = await ready();
    const bobsKey = createSoftwareKey();
    const begun = await all.keys.beginEnrol({ origin: ORIGIN, person: bob });
    const bobs = await all.keys.finishEnrol(begun.id, touchNew(bobsKey, begun.options), '');
    all.state.elsewhere = { ...bob, signedInAt: all.clock.now(), provenAt: all.clock.now() };
    return { ...all, bobsKey, bobs };
  }

  it('is approved by a key of who enrolled the first one, whoever signed in last', async () => {
    const { ceremonies, ask, clock, consents, key } = await both();
    const id = ask({ purpose: 'policy', profile: null, scopes: [] });
    const ticket = ceremonies.begin({ kind: 'tap', ask: id, span: 'grant' });
    ceremonies.view(ticket);
    await clock.advance(500);
    expect(await touched(ceremonies, ticket, key)).toMatchObject({ done: true });
    expect(consents.view().history).toMatchObject([{ id, outcome: 'approved' }]);
  });

  it.each<[string, (all: Awaited<ReturnType<typeof both>>) => CeremonyRequest]>([
    ['approved', ({ ask }) => ({ kind: 'tap', ask: ask({ purpose: 'policy', profile: null, scopes: [] }), span: 'grant' })],
    ['sealed', ({ bobs }) => ({ kind: 'seal', key: bobs.id })],
  ])('is not %s by another profile’s person alone', async (_, wish) => {
    const all = await both();
    all.state.person = null;
    expect(await codeOf(() => all.ceremonies.begin(wish(all)))).toBe('TAP_KEY_NEEDED');
  });
});

describe('a tap for a request', () => {
  it('approves it, once it could be read, with the key that was touched', async () => {
    const { ceremonies, key, view, ask, consents, clock, audit } = await ready();
    const id = ask();
    const ticket = ceremonies.begin({ kind: 'tap', ask: id, span: 'grant' });
    expect(ceremonies.view(ticket)).toMatchObject({ kind: 'tap', ask: { id }, steps: 1, touch: 'get' });
    expect(await codeOf(touched(ceremonies, ticket, key))).toBe('ASK_TOO_EARLY');
    await clock.advance(500);
    expect(await touched(ceremonies, ticket, key)).toMatchObject({ done: true });
    expect(consents.view().history).toMatchObject([{ id, outcome: 'approved' }]);
    expect(audit.of('consent.answered')).toMatchObject([{ ask: id, verdict: 'approved', how: 'tap', tapKey: view.id }]);
  });

  it('approves nothing else: the answer to one request is refused for another', async () => {
    const { ceremonies, key, ask, clock, consents } = await ready();
    const [one, other] = [ask(), ask({ scopes: ['sql', 'jobs'] })];
    const tickets = [one, other].map((id) => ceremonies.begin({ kind: 'tap', ask: id, span: 'grant' }));
    ceremonies.view(tickets[0] ?? '');
    await clock.advance(500);
    const { id, options } = await ceremonies.options(tickets[1] ?? '', ORIGIN);
    const finished = ceremonies.finish(tickets[0] ?? '', { id, response: touch(key, options), name: '' });
    await expect(finished).rejects.toMatchObject({ code: 'TAP_REFUSED', reason: 'bound' });
    expect(consents.view().asks.map((ask) => ask.id)).toEqual([one, other]);
  });

  it('is not what was shown when it is for another span', async () => {
    const { ceremonies, key, ask, clock, consents } = await ready();
    const id = ask({ spans: ['once', 'program'] });
    const [once, program] = (['once', 'program'] as const).map((span) => ceremonies.begin({ kind: 'tap', ask: id, span }));
    ceremonies.view(once ?? '');
    await clock.advance(500);
    const begun = await ceremonies.options(once ?? '', ORIGIN);
    const finished = ceremonies.finish(program ?? '', { id: begun.id, response: touch(key, begun.options), name: '' });
    await expect(finished).rejects.toMatchObject({ code: 'TAP_REFUSED', reason: 'bound' });
    expect(consents.find(id)).toBeDefined();
  });

  it('begins, is shown and ends only while the request is open', async () => {
    const { ceremonies, key, ask, consents, clock } = await ready();
    expect(await codeOf(() => ceremonies.begin({ kind: 'tap', ask: 'a-none', span: 'grant' }))).toBe('ASK_UNKNOWN');
    const id = ask();
    const ticket = ceremonies.begin({ kind: 'tap', ask: id, span: 'grant' });
    ceremonies.view(ticket);
    await clock.advance(500);
    const { id: ceremony, options } = await ceremonies.options(ticket, ORIGIN);
    consents.answer(id, { verdict: 'denied', reach: 'once' });
    expect(await codeOf(ceremonies.finish(ticket, { id: ceremony, response: touch(key, options), name: '' }))).toBe('ASK_UNKNOWN');
    expect(await codeOf(() => ceremonies.view(ticket))).toBe('ASK_UNKNOWN');
  });

  it('that is refused on the page denies the request, and the ticket is spent', async () => {
    const { ceremonies, ask, consents } = await ready();
    const id = ask();
    const ticket = ceremonies.begin({ kind: 'tap', ask: id, span: 'grant' });
    ceremonies.refuse(ticket);
    expect(consents.view().history).toMatchObject([{ id, outcome: 'denied' }]);
    expect(await codeOf(() => ceremonies.refuse(ticket))).toBe('PAGE_REFUSED');
  });
});

describe('a ceremony that is refused on its page', () => {
  it('is over, and nothing has happened', async () => {
    const { ceremonies, view, keys, state } = await ready();
    const ticket = ceremonies.begin({ kind: 'remove', key: view.id });
    ceremonies.refuse(ticket);
    expect(await codeOf(ceremonies.options(ticket, ORIGIN))).toBe('PAGE_REFUSED');
    expect([keys.list().length, state.done]).toEqual([1, []]);
  });
});

describe('sealing and unlocking', () => {
  it('hands on what comes out of the key, asks for a PIN or finger, and wipes it', async () => {
    const { ceremonies, key, view, state } = await ready({}, true);
    await touched(ceremonies, ceremonies.begin({ kind: 'seal', key: view.id }), key);
    state.locked = true;
    state.person = null;
    await touched(ceremonies, ceremonies.begin({ kind: 'unlock' }), key);
    expect(state.done).toEqual([`seal ${view.id} 32`, `unlock ${view.id} 32`]);
    expect(state.prfs.map((prf) => prf.every((byte) => byte === 0))).toEqual([true, true]);
  });

  it('is asked of the key that is to seal alone', async () => {
    const { ceremonies, view, keys } = await ready();
    await enrol(keys);
    const { options } = await ceremonies.options(ceremonies.begin({ kind: 'seal', key: view.id }), ORIGIN);
    expect(options).toMatchObject({ userVerification: 'required', allowCredentials: [{}] });
    expect(options['allowCredentials']).toHaveLength(1);
  });

  it('is refused where the browser gives nothing to seal with', async () => {
    const { ceremonies, key, view, state } = await ready();
    const ticket = ceremonies.begin({ kind: 'seal', key: view.id });
    const { id, options } = await ceremonies.options(ticket, ORIGIN);
    const response = { ...touch(key, options), clientExtensionResults: {} };
    await expect(ceremonies.finish(ticket, { id, response, name: '' })).rejects.toMatchObject({ code: 'TAP_REFUSED', reason: 'prf' });
    expect(state.done).toEqual([]);
  });

  it('unlocks with keys that seal and no others', async () => {
    const { ceremonies } = await ready({}, false);
    expect(await codeOf(() => ceremonies.begin({ kind: 'unlock' }))).toBe('TAP_KEY_NEEDED');
  });
});

describe('while locked', () => {
  it.each(['enrol', 'remove', 'seal', 'tap'] as const)('nothing begins but an unlocking: not %s', async (kind) => {
    const { ceremonies, view, state, ask } = await ready({}, true);
    const id = ask();
    state.locked = true;
    const requests = {
      enrol: { kind: 'enrol' },
      remove: { kind: 'remove', key: view.id },
      seal: { kind: 'seal', key: view.id },
      tap: { kind: 'tap', ask: id, span: 'grant' },
    } as const;
    expect(await codeOf(() => ceremonies.begin(requests[kind]))).toBe('LOCKED');
    expect(ceremonies.begin({ kind: 'unlock' })).not.toBe('');
  });
});

describe('a ticket', () => {
  it('is good for ten minutes', async () => {
    const { ceremonies, clock, view } = await ready();
    const ticket = ceremonies.begin({ kind: 'seal', key: view.id });
    await clock.advance(minutes(10) - 1);
    expect(ceremonies.view(ticket).kind).toBe('seal');
    await clock.advance(1);
    await expect(async () => ceremonies.view(ticket)).rejects.toMatchObject({ code: 'PAGE_REFUSED', reason: 'ticket' });
    expect(await codeOf(ceremonies.options(ticket, ORIGIN))).toBe('PAGE_REFUSED');
  });

  it('is one of sixty-four: the oldest gives way', async () => {
    const { ceremonies, view } = await ready();
    const tickets = Array.from({ length: 65 }, () => ceremonies.begin({ kind: 'seal', key: view.id }));
    expect(await codeOf(() => ceremonies.view(tickets[0] ?? ''))).toBe('PAGE_REFUSED');
    expect(ceremonies.view(tickets[1] ?? '').kind).toBe('seal');
    expect(new Set(tickets).size).toBe(65);
  });

  it('has one touch judged at a time', async () => {
    const { ceremonies, key, view, keys } = await ready();
    await enrol(keys);
    const ticket = ceremonies.begin({ kind: 'remove', key: view.id });
    const { id, options } = await ceremonies.options(ticket, ORIGIN);
    const answer = { id, response: touch(key, options), name: '' };
    const outcomes = await Promise.allSettled([ceremonies.finish(ticket, answer), ceremonies.finish(ticket, answer)]);
    expect(outcomes[0]).toMatchObject({ status: 'fulfilled', value: { done: true } });
    expect(outcomes[1]).toMatchObject({ reason: { code: 'PAGE_REFUSED', reason: 'busy' } });
    expect(keys.list()).toHaveLength(1);
  });

  it('stays good after a touch that is refused', async () => {
    const { ceremonies, key, view, state, clock } = await ready();
    const ticket = ceremonies.begin({ kind: 'seal', key: view.id });
    const { id, options } = await ceremonies.options(ticket, ORIGIN);
    const forged = flipped('signature', -1)(touch(key, options));
    expect(await codeOf(ceremonies.finish(ticket, { id, response: forged, name: '' }))).toBe('TAP_REFUSED');
    await clock.advance(seconds(1));
    await touched(ceremonies, ticket, key);
    expect(state.done).toEqual([`seal ${view.id} 32`]);
  });
});

describe('what is asked in the name of a service principal', () => {
  const [keeper, later] = [
    { issuer: 'https://a.example', subject: 'alice' },
    { issuer: 'https://b.example', subject: 'alice' },
  ];
  const keys = { list: () => [{ id: 'first' }, { id: 'second' }], ownedBy: (who: unknown) => [who === keeper ? 'first' : 'second'] };
  const approver = (profile: string | null, there: readonly (typeof keeper)[]) => {
    const people = (name: string | null) => there.filter((each) => name === null || (name === 'a') === (each === keeper));
    return approverIn(profile, { people, tapKeys: keys as never, isServicePrincipal: (name) => name === 'robot' });
  };

  it('is for whoever enrolled the first key, not for whoever signed in last', () => {
    expect(approver('robot', [later, keeper])).toBe(keeper);
    expect([approver('a', [later, keeper]), approver('b', [later, keeper]), approver(null, [later, keeper])]).toEqual([
      keeper,
      later,
      later,
    ]);
  });

  it('is for nobody while that person is not there', () => {
    expect(() => approver('robot', [later])).toThrow(expect.objectContaining({ code: 'TAP_KEY_NEEDED' }));
    expect(() => approver('robot', [])).toThrow(expect.objectContaining({ code: 'SIGNED_OUT' }));
  });
});
