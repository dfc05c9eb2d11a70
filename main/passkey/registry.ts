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
/** With those that were lost or retired. */
export const MOST_KEPT = 64;

const epochMs = z
  .int()
  .min(0)
  .transform((value) => value as EpochMs);
const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/);

/** What judging its attestation came to; see `attestation.ts`. */
const judgementSchema = z.strictObject({
  verdict: z.enum(['proven', 'unproven', 'self', 'none', 'refused']),
  because: z.string().max(40),
  format: z.string().max(32),
  aaguid: z.string().max(36),
  model: z.string().max(200).nullable(),
  mds: z
    .strictObject({
      no: z.int().min(0),
      status: z.string().max(100),
      standing: z.enum(['good', 'warned', 'blocked']),
      checkedRevocation: z.literal(false),
    })
    .nullable(),
  movable: z.boolean().optional(),
});

const keyVersion1 = z.strictObject({
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

const keySchema = keyVersion1.extend({
  /** Lost keys stay, so that they are known again; neither these nor retired ones approve anything. */
  state: z.enum(['active', 'lost', 'retired']),
  stateSince: epochMs,
  /** Null until it is judged: keys of older versions are judged at their next touch. */
  judgement: judgementSchema.nullable(),
  /** Of the very key, where the company asks for enterprise attestation. */
  serial: z
    .string()
    .regex(/^[0-9a-f]{2,128}$/)
    .nullable(),
});
export type StoredKey = z.output<typeof keySchema>;

/** The model that a trusted root vouches for, zeros where it vouches for the maker alone; null: nothing is proven. */
export const provenModel = ({ judgement }: Pick<StoredKey, 'judgement'>): string | null =>
  judgement?.verdict === 'proven' ? judgement.aaguid : null;

const migrated = (key: z.output<typeof keyVersion1>): StoredKey => ({
  ...key,
  state: 'active',
  stateSince: key.enrolledAt,
  judgement: null,
  serial: null,
});

const registryOf = <V extends number, K extends z.ZodType<{ id: string }>>(version: V, key: K) =>
  z.strictObject({
    version: z.literal(version),
    /**
     * User handle of every credential made here: 32 random bytes. One for all, so that a key enrolled again replaces the credential it
     * still holds; random, so that a key enrolled on two machines keeps both.
     */
    userHandle: base64url.length(43),
    keys: z
      .array(key)
      .max(MOST_KEPT)
      .refine((keys) => new Set(keys.map(({ id }) => id)).size === keys.length),
  });
const registrySchema = registryOf(2, keySchema);
const anyVersion = z.union([
  registrySchema,
  registryOf(1, keyVersion1).transform(({ keys, userHandle }) => ({ version: 2 as const, userHandle, keys: keys.map(migrated) })),
]);

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
      const record = registrySchema.parse({ version: 2, userHandle, keys: changed });
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
  const record = anyVersion.safeParse(parseJson(plain));
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
