/**
 * The keys that are enrolled: one sealed record, its only reader and writer. What it holds is public but for the salts, which are worth
 * nothing without the keys; it is sealed so that no other program of this user can add a key by writing a file.
 *
 * It never writes over a record that it could not read: such a one is set aside, and said.
 */
import { z } from 'zod';
import { AppError, hasCode } from '../app-error.ts';
import type { Log } from '../ports.ts';
import type { EpochMs } from '../units.ts';
import type { Vault } from '../vault/vault.ts';

const RECORD = 'tap-keys';
/** More than anybody carries; what is asked of a browser lists them all. */
export const MOST_KEYS = 16;

const epochMs = z
  .int()
  .min(0)
  .transform((value) => value as EpochMs);
const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/);

const keySchema = z.strictObject({
  /** A hash of the credential id, which itself may be a kilobyte. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  credentialId: base64url.max(1364),
  /** COSE (RFC 9052). */
  publicKey: base64url.max(4096),
  counter: z.int().min(0).max(0xffff_ffff),
  transports: z.array(z.string()).max(8),
  aaguid: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  /** Evidence for whoever judges the model later. */
  attestation: z.strictObject({ format: z.string().max(32), object: base64url.max(22_000), clientDataHash: base64url.max(43) }),
  /** At enrolment. */
  userVerified: z.boolean(),
  backupEligible: z.boolean(),
  backedUp: z.boolean(),
  name: z.string().min(1).max(60),
  enrolledAt: epochMs,
  lastTouchedAt: epochMs.nullable(),
  /** When its counter last failed to go up. */
  suspectSince: epochMs.nullable(),
  prfSalt: base64url.length(43),
  canSeal: z.boolean(),
  person: z.strictObject({ issuer: z.string().nullable(), subject: z.string(), username: z.string() }),
});
export type StoredKey = z.output<typeof keySchema>;

const registrySchema = z.strictObject({
  version: z.literal(1),
  /**
   * User handle of every credential made here: 32 random bytes. One for all, so that a key enrolled again replaces the credential it
   * still holds; random, so that a key enrolled on two machines keeps both.
   */
  userHandle: base64url.length(43),
  keys: z
    .array(keySchema)
    .max(MOST_KEYS)
    .refine((keys) => new Set(keys.map(({ id }) => id)).size === keys.length),
});

export interface Registry {
  /** In the order of their enrolment. */
  readonly keys: readonly StoredKey[];
  readonly userHandle: string;
  /** What was found at the start could not be read and was set aside; null once other keys stand in its place. */
  readonly problem: AppError | null;
  /**
   * Takes `keys` as the new ones, once they are sealed.
   * @throws AppError DISK_FULL: all is as it was
   */
  replace(keys: readonly StoredKey[]): Promise<void>;
  /** @throws AppError DISK_FULL: all is as it was */
  erase(): Promise<void>;
}

export type RegistryVault = Pick<Vault, 'seal' | 'open' | 'setAside' | 'erase'>;

export async function openRegistry({
  vault,
  random,
  log,
}: {
  vault: RegistryVault;
  random: (bytes: number) => Buffer;
  log: Log;
}): Promise<Registry> {
  const found = await findRecord(vault);
  let problem = found instanceof AppError ? found : null;
  if (problem !== null) log('passkey.set-aside', { code: problem.code });
  const newHandle = (): string => random(32).toString('base64url');
  let { keys, userHandle } = found instanceof AppError || found === null ? { keys: [], userHandle: newHandle() } : found;

  return {
    get keys() {
      return keys;
    },
    get userHandle() {
      return userHandle;
    },
    get problem() {
      return problem;
    },
    async replace(changed) {
      const record = registrySchema.parse({ version: 1, userHandle, keys: changed });
      const plain = Buffer.from(JSON.stringify(record), 'utf8');
      try {
        await vault.seal(RECORD, plain);
      } finally {
        plain.fill(0);
      }
      keys = record.keys;
      problem = null;
    },
    async erase() {
      await vault.erase(RECORD);
      keys = [];
      userHandle = newHandle();
      problem = null;
    },
  };
}

async function findRecord(vault: RegistryVault): Promise<z.output<typeof registrySchema> | AppError | null> {
  const plain = await vault.open(RECORD).catch((error: unknown) => {
    if (hasCode(error, 'VAULT_CORRUPT')) return error;
    throw error;
  });
  if (plain === null || plain instanceof AppError) return plain;
  const record = registrySchema.safeParse(parseJson(plain));
  plain.fill(0);
  if (record.success) return record.data;
  // check: passkey-registry-kept
  await vault.setAside(RECORD);
  // end check
  return new AppError('VAULT_CORRUPT', { reason: RECORD });
}

function parseJson(plain: Buffer): unknown {
  try {
    return JSON.parse(plain.toString('utf8'));
  } catch {
    // Not JSON is one more way of not being a record of ours; the schema says so.
    return undefined;
  }
}
