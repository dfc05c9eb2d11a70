/** What a device takes for a bundle of its company, and what it refuses. */
import { KeyObject, sign } from 'node:crypto';
import { CompactSign, FlattenedSign } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { requireAcceptable, signBundle, thumbprintOf, verifyBundle } from '../../../main/enroll/bundle.ts';
import type { BundleInput } from '../../../main/enroll/bundle-schema.ts';
import type { EpochMs } from '../../../main/units.ts';
import { bundleInput, signedBundle, signingKey, type TestKey } from './setting.ts';

let ours: TestKey;
let next: TestKey;
let stranger: TestKey;
beforeAll(async () => {
  [ours, next, stranger] = await Promise.all([signingKey(), signingKey(), signingKey()]);
});
const now = Date.parse('2026-01-10T08:00:00Z') as EpochMs;
const kid = (key: TestKey): Promise<string> => thumbprintOf(key.publicKey);
const refused = (code: string, reason?: string) => expect.objectContaining({ code, ...(reason === undefined ? {} : { reason }) });

/** A bundle signed with any header, without what `signBundle` would refuse. */
async function forged(header: Record<string, unknown>, payload: unknown = bundleInput([ours]), by = ours): Promise<Buffer> {
  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const protectedHeader = encoded({ alg: 'ES256', kid: await kid(ours), typ: 'lakepass-bundle+jws', ...header });
  const signed = Buffer.from(`${protectedHeader}.${encoded(payload)}`);
  const signature = sign('sha256', signed, { key: KeyObject.from(by.privateKey), dsaEncoding: 'ieee-p1363' }).toString('base64url');
  return Buffer.from(JSON.stringify({ payload: encoded(payload), signatures: [{ protected: protectedHeader, signature }] }));
}
const changed = (bytes: Buffer, change: (envelope: Record<string, unknown>) => unknown): Buffer =>
  Buffer.from(JSON.stringify(change(JSON.parse(bytes.toString()))));

describe('a bundle', () => {
  it('is believed by the key that an invitation names, and says what was written', async () => {
    const policy = 'version: 1\nid: acme\nrevision: 3\nidentities: []\nroles: {}\n';
    const verified = await verifyBundle(await signedBundle([ours], { policy, revision: 7 }), { thumbprint: await kid(ours) });
    expect(verified.bundle).toMatchObject({ organization: 'Acme', revision: 7, revoked: { devices: [], persons: [] } });
    expect(verified.policy).toMatchObject({ id: 'acme', revision: 3 });
    expect(verified.signedBy).toBe(await kid(ours));
  });

  it('signed by two is believed by whoever pinned either', async () => {
    const bytes = await signedBundle([ours, next]);
    for (const key of [ours, next]) expect((await verifyBundle(bytes, [key.publicKey])).signedBy).toBe(await kid(key));
  });

  it('of a key that is not pinned is refused, with and without an invitation', async () => {
    const bytes = await signedBundle([stranger]);
    await expect(verifyBundle(bytes, [ours.publicKey, next.publicKey])).rejects.toThrow(refused('BUNDLE_KEY_UNKNOWN'));
    await expect(verifyBundle(bytes, { thumbprint: await kid(ours) })).rejects.toThrow(refused('BUNDLE_KEY_UNKNOWN'));
  });

  it('that a stranger signs in the name of a pinned key is refused', async () => {
    await expect(verifyBundle(await forged({}, undefined, stranger), [ours.publicKey])).rejects.toThrow(
      refused('BUNDLE_INVALID', 'signature'),
    );
    // The invitation's key stands in it, and somebody else has signed.
    await expect(verifyBundle(await forged({}, undefined, stranger), { thumbprint: await kid(ours) })).rejects.toThrow(
      refused('BUNDLE_INVALID', 'signature'),
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ['an algorithm of its own', { alg: 'none' }],
    ['another type', { typ: 'JWT' }],
    ['no type', { typ: undefined }],
    ['a key in the header', { jwk: { kty: 'EC' } }],
    ['something critical', { crit: ['mystery'], mystery: true }],
    ['an address of keys', { jku: 'https://evil.example/keys' }],
    ['no key id', { kid: undefined }],
  ])('with a header of another kind (%s) is refused', async (_, header) => {
    await expect(verifyBundle(await forged(header), [ours.publicKey])).rejects.toThrow(refused('BUNDLE_INVALID', 'shape'));
  });

  it('of which any byte was changed is refused', async () => {
    const bytes = await signedBundle([ours]);
    const { payload, signatures } = JSON.parse(bytes.toString()) as {
      payload: string;
      signatures: { protected: string; signature: string }[];
    };
    const flip = (text: string, at: number): string => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
    for (const at of [0, 10, payload.length - 2]) {
      const other = changed(bytes, (whole) => ({ ...whole, payload: flip(payload, at) }));
      await expect(verifyBundle(other, [ours.publicKey])).rejects.toThrow(refused('BUNDLE_INVALID'));
    }
    for (const at of [0, 43, 84]) {
      const other = changed(bytes, (whole) => ({
        ...whole,
        signatures: signatures.map((each) => ({ ...each, signature: flip(each.signature, at) })),
      }));
      await expect(verifyBundle(other, [ours.publicKey])).rejects.toThrow(refused('BUNDLE_INVALID', 'signature'));
    }
  });

  it.each<[string, (whole: Record<string, unknown>) => unknown]>([
    ['no object', () => []],
    ['one more member', (whole) => ({ ...whole, header: {} })],
    ['no signature', (whole) => ({ ...whole, signatures: [] })],
    ['three signatures', (whole) => ({ ...whole, signatures: Array.from({ length: 3 }, () => (whole['signatures'] as unknown[])[0]) })],
    [
      'an unprotected header',
      (whole) => ({ ...whole, signatures: (whole['signatures'] as object[]).map((each) => ({ ...each, header: {} })) }),
    ],
    ['a payload that is no text', (whole) => ({ ...whole, payload: 7 })],
  ])('of another shape (%s) is refused', async (_, change) => {
    await expect(verifyBundle(changed(await signedBundle([ours]), change), [ours.publicKey])).rejects.toThrow(
      refused('BUNDLE_INVALID', 'shape'),
    );
  });

  it('in another serialization is refused', async () => {
    const plain = Buffer.from(JSON.stringify(bundleInput([ours])));
    const header = { alg: 'ES256', kid: await kid(ours), typ: 'lakepass-bundle+jws' };
    const compact = await new CompactSign(plain).setProtectedHeader(header).sign(ours.privateKey);
    const flattened = await new FlattenedSign(plain).setProtectedHeader(header).sign(ours.privateKey);
    for (const bytes of [Buffer.from(compact), Buffer.from(JSON.stringify(flattened)), Buffer.from([0xff, 0xfe]), Buffer.alloc(0)])
      await expect(verifyBundle(bytes, [ours.publicKey])).rejects.toThrow(refused('BUNDLE_INVALID', 'shape'));
  });

  it('that is too large is not read', async () => {
    await expect(verifyBundle(Buffer.alloc(1024 * 1024 + 1, 32), [ours.publicKey])).rejects.toThrow(refused('BUNDLE_INVALID', 'size'));
  });

  it.each<[string, Partial<BundleInput> & Record<string, unknown>, string]>([
    ['a key that is not known', { revokd: {} }, 'shape'],
    [
      'the private half of a key',
      { keys: [{ kty: 'EC', crv: 'P-256', x: 'a'.repeat(43), y: 'a'.repeat(43), d: 'a'.repeat(43) }] as never },
      'shape',
    ],
    ['no date of its end', { expires: undefined as never }, 'shape'],
    ['an end before its beginning', { expires: '2026-01-01T00:00:00Z' }, 'shape'],
    ['an end in two years', { expires: '2028-01-01T00:00:00Z' }, 'shape'],
    ['a person who is out with a space behind the name', { revoked: { persons: [{ username: 'ada@acme.example ' }] } }, 'shape'],
    ['plain http for records', { records: { url: 'http://records.example/' } }, 'shape'],
    [
      'an exemption of two days',
      {
        exemptions: [
          {
            id: `e${'0'.repeat(16)}`,
            username: 'ada@acme.example',
            rule: 'no-agents',
            from: '2026-01-05T08:00:00Z',
            until: '2026-01-07T08:00:00Z',
            reason: 'x',
          },
        ],
      },
      'shape',
    ],
    ['a policy with a mistake', { policy: 'version: 1\nid: acme\n' }, 'policy'],
    [
      'a policy whose own test fails',
      {
        policy:
          'version: 1\nid: acme\nrevision: 1\nidentities: []\nroles: {}\ntests:\n  - { name: all may, given: { scopes: [sql] }, expect: allow }\n',
      },
      'policy',
    ],
    ['a configuration with a mistake', { config: 'version: 1\nprofiles: {}\n' }, 'config'],
    ['a name that turns the direction of what follows', { organization: 'Acme\u202eevil' }, 'shape'],
  ])('with %s is neither signed nor taken', async (_, changes, reason) => {
    const input = { ...bundleInput([ours]), ...changes };
    await expect(signBundle(input, [ours])).rejects.toThrow(refused('BUNDLE_INVALID', reason));
    await expect(verifyBundle(await forged({}, input), [ours.publicKey])).rejects.toThrow(refused('BUNDLE_INVALID', reason));
  });
});

describe('in the place of the one that holds', () => {
  const verified = async (changes: Partial<BundleInput>) => verifyBundle(await signedBundle([ours], changes), [ours.publicKey]);
  const held = async (changes: Partial<BundleInput> = {}) => {
    const { bundle, hash } = await verified({ revision: 5, ...changes });
    return { bundleId: bundle.bundleId, revision: bundle.revision, hash };
  };

  it('comes a later revision, or the very same', async () => {
    requireAcceptable(await verified({ revision: 6 }), await held(), now);
    requireAcceptable(await verified({ revision: 5 }), await held(), now);
    requireAcceptable(await verified({ revision: 1 }), null, now);
  });

  it('comes no older one, and no other of the same revision', async () => {
    const accepted = await held();
    for (const changes of [{ revision: 4 }, { revision: 5, organization: 'Acme Ltd' }]) {
      const older = await verified(changes);
      expect(() => requireAcceptable(older, accepted, now)).toThrow(refused('BUNDLE_ROLLED_BACK'));
    }
  });

  it('comes none of another company', async () => {
    const other = await verified({ revision: 9, bundleId: '11111111-6f3a-4a1c-9d4e-2b7c8a1d0e55' });
    const accepted = await held();
    expect(() => requireAcceptable(other, accepted, now)).toThrow(refused('BUNDLE_INVALID', 'organization'));
  });

  it('comes none past its date, to the millisecond', async () => {
    const ending = await verified({ revision: 6, expires: '2026-01-10T08:00:00Z' });
    expect(() => requireAcceptable(ending, null, now)).toThrow(refused('BUNDLE_EXPIRED'));
    requireAcceptable(ending, null, (now - 1) as EpochMs);
  });
});
