/** A key becomes one of the registry: what is asked for, what is believed, what is kept. */
import { describe, expect, it, vi } from 'vitest';
import { modelShown } from '../../../main/passkey/models.ts';
import { minutes } from '../../../main/units.ts';
import { encodeCbor } from '../../fixtures/software-key/cbor.ts';
import { createSoftwareKey, type SoftwareKeyOptions } from '../../fixtures/software-key/software-key.ts';
import {
  type Answer,
  creating,
  enrol,
  enrolled,
  flipped,
  inResponse,
  kept,
  ORIGIN,
  overJson,
  person,
  setting,
  shown,
  touch,
  touchNew,
  verdict,
} from './setting.ts';

const yubikey = 'fa2b99dc-9e39-4257-8f92-4a30d23c4118';

async function beginning(options: SoftwareKeyOptions = {}) {
  const all = setting();
  const keys = await all.start();
  const begun = await keys.beginEnrol({ origin: ORIGIN, person });
  const key = createSoftwareKey(options);
  return { ...all, keys, key, begun, finish: (answer: unknown, name = '') => keys.finishEnrol(begun.id, answer, name) };
}

/** The statement of attestation, as `format` and bytes of the caller's. */
function withAttestation(answer: Answer, format: string, statement: ReadonlyMap<string, string>): Answer {
  const authData = Buffer.from(String(answer.response['authenticatorData']), 'base64url');
  const object = encodeCbor(
    new Map<string, string | Uint8Array | ReadonlyMap<string, string>>([
      ['fmt', format],
      ['attStmt', statement],
      ['authData', authData],
    ]),
  );
  return { ...answer, response: { ...answer.response, attestationObject: object.toString('base64url') } };
}

describe('enrolling', () => {
  it('asks for attestation, for no place on the key, for what the key can verify, and for the PRF', async () => {
    const { begun } = await beginning();
    expect(begun.options).toMatchObject({
      rp: { id: 'lakepass.localhost' },
      user: { name: person.username },
      attestation: 'direct',
      excludeCredentials: [],
      authenticatorSelection: { residentKey: 'discouraged', userVerification: 'preferred' },
      extensions: { prf: {} },
    });
    expect(overJson(begun.options)).toEqual(begun.options);
  });

  it('gives a key with its model unproven', async () => {
    const { view } = await enrolled({ aaguid: yubikey });
    expect(view).toMatchObject({
      name: 'YubiKey 5 NFC',
      aaguid: yubikey,
      model: 'YubiKey 5 NFC (unproven)',
      attested: false,
      hardwareBound: true,
      lastTouchedAt: null,
      canSeal: true,
      seals: false,
    });
  });

  it('takes the name the person gives, and numbers what has none', async () => {
    const { keys } = await enrolled();
    const { view } = await enrol(keys, {}, '  Blue one 🔑 ');
    expect(keys.list().map(({ name }) => name)).toEqual(['Key 1', 'Blue one 🔑']);
    expect(view.model).toBe('Unknown model (unproven)');
  });

  it.each([
    ['a line break', 'a\nb'],
    ['a turn of direction', 'a\u202Eb'],
    ['an isolate', 'a\u2066b'],
    ['more than 60 characters', 'x'.repeat(61)],
    ['no text', 7 as unknown as string],
  ])('refuses a name with %s', async (_name, name) => {
    const { finish, key, begun, keys } = await beginning();
    expect(await verdict(finish(touchNew(key, begun.options), name))).toBe('INPUT_INVALID name');
    expect(keys.list()).toEqual([]);
  });

  it.each([
    [{ prf: false }, false],
    [{ uv: false }, false],
    [{}, true],
  ])('with a key of %j says that it can seal: %s', async (options, canSeal) => {
    expect((await enrolled(options)).view.canSeal).toBe(canSeal);
  });

  it('shows a passkey that may be synced as not bound to hardware', async () => {
    expect((await enrolled({ backupEligible: true })).view.hardwareBound).toBe(false);
  });

  it.each(['packed', 'packed-self', 'none'] as const)('takes %s attestation and keeps what judging it later takes', async (attestation) => {
    const { disk } = await enrolled({ attestation });
    const { attestation: evidence } = kept(disk) as { attestation: { format: string; object: string; clientDataHash: string } };
    expect(evidence.format).toBe(attestation === 'none' ? 'none' : 'packed');
    expect(Buffer.from(evidence.object, 'base64url').length).toBeGreaterThan(100);
    expect(Buffer.from(evidence.clientDataHash, 'base64url')).toHaveLength(32);
  });

  it.each(['android-key', 'android-safetynet', 'tpm', 'apple', 'compound', 'of-tomorrow'])(
    'takes a key with %s attestation as unproven and asks the network nothing',
    async (format) => {
      const fetched = vi.spyOn(globalThis, 'fetch');
      const { finish, key, begun, disk } = await beginning();
      const answer = withAttestation(touchNew(key, begun.options), format, new Map([['x', 'garbage']]));
      expect(await finish(answer)).toMatchObject({ attested: false });
      expect(fetched).not.toHaveBeenCalled();
      expect(kept(disk)['attestation']).toMatchObject({ format });
    },
  );

  it('keeps issuer and subject of the person, and one random user handle for all keys', async () => {
    const { keys, disk } = await enrolled();
    const handles = await Promise.all([1, 2].map(async () => (await keys.beginEnrol({ origin: ORIGIN, person })).options['user']));
    expect(new Set(handles.map((user) => (user as { id: string }).id)).size).toBe(1);
    expect(kept(disk)['person']).toEqual(person);
  });

  it('is refused by the browser for a key that is enrolled already', async () => {
    const { keys, key } = await enrolled();
    const { options } = await keys.beginEnrol({ origin: ORIGIN, person });
    expect(() => key.create(creating(options), ORIGIN)).toThrow(expect.objectContaining({ name: 'InvalidStateError' }));
  });

  it('is refused for a seventeenth key', async () => {
    const { keys } = await enrolled();
    for (let count = 2; count <= 16; count++) await enrol(keys);
    expect(await verdict(keys.beginEnrol({ origin: ORIGIN, person }))).toBe('TAP_REFUSED full');
    expect(keys.list()).toHaveLength(16);
  });

  it('is refused where another key was enrolled since it began', async () => {
    const { keys, finish, key, begun } = await beginning();
    await enrol(keys);
    expect(await verdict(finish(touchNew(key, begun.options)))).toBe('TAP_REFUSED challenge');
    expect(keys.list()).toHaveLength(1);
  });

  it('is recorded before it takes effect', async () => {
    const { keys, key, begun, finish, audit } = await beginning();
    audit.fail();
    expect(await verdict(finish(touchNew(key, begun.options)))).toBe('AUDIT_UNWRITABLE');
    expect(keys.list()).toEqual([]);
    audit.mend();
    const { view } = await enrol(keys, { aaguid: yubikey }, 'Mine');
    await enrol(keys);
    expect(audit.of('tap-key.added')).toEqual([
      { type: 'tap-key.added', key: view.id, name: 'Mine', aaguid: yubikey, first: 'yes' },
      expect.objectContaining({ first: 'no' }),
    ]);
  });

  it('takes no effect where it cannot be kept', async () => {
    const { keys, key, begun, finish, disk } = await beginning();
    disk.full();
    expect(await verdict(finish(touchNew(key, begun.options)))).toBe('DISK_FULL ENOSPC');
    expect(keys.list()).toEqual([]);
  });

  it('needs an origin of ours', async () => {
    const { keys } = await beginning();
    for (const origin of [
      'http://localhost:4711',
      'https://lakepass.localhost:4711',
      'http://lakepass.localhost:4711/',
      'http://x.lakepass.localhost',
    ]) {
      await expect(keys.beginEnrol({ origin, person })).rejects.toThrow(TypeError);
    }
  });
});

describe('an answer to an enrolment', () => {
  it.each<[string, string, (answer: Answer) => unknown]>([
    ['nothing', 'response', () => undefined],
    ['null', 'response', () => null],
    ['text', 'response', () => 'x'],
    ['an empty object', 'response', () => ({})],
    ['a list', 'response', () => []],
    ['no id', 'response', ({ id: _, ...answer }) => answer],
    ['another id than its own', 'response', (answer) => ({ ...answer, id: 'AAAA', rawId: 'AAAA' })],
    ['an id that differs from its raw id', 'response', (answer) => ({ ...answer, rawId: 'AAAA' })],
    ['another type of credential', 'response', (answer) => ({ ...answer, type: 'password' })],
    ['padded base64', 'response', (answer) => ({ ...answer, id: `${answer.id}=` })],
    ['base64 in another spelling', 'response', (answer) => ({ ...answer, id: 'AB', rawId: 'AB' })],
    ['an id of more than 1023 bytes', 'response', (answer) => ({ ...answer, id: 'A'.repeat(1368), rawId: 'A'.repeat(1368) })],
    ['client data that is no JSON', 'response', inResponse('clientDataJSON', Buffer.from('{').toString('base64url'))],
    ['client data that is null', 'response', inResponse('clientDataJSON', Buffer.from('null').toString('base64url'))],
    ['client data that is no UTF-8', 'response', inResponse('clientDataJSON', Buffer.from([0x22, 0xff, 0x22]).toString('base64url'))],
    ['client data of 5 kB', 'response', inResponse('clientDataJSON', Buffer.alloc(5000, 0x20).toString('base64url'))],
    ['an attestation object that is no CBOR', 'response', inResponse('attestationObject', 'AAAA')],
    [
      'an attestation object of nested lists',
      'response',
      inResponse('attestationObject', Buffer.alloc(16_000, 0x81).toString('base64url')),
    ],
    [
      'an attestation object that claims a huge list',
      'response',
      inResponse('attestationObject', Buffer.from('9affffffff', 'hex').toString('base64url')),
    ],
    ['an attestation object of more than 16 kB', 'response', inResponse('attestationObject', Buffer.alloc(16_400).toString('base64url'))],
    ['an empty attestation object', 'response', inResponse('attestationObject', encodeCbor(new Map()).toString('base64url'))],
    [
      'half an attestation object',
      'response',
      (answer) => inResponse('attestationObject', String(answer.response['attestationObject']).slice(0, 200))(answer),
    ],
    ['another byte in the attestation object', 'response', flipped('attestationObject', -1)],
    ['transports that are no list', 'response', inResponse('transports', 'usb')],
    ['a transport of many words', 'response', inResponse('transports', ['usb; rm -rf'])],
    ['a PRF that is no claim', 'response', (answer) => ({ ...answer, clientExtensionResults: { prf: { enabled: 'yes' } } })],
    [
      'authenticator data that is too short',
      'response',
      (answer) => withAttestation({ ...answer, response: { ...answer.response, authenticatorData: 'AAAA' } }, 'none', new Map()),
    ],
    ['a statement under the name of none', 'response', (answer) => withAttestation(answer, 'none', new Map([['x', 'y']]))],
  ])('with %s is refused: %s', async (_name, reason, change) => {
    const { key, begun, finish, keys, audit } = await beginning();
    expect(await verdict(finish(change(touchNew(key, begun.options))))).toBe(`TAP_REFUSED ${reason}`);
    expect(keys.list()).toEqual([]);
    expect(audit.of('tap.refused')).toEqual([{ type: 'tap.refused', purpose: 'key-add', reason, count: 1 }]);
    expect(audit.of('tap-key.added')).toEqual([]);
  });

  it('whose packed statement is signed by somebody else is refused', async () => {
    const { key, begun, finish } = await beginning({ attestation: 'packed-self' });
    const other = createSoftwareKey({ attestation: 'packed-self' });
    const [own, foreign] = [touchNew(key, begun.options), touchNew(other, begun.options)];
    const data = (answer: Answer) => Buffer.from(String(answer.response['authenticatorData']), 'base64url');
    const bytes = Buffer.from(String(foreign.response['attestationObject']), 'base64url');
    data(own).copy(bytes, bytes.indexOf(data(foreign)));
    const mixed = { ...own, response: { ...own.response, attestationObject: bytes.toString('base64url') } };
    expect(await verdict(finish(mixed))).toBe('TAP_REFUSED response');
  });

  it('that names a credential other than the one inside is refused', async () => {
    const { key, begun, finish } = await beginning({ attestation: 'none' });
    const answer = touchNew(key, begun.options);
    expect(await verdict(finish({ ...answer, id: 'c29tZWJvZHkgZWxzZQ', rawId: 'c29tZWJvZHkgZWxzZQ' }))).toBe('TAP_REFUSED response');
  });

  it.each<[string, string, (key: ReturnType<typeof createSoftwareKey>) => void]>([
    ['a page inside another page', 'origin', (key) => (key.forge = (data) => ({ ...data, crossOrigin: true }))],
    ['a page inside a page it names', 'origin', (key) => (key.forge = (data) => ({ ...data, topOrigin: ORIGIN }))],
    ['a ceremony of the other kind', 'response', (key) => (key.forge = (data) => ({ ...data, type: 'webauthn.get' }))],
    ['another challenge', 'challenge', (key) => (key.forge = (data) => ({ ...data, challenge: 'AAAA' }))],
    ['a key that nobody touched', 'presence', (key) => (key.up = false)],
    ['a key of one device that claims to be synced', 'response', (key) => (key.backedUp = true)],
  ])('from %s is refused: %s', async (_name, reason, change) => {
    const { key, begun, finish } = await beginning({ hostile: true });
    change(key);
    expect(await verdict(finish(touchNew(key, begun.options)))).toBe(`TAP_REFUSED ${reason}`);
  });

  it.each([
    ['another port', 'http://lakepass.localhost:4712'],
    ['no port', 'http://lakepass.localhost'],
    ['another scheme', 'https://lakepass.localhost:4711'],
    ['another name', 'http://localhost:4711'],
    ['a name below ours', 'http://x.lakepass.localhost:4711'],
  ])('from %s is refused', async (_name, origin) => {
    const { key, begun, finish } = await beginning({ hostile: true });
    expect(await verdict(finish(touchNew(key, begun.options, origin)))).toBe('TAP_REFUSED origin');
  });

  it('for another RP ID is refused', async () => {
    const { key, begun, finish } = await beginning({ hostile: true });
    const asked = { ...begun.options, rp: { id: 'localhost', name: 'x' } };
    expect(await verdict(finish(touchNew(key, asked)))).toBe('TAP_REFUSED rp-id');
  });

  it('counts once, for two minutes, and only for an enrolment', async () => {
    const { keys, key, begun, finish, clock } = await beginning();
    const answer = touchNew(key, begun.options);
    await finish(answer);
    expect(await verdict(finish(answer))).toBe('TAP_REFUSED challenge');

    const late = await keys.beginEnrol({ origin: ORIGIN, person });
    await clock.advance(minutes(2) + 1);
    expect(await verdict(keys.finishEnrol(late.id, touchNew(createSoftwareKey(), late.options), ''))).toBe('TAP_REFUSED challenge');

    const tap = await keys.beginTap({ origin: ORIGIN, bound: shown, userVerification: 'preferred' });
    expect(await verdict(keys.finishEnrol(tap.id, touch(key, tap.options), ''))).toBe('TAP_REFUSED challenge');
  });

  it('of a credential that is enrolled already is refused', async () => {
    const { keys, begun } = await beginning({ hostile: true });
    const key = createSoftwareKey({ hostile: true, attestation: 'none' });
    const answer = touchNew(key, begun.options);
    await keys.finishEnrol(begun.id, answer, '');
    const again = await keys.beginEnrol({ origin: ORIGIN, person });
    const clientData = { type: 'webauthn.create', challenge: again.options['challenge'], origin: ORIGIN, crossOrigin: false };
    const replayed = inResponse('clientDataJSON', Buffer.from(JSON.stringify(clientData)).toString('base64url'))(answer);
    expect(await verdict(keys.finishEnrol(again.id, withAttestation(replayed as Answer, 'none', new Map()), ''))).toBe(
      'TAP_REFUSED duplicate',
    );
    expect(keys.list()).toHaveLength(1);
  });
});

describe('names of models', () => {
  it.each([
    [yubikey, true, 'YubiKey 5 NFC'],
    [yubikey, false, 'YubiKey 5 NFC (unproven)'],
    ['00000000-0000-0000-0000-000000000000', false, 'A key that names no model (unproven)'],
    ['12345678-0000-0000-0000-000000000000', false, 'Unknown model (unproven)'],
  ])('%s, attested: %s, is shown as %s', (aaguid, attested, shownAs) => {
    expect(modelShown(aaguid, attested)).toBe(shownAs);
  });
});
