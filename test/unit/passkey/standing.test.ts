/** What becomes of a key once its attestation is judged: what policy is told, whose it is, and how it ends. */
import { describe, expect, it } from 'vitest';
import { openMds } from '../../../main/passkey/mds.ts';
import { basicConstraints, certificate } from '../../fixtures/certificates.ts';
import { type AttestationRoot, createAttestationRoot } from '../../fixtures/software-key/attestation-certificates.ts';
import { createSoftwareKey, type SoftwareKey } from '../../fixtures/software-key/software-key.ts';
import { metadata } from './known-maker.ts';
import { maker, serialNumber, subjectOf } from './made-evidence.ts';
import { fido, signed } from './made-metadata.ts';
import { enrol, enrolled, kept, ORIGIN, person, setting, shown, touch, touchNew, verdict } from './setting.ts';

const bob = { ...person, subject: 'sub-bob', username: 'bob@acme.test' };

/** A maker that writes a serial number into the certificate of each key. */
const numbered = (serial: number): AttestationRoot => ({
  pem: `-----BEGIN CERTIFICATE-----\n${maker.der.toString('base64')}\n-----END CERTIFICATE-----`,
  issue: (publicKey) =>
    certificate(
      { subject: subjectOf(), issuer: maker.subject, publicKey, extensions: [basicConstraints(false), serialNumber(Buffer.of(serial))] },
      maker.privateKey,
    ),
});

async function tapped(keys: Awaited<ReturnType<typeof enrolled>>['keys'], key: SoftwareKey) {
  const { id, options } = await keys.beginTap({ origin: ORIGIN, bound: shown, userVerification: 'preferred' });
  return (await keys.finishTap(id, touch(key, options), shown)).touch;
}

async function proving(options: Parameters<typeof enrol>[1] = {}) {
  const root = createAttestationRoot();
  const all = { ...setting(), ...metadata(root) };
  const keys = await all.start(undefined, { mds: all.mds });
  return { ...all, keys, root, ...(await enrol(keys, { root, ...options })) };
}

describe('a key whose maker vouches for it', () => {
  it('is proven, and so are its touches', async () => {
    const { keys, key, view, audit } = await proving();
    expect(view).toMatchObject({ attested: true, model: 'Lake Key', verdict: 'proven', because: 'root', status: 'FIDO_CERTIFIED' });
    expect(await tapped(keys, key)).toMatchObject({ attested: true, hardwareBound: true, aaguid: key.aaguid });
    expect(audit.of('tap-key.judged')).toEqual([
      {
        type: 'tap-key.judged',
        key: view.id,
        verdict: 'proven',
        because: 'root',
        model: 'Lake Key',
        mds: 'no. 1: FIDO_CERTIFIED; revocation not checked',
      },
    ]);
  });

  it('is not bound to hardware where it may be synced', async () => {
    const { keys, key } = await proving({ backupEligible: true });
    expect(await tapped(keys, key)).toMatchObject({ attested: true, hardwareBound: false });
  });

  it('is not bound to hardware where its model keeps keys in software', async () => {
    const { keys, key, state } = await proving();
    Object.assign(state, { no: 2, changes: { inSoftware: true } });
    await keys.judgeAgain();
    expect(await tapped(keys, key)).toMatchObject({ attested: true, hardwareBound: false });
    expect(keys.list()[0]).toMatchObject({ attested: true, hardwareBound: false });
  });

  it('keeps its judgement over a restart', async () => {
    const { start, mds, key, view } = await proving();
    const again = await start(undefined, { mds });
    expect(again.list()).toEqual([view]);
    expect(await tapped(again, key)).toMatchObject({ attested: true });
  });
});

describe('a key that nobody vouches for', () => {
  it.each([
    ['packed', 'unproven', 'no-metadata'],
    ['packed-self', 'self', 'self'],
    ['none', 'none', 'none'],
  ] as const)('with attestation %s is %s, and policy hears neither of a model nor of hardware', async (attestation, judged, because) => {
    const { keys, key, view } = await enrolled({ attestation });
    expect(view).toMatchObject({ attested: false, verdict: judged, because });
    expect(await tapped(keys, key)).toMatchObject({ attested: false, hardwareBound: false });
  });
});

describe('a newer issue of the metadata', () => {
  it('that calls a model broken ends what its keys prove, and their touches', async () => {
    const { keys, key, state, audit } = await proving();
    await tapped(keys, key);
    Object.assign(state, { no: 2, changes: { status: 'REVOKED', standing: 'blocked' } });
    expect(await keys.judgeAgain()).toBe(1);
    expect(keys.touches()).toEqual([]);
    expect(keys.list()[0]).toMatchObject({ attested: false, verdict: 'refused', because: 'status', status: 'REVOKED' });
    expect(await tapped(keys, key)).toMatchObject({ attested: false, hardwareBound: false });
    expect(audit.of('tap-key.judged').at(-1)).toMatchObject({ verdict: 'refused', because: 'status' });
  });

  it('that knows a model proves the keys that were enrolled before', async () => {
    const root = createAttestationRoot();
    const { state, mds } = metadata(root);
    state.known = false;
    const { start } = setting();
    const keys = await start(undefined, { mds });
    const { view } = await enrol(keys, { root });
    expect(view).toMatchObject({ attested: false, because: 'unknown-model' });
    state.known = true;
    expect(await keys.judgeAgain()).toBe(1);
    expect(keys.list()[0]).toMatchObject({ attested: true });
  });

  it('from a file proves the keys of its models, and a later one takes that back', async () => {
    const root = createAttestationRoot();
    const { start, disk, clock, audit } = setting();
    const mds = await openMds({ vault: disk.vault(), clock, audit, log: () => undefined, roots: () => [fido.certificate] });
    const keys = await start(undefined, { mds });
    const { key } = await enrol(keys, { root });
    const issue = (no: number, status: string): Buffer => {
      const attestationRootCertificates = [root.pem.replace(/-----[^-]+-----|\s/g, '')];
      const entry = {
        aaguid: key.aaguid,
        metadataStatement: { description: 'Lake Key', attestationRootCertificates },
        statusReports: [{ status }],
      };
      return signed({ no, nextUpdate: '2027-01-01', entries: [entry] });
    };
    await mds.import(issue(1, 'FIDO_CERTIFIED'));
    expect(await keys.judgeAgain()).toBe(1);
    expect(await tapped(keys, key)).toMatchObject({ attested: true, hardwareBound: true, aaguid: key.aaguid });
    await mds.import(issue(2, 'USER_KEY_REMOTE_COMPROMISE'));
    expect(await keys.judgeAgain()).toBe(1);
    expect(await tapped(keys, key)).toMatchObject({ attested: false, hardwareBound: false });
  });

  it('that says nothing new changes and writes nothing', async () => {
    const { keys, disk } = await proving();
    const before = disk.calls.length;
    expect(await keys.judgeAgain()).toBe(0);
    expect(disk.calls).toHaveLength(before);
  });
});

describe('a registry of the version before', () => {
  it('is taken over whole, and its keys are judged when they are touched', async () => {
    const { disk, start, mds, key } = await proving();
    const record = disk.json('tap-keys') as { keys: Record<string, unknown>[] };
    const old = record.keys.map(({ state: _state, stateSince: _since, judgement: _judgement, serial: _serial, ...rest }) => rest);
    disk.records.set('tap-keys', Buffer.from(JSON.stringify({ ...record, version: 1, keys: old })));
    const keys = await start(undefined, { mds });
    expect([keys.problem, disk.aside]).toEqual([null, []]);
    expect(keys.list()[0]).toMatchObject({ attested: false, name: 'Key 1' });
    expect(keys.list()[0]).not.toHaveProperty('verdict');
    expect(await tapped(keys, key)).toMatchObject({ attested: true });
    expect(kept(disk)).toMatchObject({ ...old[0], counter: 2, lastTouchedAt: expect.any(Number), state: 'active' });
  });
});

describe('a lost key', () => {
  it('approves nothing any more, alone or beside others, and stays known', async () => {
    const { keys, key, view, audit, start } = await enrolled();
    const { key: other, view: second } = await enrol(keys);
    await tapped(keys, key);
    expect(await keys.reportLost(view.id)).toEqual(person);
    expect(audit.of('tap-key.lost')).toEqual([{ type: 'tap-key.lost', key: view.id, name: 'Key 1', person: person.username }]);
    expect([keys.touches(), keys.list()[0]?.state]).toEqual([[], 'lost']);
    expect(keys.ownedBy(person)).toEqual([view.id, second.id]);
    const { options } = await keys.beginTap({ origin: ORIGIN, bound: shown, userVerification: 'preferred' });
    expect(options['allowCredentials']).toHaveLength(1);
    await tapped(keys, other);
    const again = await start();
    expect(again.list()[0]?.state).toBe('lost');
    expect(again.canTap(person)).toBe(true);
    await again.reportLost(second.id);
    expect(again.canTap(person)).toBe(false);
    expect(await verdict(again.beginTap({ origin: ORIGIN, bound: shown, userVerification: 'preferred' }))).toBe('TAP_REFUSED key');
  });

  it('ends a tap that has begun', async () => {
    const { keys, key, view } = await enrolled();
    const { id, options } = await keys.beginTap({ origin: ORIGIN, bound: shown, userVerification: 'preferred' });
    await keys.reportLost(view.id);
    expect(await verdict(keys.finishTap(id, touch(key, options), shown))).toBe('TAP_REFUSED key');
  });

  it('is excluded when another one is enrolled, and cannot be removed or lost twice', async () => {
    const { keys, view } = await enrolled();
    await keys.reportLost(view.id);
    const { options } = await keys.beginEnrol({ origin: ORIGIN, person });
    expect(options['excludeCredentials']).toHaveLength(1);
    expect(await verdict(keys.remove(view.id))).toBe('INPUT_INVALID lost');
    expect(await verdict(keys.reportLost(view.id))).toBe('INPUT_INVALID key');
    expect(await verdict(keys.reportLost('nobody'))).toBe('INPUT_INVALID key');
  });

  it('is recorded before it takes effect', async () => {
    const { keys, view, audit } = await enrolled();
    audit.fail();
    expect(await verdict(keys.reportLost(view.id))).toBe('AUDIT_UNWRITABLE');
    expect(keys.list()[0]).not.toHaveProperty('state');
  });

  it('makes room for another', async () => {
    const { keys, view } = await enrolled();
    for (let count = 2; count <= 16; count++) await enrol(keys);
    expect(await verdict(keys.beginEnrol({ origin: ORIGIN, person }))).toBe('TAP_REFUSED full');
    await keys.reportLost(view.id);
    await enrol(keys);
    expect(keys.list()).toHaveLength(17);
  });
});

describe('a retired key', () => {
  it('approves nothing any more; the last one in use cannot be', async () => {
    const { keys, key, view, audit } = await enrolled();
    expect(await verdict(keys.retire(view.id))).toBe('INPUT_INVALID last-key');
    await enrol(keys, {}, '', bob);
    expect(await verdict(keys.retire(view.id))).toBe('INPUT_INVALID last-key');
    await enrol(keys);
    const { id, options } = await keys.beginTap({ origin: ORIGIN, bound: shown, userVerification: 'preferred' });
    await keys.retire(view.id);
    expect(await verdict(keys.finishTap(id, touch(key, options), shown))).toBe('TAP_REFUSED key');
    expect(audit.of('tap-key.retired')).toEqual([{ type: 'tap-key.retired', key: view.id, name: 'Key 1' }]);
    expect(await verdict(keys.retire(view.id))).toBe('INPUT_INVALID key');
    await keys.reportLost(view.id);
    expect(keys.list()[0]?.state).toBe('lost');
  });
});

describe('a passkey that begins or ceases to be synced', () => {
  it('is recorded, each time it changes', async () => {
    const { keys, key, view, audit } = await enrolled({ backupEligible: true });
    await tapped(keys, key);
    key.backedUp = true;
    await tapped(keys, key);
    await tapped(keys, key);
    key.backedUp = false;
    await tapped(keys, key);
    expect(audit.of('tap-key.backup-changed')).toEqual(
      ['yes', 'no'].map((backedUp) => ({ type: 'tap-key.backup-changed', key: view.id, backedUp })),
    );
  });
});

describe('the serial number of a key', () => {
  async function company(enterprise: boolean) {
    const all = { ...setting(), ...metadata(numbered(1)) };
    return { ...all, keys: await all.start(undefined, { mds: all.mds, enterprise: () => enterprise }) };
  }

  it.each([
    [true, 'enterprise', '07'],
    [false, 'direct', null],
  ])('is asked for and kept where the company says so: %s', async (enterprise, attestation, serial) => {
    const { keys, disk } = await company(enterprise);
    const { options } = await keys.beginEnrol({ origin: ORIGIN, person });
    expect(options['attestation']).toBe(attestation);
    const key = createSoftwareKey({ root: numbered(7) });
    const asked = await keys.beginEnrol({ origin: ORIGIN, person });
    await keys.finishEnrol(asked.id, touchNew(key, asked.options), '');
    expect(kept(disk)['serial']).toBe(serial);
    expect(JSON.stringify(kept(disk)['judgement'])).not.toContain('serial');
  });

  it('keeps one key from being two persons’', async () => {
    const { keys } = await company(true);
    await enrol(keys, { root: numbered(7) });
    await enrol(keys, { root: numbered(8) }, '', bob);
    expect(await verdict(enrol(keys, { root: numbered(7) }, '', bob))).toBe('TAP_REFUSED taken');
    expect(keys.ownedBy(bob)).toHaveLength(1);
  });

  it('keeps a lost key from coming back under another credential', async () => {
    const { keys } = await company(true);
    const { view } = await enrol(keys, { root: numbered(7) });
    await enrol(keys, { root: numbered(7) });
    await keys.reportLost(view.id);
    expect(await verdict(enrol(keys, { root: numbered(7) }))).toBe('TAP_REFUSED taken');
  });
});
