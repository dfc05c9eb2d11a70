/** A touch counts for exactly what was shown, once, of a key that is enrolled here; everything else is refused with its reason. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TapKeys } from '../../../main/passkey/tap-keys.ts';
import { minutes, seconds } from '../../../main/units.ts';
import { createSoftwareKey, type SoftwareKey } from '../../fixtures/software-key/software-key.ts';
import { type Answer, enrol, enrolled, flipped, inResponse, kept, ORIGIN, person, shown, touch, touchNew, verdict } from './setting.ts';

const begin = (keys: TapKeys, more: Partial<Parameters<TapKeys['beginTap']>[0]> = {}) =>
  keys.beginTap({ origin: ORIGIN, bound: shown, userVerification: 'preferred', ...more });

/** A whole tap, with what the person sees unchanged. */
async function tap(keys: TapKeys, key: SoftwareKey, more: Partial<Parameters<TapKeys['beginTap']>[0]> = {}) {
  const begun = await begin(keys, more);
  return keys.finishTap(begun.id, touch(key, begun.options), more.bound ?? shown);
}

describe('a tap', () => {
  it('says which key was touched, and is recorded with what it was for', async () => {
    const { keys, key, view, audit, clock } = await enrolled();
    await clock.advance(seconds(5));
    const { touch: touched, prf } = await tap(keys, key);
    expect(touched).toEqual({
      keyId: view.id,
      name: view.name,
      aaguid: view.aaguid,
      attested: false,
      hardwareBound: false,
      userVerified: true,
      touchedAt: clock.now(),
    });
    expect(prf).toBeNull();
    expect(keys.list()[0]?.lastTouchedAt).toBe(new Date(clock.now()).toISOString());
    expect(audit.of('tap.accepted')).toEqual([
      { type: 'tap.accepted', key: view.id, purpose: 'create', ask: 'ask-1', userVerified: 'yes' },
    ]);
  });

  it.each([
    [{ kind: 'remove', key: 'x', nonce: 'n' }, 'key-remove', ''],
    [{ kind: 'enrol', nonce: 'n' }, 'key-add', ''],
    [{ kind: 'unlock', nonce: 'n' }, 'unlock', ''],
    [{ kind: 'seal', nonce: 'n' }, 'seal', ''],
    [{ kind: 'tap', ask: { id: 'a', purpose: 'policy' } }, 'policy', 'a'],
    [{ kind: 'tap', ask: { id: 'a', purpose: 'of somebody else' } }, 'other', 'a'],
    ['anything', 'other', ''],
  ])('for %j is called %s in the log', async (bound, purpose, ask) => {
    const { keys, key, audit } = await enrolled();
    await tap(keys, key, { bound });
    expect(audit.of('tap.accepted')).toEqual([expect.objectContaining({ purpose, ask })]);
  });

  it('works again and again, with any of the keys, counted or not', async () => {
    const { keys, key } = await enrolled();
    const { key: countless } = await enrol(keys, { counts: false });
    for (const touched of [key, countless, countless, key, key]) await tap(keys, touched);
    expect(keys.touches().map(({ keyId }) => keyId)).toEqual(keys.list().map(({ id }) => id));
  });

  it('counts as a touch until the next sign-in, the newest of each key', async () => {
    const { keys, key, clock } = await enrolled();
    expect(keys.touches()).toEqual([]);
    await tap(keys, key);
    await clock.advance(minutes(1));
    await tap(keys, key);
    expect(keys.touches()).toEqual([expect.objectContaining({ touchedAt: clock.now() })]);
    keys.forgetTouches();
    expect(keys.touches()).toEqual([]);
    expect(keys.list()[0]?.lastTouchedAt).not.toBeNull();
  });

  it('needs a key', async () => {
    const { keys, view } = await enrolled();
    await keys.remove(view.id);
    expect(await verdict(begin(keys))).toBe('TAP_KEY_NEEDED');
  });

  it('is not accepted where its record cannot be written', async () => {
    const { keys, key, audit } = await enrolled();
    const begun = await begin(keys);
    audit.fail();
    expect(await verdict(keys.finishTap(begun.id, touch(key, begun.options), shown))).toBe('AUDIT_UNWRITABLE');
    expect(keys.touches()).toEqual([]);
  });

  it('is not accepted where the counter cannot be kept', async () => {
    const { keys, key, disk, audit } = await enrolled();
    disk.full();
    expect(await verdict(tap(keys, key))).toBe('DISK_FULL ENOSPC');
    expect(keys.touches()).toEqual([]);
    expect(audit.of('tap.accepted')).toEqual([]);
    disk.mend();
    await tap(keys, key);
  });

  it('follows a passkey that is synced, and one that no longer is', async () => {
    const { keys, key, disk } = await enrolled({ backupEligible: true });
    for (const backedUp of [true, false]) {
      key.backedUp = backedUp;
      await tap(keys, key);
      expect(kept(disk)['backedUp']).toBe(backedUp);
    }
  });
});

describe('what is shown', () => {
  it('may have the order of its members changed, and nothing else', async () => {
    const { keys, key } = await enrolled();
    const begun = await begin(keys, { bound: { a: 1, b: { c: 2, d: undefined } } });
    await keys.finishTap(begun.id, touch(key, begun.options), { b: { c: 2 }, a: 1 });
  });

  it.each([
    ['another scope', { ...shown, ask: { ...shown.ask, scopes: ['sql', 'all-apis'] } }],
    ['the scopes in another order', { ...shown, ask: { ...shown.ask, scopes: ['catalog', 'sql'] } }],
    ['another request', { ...shown, ask: { ...shown.ask, id: 'ask-2' } }],
    ['another length', { ...shown, span: 'once' }],
    ['one member more', { ...shown, more: null }],
    ['nothing', null],
  ])('is compared again when the answer comes: %s is refused', async (_name, now) => {
    const { keys, key, audit } = await enrolled();
    const begun = await begin(keys);
    expect(await verdict(keys.finishTap(begun.id, touch(key, begun.options), now))).toBe('TAP_REFUSED bound');
    expect(audit.of('tap.refused')).toEqual([expect.objectContaining({ reason: 'bound', count: 1 })]);
    expect(keys.touches()).toEqual([]);
  });

  it('cannot be swapped for any other value', async () => {
    const { keys, key } = await enrolled();
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), async (then, now) => {
        const begun = await begin(keys, { bound: then });
        const same = JSON.stringify(sorted(then)) === JSON.stringify(sorted(now));
        const said = await verdict(keys.finishTap(begun.id, touch(key, begun.options), now));
        expect(said).toBe(same ? 'taken' : 'TAP_REFUSED bound');
      }),
      { numRuns: 40 },
    );
  });
});

/** An independent way to say that two values are the same: pairs in order, instead of objects. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return ['list', value.map(sorted)];
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  return [
    'object',
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted((value as Record<string, unknown>)[name])]),
  ];
}

describe('an answer to a tap', () => {
  it('counts once', async () => {
    const { keys, key } = await enrolled();
    const begun = await begin(keys);
    const answer = touch(key, begun.options);
    await keys.finishTap(begun.id, answer, shown);
    expect(await verdict(keys.finishTap(begun.id, answer, shown))).toBe('TAP_REFUSED challenge');
  });

  it('counts once even when it comes twice at the same time', async () => {
    const { keys, key } = await enrolled({ counts: false });
    const begun = await begin(keys);
    const answer = touch(key, begun.options);
    const verdicts = await Promise.all([1, 2].map(() => verdict(keys.finishTap(begun.id, answer, shown))));
    expect(verdicts.sort()).toEqual(['TAP_REFUSED challenge', 'taken']);
  });

  it('is not asked for again after a refused one', async () => {
    const { keys, key } = await enrolled();
    const begun = await begin(keys);
    expect(await verdict(keys.finishTap(begun.id, {}, shown))).toBe('TAP_REFUSED response');
    expect(await verdict(keys.finishTap(begun.id, touch(key, begun.options), shown))).toBe('TAP_REFUSED challenge');
  });

  it('counts for two minutes of running time', async () => {
    const { keys, key, clock } = await enrolled();
    const [punctual, late] = [await begin(keys), await begin(keys)];
    await clock.advance(minutes(2));
    await keys.finishTap(punctual.id, touch(key, punctual.options), shown);
    await clock.advance(1);
    expect(await verdict(keys.finishTap(late.id, touch(key, late.options), shown))).toBe('TAP_REFUSED challenge');
  });

  it('counts no longer after the machine slept', async () => {
    const { keys, key, clock } = await enrolled();
    const begun = await begin(keys);
    clock.sleepThrough(minutes(3));
    expect(await verdict(keys.finishTap(begun.id, touch(key, begun.options), shown))).toBe('TAP_REFUSED challenge');
  });

  it('counts no longer where 64 others were begun since', async () => {
    const { keys, key } = await enrolled();
    const first = await begin(keys);
    const second = await begin(keys);
    for (let count = 0; count < 63; count++) await begin(keys);
    expect(await verdict(keys.finishTap(first.id, touch(key, first.options), shown))).toBe('TAP_REFUSED challenge');
    await keys.finishTap(second.id, touch(key, second.options), shown);
  });

  it('made for another tap is refused, though the same is shown', async () => {
    const { keys, key } = await enrolled();
    const [one, two] = [await begin(keys), await begin(keys)];
    expect(await verdict(keys.finishTap(two.id, touch(key, one.options), shown))).toBe('TAP_REFUSED challenge');
  });

  it('made for an enrolment is refused, at either name', async () => {
    const { keys, key } = await enrolled();
    const enrolment = await keys.beginEnrol({ origin: ORIGIN, person });
    const begun = await begin(keys);
    const fresh = createSoftwareKey();
    expect(await verdict(keys.finishTap(begun.id, touchNew(fresh, enrolment.options), shown))).toBe('TAP_REFUSED response');
    const asTap = { ...begun.options, challenge: enrolment.options['challenge'] };
    expect(await verdict(keys.finishTap(enrolment.id, touch(key, asTap), shown))).toBe('TAP_REFUSED challenge');
  });

  it('under a name that nobody gave out is refused', async () => {
    const { keys, key } = await enrolled();
    const begun = await begin(keys);
    for (const id of ['', 'x', '__proto__', `${begun.id}x`]) {
      expect(await verdict(keys.finishTap(id, touch(key, begun.options), shown))).toBe('TAP_REFUSED challenge');
    }
  });
});

/** A key that signs what it is told to; the person's own, in hands that are not theirs. */
async function hostile() {
  const all = await enrolled({ hostile: true });
  const begun = await begin(all.keys);
  return { ...all, begun, finish: (answer: unknown) => all.keys.finishTap(begun.id, answer, shown) };
}

describe('a forged answer', () => {
  it.each<[string, string, (key: SoftwareKey) => void]>([
    ['of the other kind of ceremony', 'response', (key) => (key.forge = (data) => ({ ...data, type: 'webauthn.create' }))],
    [
      'to another challenge',
      'challenge',
      (key) => (key.forge = (data) => ({ ...data, challenge: Buffer.alloc(32).toString('base64url') })),
    ],
    ['to a challenge of no kind', 'response', (key) => (key.forge = (data) => ({ ...data, challenge: null }))],
    ['from a page inside another page', 'origin', (key) => (key.forge = (data) => ({ ...data, crossOrigin: true }))],
    ['from a page inside a page it names', 'origin', (key) => (key.forge = (data) => ({ ...data, crossOrigin: true, topOrigin: ORIGIN }))],
    ['with a frame that is hidden', 'origin', (key) => (key.forge = (data) => ({ ...data, topOrigin: 'http://evil.test' }))],
    ['with a cross-origin mark of another kind', 'response', (key) => (key.forge = (data) => ({ ...data, crossOrigin: 'no' }))],
    ['that nobody touched a key for', 'presence', (key) => (key.up = false)],
    ['of a key that was of one device and now says many', 'key', (key) => (key.backupEligible = true)],
    ['of a key of one device that says it is synced', 'response', (key) => (key.backedUp = true)],
    ['with the counter where it was', 'counter', (key) => (key.counter -= 1)],
    ['with the counter set back', 'counter', (key) => (key.counter = -1)],
  ])('%s is refused: %s', async (_name, reason, change) => {
    const { key, begun, finish, keys, audit } = await hostile();
    change(key);
    expect(await verdict(finish(touch(key, begun.options)))).toBe(`TAP_REFUSED ${reason}`);
    expect(audit.of('tap.refused')).toEqual([{ type: 'tap.refused', purpose: 'create', reason, count: 1 }]);
    expect(audit.of('tap.accepted')).toEqual([]);
    expect(keys.touches()).toEqual([]);
  });

  it.each([
    ['another port', 'http://lakepass.localhost:4712'],
    ['no port', 'http://lakepass.localhost'],
    ['another scheme', 'https://lakepass.localhost:4711'],
    ['another name', 'http://localhost:4711'],
    ['a name below ours', 'http://x.lakepass.localhost:4711'],
    ['no origin', 'null'],
  ])('from %s is refused', async (_name, origin) => {
    const { key, begun, finish } = await hostile();
    expect(await verdict(finish(touch(key, begun.options, origin)))).toBe('TAP_REFUSED origin');
  });

  it('for another RP ID is refused', async () => {
    const { key, begun, finish } = await hostile();
    expect(await verdict(finish(touch(key, { ...begun.options, rpId: 'localhost' })))).toBe('TAP_REFUSED rp-id');
  });

  it('of a key that did not verify its user is refused where that was asked for', async () => {
    const { keys, key } = await enrolled({ hostile: true });
    key.uv = false;
    expect(await verdict(tap(keys, key, { userVerification: 'required' }))).toBe('TAP_REFUSED verification');
    expect((await tap(keys, key)).touch.userVerified).toBe(false);
  });

  it('of a key that was never enrolled is refused', async () => {
    const { begun, finish } = await hostile();
    const stranger = createSoftwareKey({ hostile: true });
    const { keys: elsewhere } = await enrolled();
    const made = touchNew(stranger, (await elsewhere.beginEnrol({ origin: ORIGIN, person })).options);
    const asked = { ...begun.options, allowCredentials: [{ type: 'public-key', id: made.id }] };
    expect(await verdict(finish(touch(stranger, asked)))).toBe('TAP_REFUSED key');
  });

  it('of a stranger under the name of a key that is enrolled is refused', async () => {
    const { begun, finish, key } = await hostile();
    const stranger = createSoftwareKey({ hostile: true });
    const { keys: elsewhere } = await enrolled();
    const made = touchNew(stranger, (await elsewhere.beginEnrol({ origin: ORIGIN, person })).options);
    const foreign = touch(stranger, { ...begun.options, allowCredentials: [{ type: 'public-key', id: made.id }] });
    const own = touch(key, begun.options);
    expect(await verdict(finish({ ...foreign, id: own.id, rawId: own.id }))).toBe('TAP_REFUSED response');
  });

  it('of a key that was removed meanwhile is refused', async () => {
    const { keys, key, view, begun, finish } = await hostile();
    await enrol(keys);
    await keys.remove(view.id);
    expect(await verdict(finish(touch(key, begun.options)))).toBe('TAP_REFUSED key');
  });

  it('of a key other than those asked for is refused', async () => {
    const { keys, key } = await enrolled({ hostile: true });
    const { view: other } = await enrol(keys);
    const begun = await begin(keys, { only: [other.id] });
    const all = await begin(keys);
    expect(begun.options['allowCredentials']).toHaveLength(1);
    const asked = { ...begun.options, allowCredentials: all.options['allowCredentials'] };
    expect(await verdict(keys.finishTap(begun.id, touch(key, asked), shown))).toBe('TAP_REFUSED key');
    expect(await verdict(begin(keys, { only: [] }))).toBe('TAP_REFUSED key');
    expect(await verdict(begin(keys, { only: ['no such key'] }))).toBe('TAP_REFUSED key');
  });

  it('with the handle of another user is refused', async () => {
    const { key, begun, finish } = await hostile();
    const answer = touch(key, begun.options);
    expect(await verdict(finish({ ...answer, response: { ...answer.response, userHandle: 'AAAA' } }))).toBe('TAP_REFUSED key');
  });
});

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64url');

describe('garbage for an answer', () => {
  it.each<[string, (answer: Answer) => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['a number', () => 1],
    ['a list', () => []],
    ['an empty object', () => ({})],
    ['no response', ({ response: _, ...answer }) => answer],
    ['no extension results', ({ clientExtensionResults: _, ...answer }) => answer],
    ['another type', (answer) => ({ ...answer, type: 'public_key' })],
    ['an id and another raw id', (answer) => ({ ...answer, rawId: 'AAAA' })],
    ['no signature', inResponse('signature', undefined)],
    ['an empty signature', inResponse('signature', '')],
    ['another byte in the signature', flipped('signature', -1)],
    ['a signature that is no DER', inResponse('signature', 'AAAA')],
    ['a signature of a kilobyte and more', inResponse('signature', base64(Buffer.alloc(1025)))],
    [
      'half the authenticator data',
      (answer) => inResponse('authenticatorData', String(answer.response['authenticatorData']).slice(0, 48))(answer),
    ],
    [
      'authenticator data of one byte too many',
      (answer) => inResponse('authenticatorData', `${String(answer.response['authenticatorData'])}AAAA`)(answer),
    ],
    ['another counter than was signed', flipped('authenticatorData', 33)],
    ['other flags than were signed', flipped('authenticatorData', 32, 0x04)],
    ['authenticator data of 3 kB', inResponse('authenticatorData', base64(Buffer.alloc(3000)))],
    ['client data that is no JSON', inResponse('clientDataJSON', base64('{"a":'))],
    ['client data that is null', inResponse('clientDataJSON', base64('null'))],
    ['client data that is no UTF-8', inResponse('clientDataJSON', base64(Buffer.from([0x7b, 0xff, 0x7d])))],
    ['client data of 5 kB', inResponse('clientDataJSON', base64(Buffer.alloc(5000, 0x20)))],
    ['base64 with padding', (answer) => inResponse('signature', `${String(answer.response['signature'])}==`)(answer)],
    [
      'a PRF result of 31 bytes',
      (answer) => ({ ...answer, clientExtensionResults: { prf: { results: { first: base64(Buffer.alloc(31)) } } } }),
    ],
    [
      'a PRF result of 33 bytes',
      (answer) => ({ ...answer, clientExtensionResults: { prf: { results: { first: base64(Buffer.alloc(33)) } } } }),
    ],
    ['a PRF result that is an object', (answer) => ({ ...answer, clientExtensionResults: { prf: { results: { first: {} } } } })],
  ])('%s is refused', async (_name, change) => {
    const { keys, key, audit } = await enrolled();
    const begun = await begin(keys);
    expect(await verdict(keys.finishTap(begun.id, change(touch(key, begun.options)), shown))).toBe('TAP_REFUSED response');
    expect(audit.of('tap.refused')).toHaveLength(1);
    await tap(keys, key);
  });

  it('with any byte changed of what is signed, or of the two numbers of the signature, is never taken', async () => {
    const { keys, key } = await enrolled();
    const field = fc.constantFrom('clientDataJSON', 'authenticatorData', 'signature');
    await fc.assert(
      fc.asyncProperty(field, fc.nat(), fc.integer({ min: 1, max: 255 }), async (name, at, change) => {
        const begun = await begin(keys);
        const answer = touch(key, begun.options);
        const bytes = Buffer.from(String(answer.response[name]), 'base64url');
        const index = at % bytes.length;
        // Tags and lengths around r and s say nothing that is signed, and the library reads some of their bits as it likes.
        const rLength = bytes[3] ?? 0;
        fc.pre(name !== 'signature' || ![0, 1, 2, 3, 4 + rLength, 5 + rLength].includes(index));
        bytes[index] = (bytes[index] ?? 0) ^ change;
        const said = await verdict(keys.finishTap(begun.id, inResponse(name, base64(bytes))(answer), shown));
        expect(said).toMatch(/^TAP_REFUSED (response|challenge|origin|rp-id|presence)$/);
      }),
      { numRuns: 100 },
    );
  });

  it('in any JSON is refused and breaks nothing', async () => {
    const { keys, key } = await enrolled();
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (answer) => {
        const begun = await begin(keys);
        expect(await verdict(keys.finishTap(begun.id, answer, shown))).toBe('TAP_REFUSED response');
      }),
      { numRuns: 50 },
    );
    await tap(keys, key);
  });
});

describe('a counter that does not go up', () => {
  it('marks the key, and the key that goes on is not locked', async () => {
    const { keys, key } = await enrolled();
    for (let count = 0; count < 5; count++) await tap(keys, key);
    const before = key.counter;
    key.counter = 2;
    expect(await verdict(tap(keys, key))).toBe('TAP_REFUSED counter');
    expect(keys.list()[0]?.suspect).toBe(true);
    key.counter = before;
    await tap(keys, key);
    expect(keys.list()[0]?.suspect).toBe(true);
  });

  it('is remembered over a restart', async () => {
    const { keys, key, start } = await enrolled();
    for (let count = 0; count < 5; count++) await tap(keys, key);
    key.counter = 2;
    const again = await start();
    expect(await verdict(tap(again, key))).toBe('TAP_REFUSED counter');
    expect((await start()).list()[0]?.suspect).toBe(true);
  });

  it('does not mark a key for an answer that it did not sign', async () => {
    const { keys, key } = await enrolled();
    const begun = await begin(keys);
    key.counter = -1;
    const answer = touch(key, begun.options);
    expect(await verdict(keys.finishTap(begun.id, flipped('signature', -1)(answer), shown))).toBe('TAP_REFUSED response');
    expect(keys.list()[0]?.suspect).toBeUndefined();
  });

  it('is seen where a key that counted says 0', async () => {
    const { keys, key } = await enrolled();
    await tap(keys, key);
    key.counter = -1;
    expect(await verdict(tap(keys, key))).toBe('TAP_REFUSED counter');
  });

  it('lets one of two copies through when both answer at once', async () => {
    const { keys, key } = await enrolled();
    const [one, two] = [await begin(keys), await begin(keys)];
    const before = key.counter;
    const answer = touch(key, one.options);
    key.counter = before;
    const copied = touch(key, two.options);
    const verdicts = await Promise.all([verdict(keys.finishTap(one.id, answer, shown)), verdict(keys.finishTap(two.id, copied, shown))]);
    expect(verdicts).toEqual(['taken', 'TAP_REFUSED counter']);
  });
});

describe('many refusals', () => {
  it('are one record a minute of each kind', async () => {
    const { keys, key, audit, clock } = await enrolled();
    for (let count = 0; count < 500; count++) await verdict(keys.finishTap('nobody', {}, shown));
    expect(audit.of('tap.refused')).toHaveLength(1);
    await clock.advance(minutes(1));
    expect(audit.of('tap.refused').map(({ count }) => count)).toEqual([1, 499]);
    await tap(keys, key);
  });
});
