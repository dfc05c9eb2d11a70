/** Records as they lie in IT's folder, honest and hostile, and what is found in them. */
import { execFileSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collectRecords, readBounded } from '../../../../main/enroll/admin/records-folder.ts';
import { type Against, type FindingKind, review } from '../../../../main/enroll/admin/review.ts';
import type { BundleInput } from '../../../../main/enroll/bundle-schema.ts';
import type { Device } from '../../../../main/enroll/device.ts';
import { factsOf, LARGEST_RECORD_BYTES, signRecord } from '../../../../main/enroll/device-record.ts';
import type { Person } from '../../../../main/enroll/enrollment.ts';
import { idOf } from '../../../../main/passkey/enrol.ts';
import { recordedKey } from '../../../../main/passkey/recorded-key.ts';
import type { EpochMs } from '../../../../main/units.ts';
import { hours } from '../../../../main/units.ts';
import type { RecordedKey } from '../../../../preload/contract/device-record.ts';
import { basicConstraints, certificate } from '../../../fixtures/certificates.ts';
import { createAttestationRoot } from '../../../fixtures/software-key/attestation-certificates.ts';
import type { SoftwareKeyOptions } from '../../../fixtures/software-key/software-key.ts';
import { knowing, w3cKey } from '../../passkey/attestation-setting.ts';
import { metadata } from '../../passkey/known-maker.ts';
import { maker, serialNumber, subjectOf } from '../../passkey/made-evidence.ts';
import { enrol, setting as passkeys } from '../../passkey/setting.ts';
import { ada, bob, heldBy, machine, newDevice, start } from '../record-setting.ts';
import { signingKey } from '../setting.ts';
import { freshPath } from './setting.ts';

const MODEL = '4c616b65-7061-7373-4b65-790000000001';
const rules = { atLeast: 1, attested: true, hardwareBound: true, models: [MODEL] };
const day = hours(24);

/** A folder, the company's key, and a maker that FIDO's metadata knows. */
async function setting(published: Partial<BundleInput> = {}) {
  const folder = freshPath();
  mkdirSync(folder, { recursive: true });
  const key = await signingKey();
  const root = createAttestationRoot();
  const { models, mds } = metadata(root);
  const verified = heldBy(await newDevice(), key, { revision: 4, issuedAt: '2026-01-09T08:00:00Z', tapKeys: rules, ...published });
  let written = 0;

  /** What a registry would tell of a new key. */
  async function keyOf(person: Person, options: SoftwareKeyOptions = {}): Promise<RecordedKey> {
    const keys = await passkeys().start(undefined, { mds });
    await enrol(keys, { root, ...options }, '', person);
    const [made] = keys.registered();
    if (made === undefined) throw new Error('no key');
    return recordedKey(made);
  }
  interface Told {
    device?: Device;
    person?: Person | null;
    keys?: RecordedKey[];
    at?: number;
    bundle?: Partial<BundleInput>;
    hash?: string;
    /** Another's id. */
    id?: string;
  }
  async function put({ device, person = ada, keys = [], at = start, bundle = {}, hash = verified.hash, id }: Told = {}): Promise<Device> {
    const by = device ?? (await newDevice());
    const held = { ...heldBy(by, key, { revision: 4, ...bundle }), hash };
    const facts = { ...factsOf(held, machine, person, keys), ...(id === undefined ? {} : { deviceId: id }) };
    written += 1;
    writeFileSync(join(folder, `${written}.jws`), `${await signRecord(by, facts, at as EpochMs)}\n`);
    return by;
  }
  const run = async (changes: Partial<Against> = {}) =>
    review(await collectRecords(folder), {
      ...{ bundle: verified, models: models(), expected: [], now: (start + 1000) as EpochMs, longest: hours(24 * 30) },
      ...changes,
    });
  const kinds = async (changes: Partial<Against> = {}): Promise<FindingKind[]> => (await run(changes)).findings.map(({ what }) => what);
  return { folder, root, put, keyOf, run, kinds, verified };
}

describe('records of devices that are as they should be', () => {
  it('lead to nothing', async () => {
    const { put, keyOf, run } = await setting();
    const one = await put({ keys: [await keyOf(ada)] });
    const two = await put({ person: bob, keys: [await keyOf(bob), await keyOf(bob)] });
    await put({ person: null });
    const found = await run({ expected: [one.id, two.id.toUpperCase(), 'Ada@acme.test', bob.username] });
    expect(found.findings).toEqual([]);
    expect(found.devices[0]).toMatchObject({
      ...{ device: one.id, deviceKey: one.thumbprint, person: ada.username, revision: 4, counted: 1, app: '1.2.3' },
      keys: [{ model: 'Lake Key', verdict: 'proven', standing: 'allowed' }],
    });
    expect(found.devices.map(({ counted }) => counted)).toEqual([1, 2, 0]);
  });

  it('are judged by the newest of each', async () => {
    const { put, keyOf, run } = await setting();
    const device = await put({ keys: [], at: start - day });
    await put({ device, keys: [await keyOf(ada)] });
    await put({ device, keys: [], at: start - 2 * day });
    expect(await run()).toMatchObject({ findings: [], records: 3, devices: [{ counted: 1 }] });
  });

  it('are judged without a bundle by what needs none', async () => {
    const { put, keyOf, run } = await setting();
    await put({ keys: [await keyOf(ada, { attestation: 'none' })], bundle: { revision: 1 } });
    expect(await run({ bundle: null })).toMatchObject({
      findings: [],
      devices: [{ counted: null, keys: [{ verdict: 'none', standing: null }] }],
    });
  });
});

describe('a tap key', () => {
  it.each<[string, SoftwareKeyOptions, FindingKind]>([
    ['that vouches for itself', { attestation: 'packed-self' }, 'key-not-attested'],
    ['that says nothing', { attestation: 'none' }, 'key-not-attested'],
    ['of a maker that nobody knows', { root: createAttestationRoot() }, 'key-not-attested'],
    ['of another model', { aaguid: '4c616b65-7061-7373-4b65-790000000002' }, 'key-model'],
    ['that may be copied', { backupEligible: true }, 'key-synced'],
  ])('%s is found, and does not count', async (_, options, what) => {
    const { put, keyOf, kinds } = await setting();
    await put({ keys: [await keyOf(ada, options)] });
    expect(await kinds()).toEqual([what, 'too-few-keys']);
  });

  it('whose evidence a real key has given to another site does not count', async () => {
    const { put, run } = await setting();
    const key = w3cKey('packed');
    const facts = { id: idOf(key.credentialId), userVerified: true, backedUp: false, enrolledAt: start, judgement: null };
    await put({ keys: [await recordedKey({ ...key, ...facts } as never)] });
    const { findings } = await run({ models: knowing() });
    expect(findings.map(({ what }) => what)).toEqual(['key-evidence', 'too-few-keys']);
  });

  it('that is told twice makes the record none', async () => {
    const { folder, put, keyOf, verified, run } = await setting({ tapKeys: { ...rules, atLeast: 2 } });
    const [one, other] = [await keyOf(ada), await keyOf(ada)];
    const device = await put({ keys: [one, other] });
    expect((await run()).findings).toEqual([]);
    const facts = factsOf({ ...verified, device }, machine, ada, []);
    for (const [index, keys] of [
      [one, one],
      [one, { ...other, publicKey: one.publicKey }],
    ].entries()) {
      const said = Buffer.from(JSON.stringify({ ...facts, keys, at: new Date(start).toISOString() }));
      writeFileSync(join(folder, `twice-${index}.jws`), await device.sign('lakepass-device+jws', said));
    }
    expect((await run()).findings.map(({ what, says }) => [what, says])).toEqual([
      ['file', 'twice-0.jws is no record that can be used (fields).'],
      ['file', 'twice-1.jws is no record that can be used (fields).'],
    ]);
  });

  it('is never proven without the metadata, whatever the device says', async () => {
    const { put, keyOf, run } = await setting();
    const key = await keyOf(ada);
    expect(key.verdict).toBe('proven');
    await put({ keys: [key] });
    const { findings } = await run({ models: null });
    expect(findings).toMatchObject([{ what: 'key-not-attested', says: expect.stringContaining('--mds') }, { what: 'too-few-keys' }]);
  });

  it('that a device calls proven and that is not is found twice', async () => {
    const { put, keyOf, kinds } = await setting();
    await put({ keys: [{ ...(await keyOf(ada, { attestation: 'packed-self' })), verdict: 'proven' }] });
    expect(await kinds()).toEqual(['key-verdict', 'key-not-attested', 'too-few-keys']);
  });

  it('under the evidence of another is found', async () => {
    const { put, keyOf, kinds } = await setting();
    const [mine, other] = [await keyOf(ada), await keyOf(ada)];
    await put({ keys: [{ ...mine, object: other.object, clientDataHash: other.clientDataHash }] });
    await put({ person: bob, keys: [{ ...mine, publicKey: other.publicKey }] });
    expect(await kinds()).toEqual(['key-evidence', 'too-few-keys', 'key-evidence', 'too-few-keys']);
  });

  it('of two persons is found at both, and one of a person on two devices is not', async () => {
    const { put, keyOf, run } = await setting();
    const key = await keyOf(ada);
    const first = await put({ keys: [key] });
    await put({ keys: [key] });
    expect((await run()).findings).toEqual([]);
    const second = await put({ person: bob, keys: [key] });
    const { findings } = await run();
    expect(findings.map(({ what, device }) => [what, device])).toEqual([
      ['key-of-two-persons', first.id],
      ['key-of-two-persons', second.id],
    ]);
    expect(findings[0]?.says).toContain(bob.username);
  });

  it('of two persons is known by the serial number that its maker put in, whatever its credential', async () => {
    const { put, keyOf, run } = await setting();
    const numbered = (models: Against['models']) => models && { ...models, byAaguid: () => ({ ...model, roots: [maker.certificate] }) };
    const model = { name: 'Numbered', status: 'FIDO_CERTIFIED', standing: 'good' as const, movable: false };
    const root = {
      pem: '',
      issue: (publicKey: KeyObject) =>
        certificate(
          { subject: subjectOf(), issuer: maker.subject, publicKey, extensions: [basicConstraints(false), serialNumber(Buffer.of(7, 7))] },
          maker.privateKey,
        ),
    };
    await put({ keys: [await keyOf(ada, { root })] });
    await put({ person: bob, keys: [await keyOf(bob, { root })] });
    const { models } = metadata(createAttestationRoot());
    const { findings } = await run({ models: numbered(models()) });
    expect(findings.map(({ what }) => what)).toEqual(['key-of-two-persons', 'key-of-two-persons']);
    expect(findings[0]?.says).toContain('the same serial number');
  });

  it('that is wanted and not there is found', async () => {
    const { put, keyOf, run } = await setting({ tapKeys: { ...rules, atLeast: 2 } });
    await put({ keys: [await keyOf(ada)] });
    expect((await run()).findings).toMatchObject([{ what: 'too-few-keys', person: ada.username, says: '1 of 2 tap keys count.' }]);
  });
});

describe('a device', () => {
  it('whose key signs for another one is found, and so is the other', async () => {
    const { put, run } = await setting({ tapKeys: undefined });
    const device = await put();
    await put({ device, id: 'f'.repeat(32), at: start - day });
    const { findings } = await run();
    expect(findings.map(({ what, device: id }) => [what, id]).sort()).toEqual(
      [
        ['device-key-shared', device.id],
        ['device-key-shared', 'f'.repeat(32)],
      ].sort(),
    );
  });

  it('that changes its key is found, and neither record hides the other', async () => {
    const { put, run } = await setting({ tapKeys: undefined });
    const device = await put({ at: start - day });
    await put({ id: device.id });
    const { findings, devices } = await run();
    expect(findings).toMatchObject([{ what: 'device-key-changed', device: device.id }]);
    expect(devices).toHaveLength(2);
  });

  it.each<[string, Parameters<Awaited<ReturnType<typeof setting>>['put']>[0], FindingKind[]]>([
    ['one revision behind', { bundle: { revision: 3 } }, []],
    ['two revisions behind', { bundle: { revision: 2 } }, ['stale-revision']],
    ['ahead of what is published', { bundle: { revision: 5 } }, ['other-bundle']],
    ['with another bundle of the same revision', { hash: '0'.repeat(64) }, ['other-bundle']],
    ['that told something thirty days ago', { at: start + 1000 - 30 * day }, []],
    ['that told nothing for longer', { at: start + 999 - 30 * day }, ['stale-record']],
    ['whose clock is a little ahead', { at: start + hours(1) }, []],
    ['that speaks from the future', { at: start + hours(2) }, ['future-record']],
    ['of another company', { bundle: { bundleId: '11111111-6f3a-4a1c-9d4e-2b7c8a1d0e55' } }, ['other-company']],
  ])('%s', async (_, told, expected) => {
    const { put, kinds } = await setting({ tapKeys: undefined });
    await put(told);
    expect(await kinds()).toEqual(expected);
  });

  it('that is revoked is found where it goes on telling, and not for what it told before', async () => {
    const device = await newDevice();
    const { put, kinds } = await setting({ tapKeys: undefined, revoked: { devices: [device.id] } });
    await put({ device, at: Date.parse('2026-01-09T07:59:00Z') });
    expect(await kinds()).toEqual([]);
    await put({ device });
    expect(await kinds()).toEqual(['revoked-device']);
  });

  it.each<[string, NonNullable<NonNullable<BundleInput['revoked']>['persons']>[number]]>([
    ['by name', { username: 'ADA@acme.test' }],
    ['by issuer and subject', { issuer: ada.issuer, subject: ada.subject }],
  ])('of somebody who is revoked %s is found', async (_, person) => {
    const { put, kinds } = await setting({ tapKeys: undefined, revoked: { persons: [person] } });
    await put();
    await put({ person: bob });
    await put({ person: null });
    expect(await kinds()).toEqual(['revoked-person']);
  });

  it('that should be there and is not is found, and so is a person', async () => {
    const { put, run } = await setting({ tapKeys: undefined });
    const device = await put();
    const { findings } = await run({ expected: [device.id, 'e'.repeat(32), 'carol@acme.test'] });
    expect(findings).toEqual([
      { what: 'missing', device: 'e'.repeat(32), person: null, says: 'No record was found.' },
      { what: 'missing', device: null, person: 'carol@acme.test', says: 'No record was found.' },
    ]);
  });
});

describe('a file', () => {
  it.each<[string, (path: string) => void, string]>([
    ['that is empty', (path) => writeFileSync(path, ''), 'shape'],
    ['that is no record', (path) => writeFileSync(path, 'a.b.c'), 'shape'],
    ['without an end', (path) => writeFileSync(path, Buffer.alloc(LARGEST_RECORD_BYTES + 1, 'A')), 'size'],
    ['that is a folder', (path) => mkdirSync(path), 'no-file'],
    ['that is a pipe', (path) => void execFileSync('mkfifo', [path]), 'no-file'],
    ['that leads elsewhere', (path) => symlinkSync('/etc/passwd', path), 'link'],
    ['that leads nowhere', (path) => symlinkSync('/nowhere', path), 'link'],
  ])('%s is found and nothing else of it is used', async (_, make, flaw) => {
    const { folder, run } = await setting();
    make(join(folder, 'x.jws'));
    expect(await run()).toMatchObject({
      findings: [{ what: 'file', says: `x.jws is no record that can be used (${flaw}).` }],
      devices: [],
    });
  });

  it('of another name is counted and not looked into', async () => {
    const { folder, run } = await setting();
    writeFileSync(join(folder, 'notes.txt'), 'x');
    symlinkSync('/etc/passwd', join(folder, '.x.jws.0123'));
    expect(await run()).toMatchObject({ findings: [], others: 2, records: 0 });
  });

  it('too large is not even read', async () => {
    const { folder } = await setting();
    const file = join(folder, 'x.jws');
    writeFileSync(file, 'A'.repeat(11));
    expect(await readBounded(file, 10)).toBe('size');
    expect(await readBounded(file, 11)).toHaveLength(11);
  });

  it('is looked for in a folder that is there', async () => {
    await expect(collectRecords(freshPath())).rejects.toMatchObject({ code: 'INPUT_INVALID', reason: 'folder' });
  });
});
