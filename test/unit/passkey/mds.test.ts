/**
 * FIDO's metadata, from a file. A real issue cannot be had by a test, so these are signed by an authority of our own, which takes the place
 * of the pinned roots; the shape is that of the specification.
 */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { judgeAttestation } from '../../../main/passkey/attestation.ts';
import { openMds } from '../../../main/passkey/mds.ts';
import { LARGEST_BLOB } from '../../../main/passkey/mds-blob.ts';
import { type Report, standingOf } from '../../../main/passkey/mds-status.ts';
import type { EpochMs } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { memoryDisk } from '../../fakes/memory-disk.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { w3cRoot, w3cVectors } from '../../fixtures/attestation/w3c-vectors.ts';
import { at, certificatesOf, enrolledAt, w3cKey } from './attestation-setting.ts';
import { authority, maker } from './made-evidence.ts';
import { fido, signed } from './made-metadata.ts';
import { verdict } from './setting.ts';

const uuid = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
const w3c = Buffer.from(w3cRoot, 'hex').toString('base64');
const entry = (changes: Record<string, unknown> = {}) => ({
  aaguid: uuid(w3cVectors.packed.aaguid).toUpperCase(),
  metadataStatement: { description: 'Example Key', attestationRootCertificates: [w3c], icon: 'data:image/png;base64,AAAA' },
  statusReports: [{ status: 'FIDO_CERTIFIED_L1', effectiveDate: '2024-01-01' }],
  timeOfLastStatusChange: '2024-01-01',
  ...changes,
});
const payload = (changes: Record<string, unknown> = {}) => ({
  legalHeader: 'Retrieval and use of this BLOB indicates acceptance of the agreement.',
  no: 7,
  nextUpdate: '2027-01-01',
  entries: [entry()],
  ...changes,
});

async function setting() {
  const clock = fakeClock();
  const disk = memoryDisk();
  const audit = recordingAudit();
  const start = () => openMds({ vault: disk.vault(), clock, audit, log: () => undefined, roots: () => [fido.certificate] });
  return { clock, disk, audit, start, mds: await start() };
}

describe('importing metadata', () => {
  it.each(['ES256', 'RS256'] as const)('signed with %s makes its models known', async (alg) => {
    const { mds, audit } = await setting();
    expect([mds.state(), await mds.models()]).toEqual([null, null]);
    expect(await mds.import(signed(payload(), { alg }))).toMatchObject({ no: 7, models: 1 });
    const models = await mds.models();
    expect(models?.byAaguid(uuid(w3cVectors.packed.aaguid))).toMatchObject({
      name: 'Example Key',
      status: 'FIDO_CERTIFIED_L1',
      standing: 'good',
    });
    expect(models?.byAaguid(uuid(w3cVectors.tpm.aaguid))).toBeNull();
    expect(audit.of('mds.imported')).toEqual([{ type: 'mds.imported', no: 7, models: 1, nextUpdate: '2027-01-01' }]);
  });

  it.each([
    [['hardware', 'tee'], false],
    [['software', 'remote_handle'], true],
  ])('says whether a model keeps its keys in software: %j', async (keyProtection, inSoftware) => {
    const { mds } = await setting();
    const metadataStatement = { ...entry().metadataStatement, keyProtection };
    await mds.import(signed(payload({ entries: [entry({ metadataStatement })] })));
    expect((await mds.models())?.byAaguid(uuid(w3cVectors.packed.aaguid))).toMatchObject({ inSoftware });
  });

  it('proves a key that was unproven before', async () => {
    const { mds } = await setting();
    const key = w3cKey('packed');
    expect(await judgeAttestation(key, await mds.models(), enrolledAt)).toMatchObject({ verdict: 'unproven', because: 'no-metadata' });
    await mds.import(signed(payload()));
    expect(await judgeAttestation(key, await mds.models(), enrolledAt)).toMatchObject({
      verdict: 'proven',
      model: 'Example Key',
      mds: { no: 7 },
    });
  });

  it('knows keys of U2F by their certificates', async () => {
    const { mds } = await setting();
    const [{ keyId } = { keyId: '' }] = certificatesOf(w3cKey('fidoU2f'));
    const u2f = entry({ aaguid: undefined, attestationCertificateKeyIdentifiers: [keyId.toUpperCase()] });
    await mds.import(signed(payload({ entries: [u2f] })));
    expect(await judgeAttestation(w3cKey('fidoU2f'), await mds.models(), enrolledAt)).toMatchObject({
      verdict: 'proven',
      model: 'Example Key',
    });
  });

  it('keeps what judging takes, once for each root, and no more', async () => {
    const { mds, disk } = await setting();
    const entries = [entry(), entry({ aaguid: uuid(w3cVectors.tpm.aaguid) }), entry({ aaguid: undefined, aaid: '1234#5678' })];
    await mds.import(signed(payload({ entries })));
    const kept = disk.json('fido-metadata') as { certificates: string[]; entries: unknown[] };
    expect([kept.certificates, kept.entries.length]).toEqual([[w3c], 2]);
    expect(JSON.stringify(kept)).not.toContain('icon');
  });

  it('outlives a restart, and asks the network nothing', async () => {
    const fetched = vi.spyOn(globalThis, 'fetch');
    const { mds, start } = await setting();
    await mds.import(signed(payload()));
    const again = await start();
    expect(again.state()).toEqual(mds.state());
    expect((await again.models())?.byAaguid(uuid(w3cVectors.packed.aaguid))?.name).toBe('Example Key');
    expect(fetched).not.toHaveBeenCalled();
  });

  it('leaves out a root that nobody can read, and keeps the others', async () => {
    const { mds } = await setting();
    const metadataStatement = { description: 'x', attestationRootCertificates: ['AAAA', `${w3c.slice(0, 64)}\n${w3c.slice(64)}`] };
    await mds.import(signed(payload({ entries: [entry({ metadataStatement })] })));
    expect((await mds.models())?.byAaguid(uuid(w3cVectors.packed.aaguid))?.roots).toHaveLength(1);
  });

  it('shows a name without what turns its direction', async () => {
    const { mds } = await setting();
    await mds.import(signed(payload({ entries: [entry({ metadataStatement: { description: 'a\u202Eb\nc' } })] })));
    expect((await mds.models())?.byAaguid(uuid(w3cVectors.packed.aaguid))?.name).toBe('a b c');
  });

  it('is recorded before it takes effect, and takes none where it cannot be kept', async () => {
    const { mds, audit, disk } = await setting();
    audit.fail();
    expect(await verdict(mds.import(signed(payload())))).toBe('AUDIT_UNWRITABLE');
    audit.mend();
    disk.full();
    expect(await verdict(mds.import(signed(payload())))).toBe('DISK_FULL ENOSPC');
    expect([mds.state(), disk.json('fido-metadata')]).toEqual([null, null]);
  });
});

describe('an issue', () => {
  it.each([
    ['older', 6],
    ['the same', 7],
  ])('that is %s is refused, also after a restart', async (_name, no) => {
    const { mds, start } = await setting();
    await mds.import(signed(payload()));
    expect(await verdict(mds.import(signed(payload({ no }))))).toBe('MDS_OLD');
    const again = await start();
    expect(await verdict(again.import(signed(payload({ no }))))).toBe('MDS_OLD');
    expect(await again.import(signed(payload({ no: 8 })))).toMatchObject({ no: 8 });
  });

  it('is stale from the day after the next is due, and used all the same', async () => {
    const { mds, clock } = await setting();
    const today = new Date(clock.now()).toISOString().slice(0, 10);
    await mds.import(signed(payload({ nextUpdate: today })));
    expect(mds.state()?.stale).toBe(false);
    await clock.advance(24 * 60 * 60 * 1000);
    expect(mds.state()?.stale).toBe(true);
    expect((await mds.models())?.byAaguid(uuid(w3cVectors.packed.aaguid))).not.toBeNull();
  });

  it('that cannot be read any more is set aside, as if there had been none', async () => {
    const { mds, disk, start } = await setting();
    await mds.import(signed(payload()));
    disk.spoil('fido-metadata');
    expect((await start()).state()).toBeNull();
    disk.records.set('fido-metadata', Buffer.from('{"version":2}'));
    expect((await start()).state()).toBeNull();
    expect(disk.aside).toEqual(['fido-metadata', 'fido-metadata']);
  });
});

describe('a file', () => {
  const flippedAt = (part: number, bytes: Buffer): Buffer => {
    const parts = bytes.toString().split('.');
    const decoded = Buffer.from(parts[part] ?? '', 'base64url');
    decoded.writeUInt8(decoded.readUInt8(decoded.length - 3) ^ 0x01, decoded.length - 3);
    parts[part] = decoded.toString('base64url');
    return Buffer.from(parts.join('.'));
  };
  const middle = authority('Middle', fido);

  it.each<[string, string, () => Buffer]>([
    ['nothing', 'shape', () => Buffer.alloc(0)],
    ['no JWS', 'shape', () => Buffer.from('{}')],
    ['four parts', 'shape', () => Buffer.from(`${signed(payload())}.AAAA`)],
    ['more than 32 MiB', 'size', () => Buffer.alloc(LARGEST_BLOB + 1, 0x41)],
    ['a header that is no JSON', 'shape', () => Buffer.from(`AAAA.${signed(payload()).toString().split('.').slice(1).join('.')}`)],
    ['no certificates', 'shape', () => signed(payload(), { header: { x5c: [] } })],
    ['a certificate that is none', 'shape', () => signed(payload(), { header: { x5c: ['AAAA'] } })],
    ['certificates to be fetched', 'shape', () => signed(payload(), { header: { x5c: undefined, x5u: 'https://mds.fidoalliance.org/x' } })],
    ['no algorithm', 'shape', () => signed(payload(), { alg: 'none' })],
    ['a shared secret', 'shape', () => signed(payload(), { alg: 'HS256' })],
    ['another algorithm than its certificate', 'signature', () => signed(payload(), { header: { alg: 'RS256' } })],
    ['what must be understood', 'shape', () => signed(payload(), { header: { crit: ['b64'] } })],
    ['the root of somebody else', 'chain', () => signed(payload(), { issuer: maker })],
    ['an authority that is not sent along', 'chain', () => signed(payload(), { issuer: middle })],
    ['a certificate that is over', 'chain', () => signed(payload(), { ends: new Date('2021-01-01T00:00:00Z') })],
    ['another publisher', 'name', () => signed(payload(), { host: 'fidoalliance.org' })],
    ['a publisher below ours', 'name', () => signed(payload(), { host: 'x.mds.fidoalliance.org' })],
    ['all publishers', 'name', () => signed(payload(), { host: '*.fidoalliance.org' })],
    ['another signer', 'signature', () => signed(payload(), { signer: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey })],
    ['a byte changed in what is signed', 'signature', () => flippedAt(1, signed(payload()))],
    ['a byte changed in its signature', 'signature', () => flippedAt(2, signed(payload()))],
    ['a payload that is no JSON', 'shape', () => signed('AAAA')],
    ['no number', 'shape', () => signed(payload({ no: undefined }))],
    ['a number below zero', 'shape', () => signed(payload({ no: -1 }))],
    ['a number that is text', 'shape', () => signed(payload({ no: '8' }))],
    ['no day of the next', 'shape', () => signed(payload({ nextUpdate: '2027-02-30' }))],
    ['no entries', 'shape', () => signed(payload({ entries: {} }))],
    ['a model that is no UUID', 'shape', () => signed(payload({ entries: [entry({ aaguid: 'x' })] }))],
    ['the same model twice', 'shape', () => signed(payload({ entries: [entry(), entry()] }))],
    ['a model without reports', 'shape', () => signed(payload({ entries: [entry({ statusReports: undefined })] }))],
    [
      'a report of no day',
      'shape',
      () => signed(payload({ entries: [entry({ statusReports: [{ status: 'REVOKED', effectiveDate: 'soon' }] })] })),
    ],
  ])('with %s is refused', async (_name, reason, make) => {
    const { mds, disk, audit } = await setting();
    expect(await verdict(mds.import(make()))).toBe(['MDS_INVALID', reason].join(' '));
    expect([mds.state(), disk.calls, audit.of('mds.imported')]).toEqual([null, [], []]);
  });

  it('with an authority between is taken', async () => {
    const { mds } = await setting();
    expect(await mds.import(signed(payload(), { issuer: middle, chain: [middle.der] }))).toMatchObject({ no: 7 });
  });

  it('that FIDO itself would not have signed is refused by the roots that are pinned', async () => {
    const { clock, audit } = await setting();
    const mds = await openMds({ vault: memoryDisk().vault(), clock, audit, log: () => undefined });
    expect(await verdict(mds.import(signed(payload())))).toBe('MDS_INVALID chain');
  });
});

describe('the standing of a model', () => {
  const now = at('2026-06-01T00:00:00Z');
  const report = (status: string, day: string | null): Report => ({ status, from: day === null ? null : (Date.parse(day) as EpochMs) });

  it.each<[string, string, Report[]]>([
    ['good FIDO_CERTIFIED_L1', 'certified', [report('NOT_FIDO_CERTIFIED', '2020-01-01'), report('FIDO_CERTIFIED_L1', '2021-01-01')]],
    ['good FIDO_CERTIFIED_L3plus', 'certified higher', [report('FIDO_CERTIFIED_L3plus', '2021-01-01')]],
    ['blocked REVOKED', 'revoked', [report('FIDO_CERTIFIED', '2020-01-01'), report('REVOKED', '2021-01-01')]],
    ...['USER_VERIFICATION_BYPASS', 'ATTESTATION_KEY_COMPROMISE', 'USER_KEY_REMOTE_COMPROMISE', 'USER_KEY_PHYSICAL_COMPROMISE'].map(
      (status): [string, string, Report[]] => [
        `blocked ${status}`,
        `broken: ${status}`,
        [report(status, '2022-01-01'), report('FIDO_CERTIFIED', '2021-01-01')],
      ],
    ),
    [
      'blocked REVOKED',
      'revoked, whatever the order of the list',
      [report('REVOKED', '2022-01-01'), report('FIDO_CERTIFIED', '2020-01-01')],
    ],
    ['blocked REVOKED', 'revoked on no day', [report('REVOKED', null), report('FIDO_CERTIFIED', '2026-01-01')]],
    [
      'good FIDO_CERTIFIED',
      'certified again since',
      [report('USER_KEY_REMOTE_COMPROMISE', '2022-01-01'), report('FIDO_CERTIFIED', '2023-01-01')],
    ],
    [
      'blocked USER_KEY_REMOTE_COMPROMISE',
      'broken, with an update since',
      [report('USER_KEY_REMOTE_COMPROMISE', '2022-01-01'), report('UPDATE_AVAILABLE', '2023-01-01')],
    ],
    ['good FIDO_CERTIFIED', 'revoked from a day to come', [report('FIDO_CERTIFIED', '2020-01-01'), report('REVOKED', '2026-07-01')]],
    ['warned UPDATE_AVAILABLE', 'to be updated', [report('FIDO_CERTIFIED', '2020-01-01'), report('UPDATE_AVAILABLE', '2021-01-01')]],
    ['warned RETIRED', 'retired', [report('FIDO_CERTIFIED', '2020-01-01'), report('RETIRED', '2021-01-01')]],
    ['warned NOT_FIDO_CERTIFIED', 'never certified', [report('NOT_FIDO_CERTIFIED', '2020-01-01')]],
    ['warned OF_TOMORROW', 'of a kind that nobody knows yet', [report('OF_TOMORROW', '2020-01-01')]],
    ['warned UNKNOWN', 'not reported', []],
  ])('is %s where it is %s', (expected, _name, reports) => {
    const { status, standing } = standingOf(reports, now);
    expect(`${standing} ${status}`).toBe(expected);
  });
});

it('the root of the small FIDO is none of those that are pinned', () => {
  expect(createHash('sha256').update(fido.der).digest('hex')).not.toMatch(/^(cbb522d7|4fa3126d)/);
});
