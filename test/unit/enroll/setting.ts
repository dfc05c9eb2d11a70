/** Bundles as an admin would make them, and keys to sign them. */
import { exportJWK, generateKeyPair } from 'jose';
import { signBundle } from '../../../main/enroll/bundle.ts';
import { type BundleInput, signingKeySchema } from '../../../main/enroll/bundle-schema.ts';

export async function signingKey() {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { publicKey: signingKeySchema.parse(await exportJWK(publicKey)), privateKey };
}
export type TestKey = Awaited<ReturnType<typeof signingKey>>;

export const bundleInput = (keys: readonly TestKey[], changes: Partial<BundleInput> = {}): BundleInput => ({
  version: 1,
  organization: 'Acme',
  bundleId: '0b5f3f6e-6f3a-4a1c-9d4e-2b7c8a1d0e55',
  revision: 1,
  issuedAt: '2026-01-05T08:00:00Z',
  expires: '2026-02-05T08:00:00Z',
  keys: keys.map(({ publicKey }) => publicKey),
  ...changes,
});

/** @param next keys that may sign the next one; the signers unless told otherwise */
export const signedBundle = (signers: readonly TestKey[], changes: Partial<BundleInput> = {}, next = signers): Promise<Buffer> =>
  signBundle(bundleInput(next, changes), signers);
