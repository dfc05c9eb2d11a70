/**
 * What the vault holds of a session: three sealed records per profile, and their only reader and writer.
 *
 * - `session-<profile>`  who is signed in, the refresh token, and the token's generation
 * - `rotation-<profile>` the intent: a refresh with that generation may be under way
 * - `activity-<profile>` when a token was last asked for, so that a restart does not begin the idle limit anew
 *
 * The refresh token, and the key it is bound to, are written nowhere else.
 */
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { type Assurance, assuranceLevels, type Identity } from '../idp/signed-in.ts';
import { Secret } from '../secret.ts';
import type { EpochMs } from '../units.ts';
import type { Vault } from '../vault/vault.ts';

const epochMs = z
  .int()
  .min(0)
  .transform((value) => value as EpochMs);

const storedSchema = z.strictObject({
  version: z.literal(1),
  id: z.string().min(1),
  generation: z.int().min(1),
  issuer: z.string(),
  clientId: z.string(),
  refreshToken: z
    .string()
    .min(1)
    .transform((value) => new Secret(value)),
  signedInAt: epochMs,
  renewedAt: epochMs,
  lastUsedAt: epochMs,
  identity: z.strictObject({
    issuer: z.string(),
    subject: z.string(),
    username: z.string(),
    displayName: z.string(),
    groups: z.array(z.string()),
    /** Records from before there were any have none. */
    claims: z.record(z.string(), z.union([z.string(), z.array(z.string())])).default({}),
  }),
  assurance: z.strictObject({
    level: z.enum(assuranceLevels),
    because: z.string(),
    acr: z.string().nullable(),
    amr: z.array(z.string()),
    authTime: epochMs.nullable(),
  }),
  /** Records from before it was kept have none, and take no token that has a nonce. */
  nonceDigest: z.string().nullable().default(null),
  /** Records from before there was any have none, and their tokens are bound to none. */
  proofKey: z
    .string()
    .min(1)
    .transform((value) => new Secret(value))
    .nullable()
    .default(null),
});

/** A session as the disk knows it. `generation` counts the refresh tokens since the sign-in that `id` names. */
export interface StoredSession {
  readonly id: string;
  readonly generation: number;
  readonly issuer: string;
  readonly clientId: string;
  readonly refreshToken: Secret;
  readonly signedInAt: EpochMs;
  readonly renewedAt: EpochMs;
  readonly lastUsedAt: EpochMs;
  readonly identity: Identity;
  readonly assurance: Assurance;
  /** As `SignedIn.nonceDigest`. */
  readonly nonceDigest: string | null;
  /** As `SignedIn.proofKey`: without it the provider refuses the refresh token. */
  readonly proofKey: Secret | null;
}

const intentSchema = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  generation: z.int(),
  attempts: z.union([z.literal(1), z.literal(2)]),
});

/** Token `generation` of session `id` has been, or is about to be, sent for the `attempts`-th time. */
export interface Intent {
  readonly id: string;
  readonly generation: number;
  readonly attempts: 1 | 2;
}

const activitySchema = z.strictObject({ version: z.literal(1), id: z.string(), lastUsedAt: epochMs });
export type Activity = z.output<typeof activitySchema>;

export type TokenStep = 'tmp-written' | 'renamed';

/** All methods throw what the vault throws: DISK_FULL from writing, VAULT_CORRUPT from reading. */
export interface SessionStore {
  session(): Promise<StoredSession | null>;
  keepSession(stored: StoredSession, during?: (step: TokenStep) => unknown): Promise<void>;
  intent(): Promise<Intent | null>;
  keepIntent(intent: Intent): Promise<void>;
  eraseIntent(): Promise<void>;
  activity(): Promise<Activity | null>;
  keepActivity(activity: Omit<Activity, 'version'>): Promise<void>;
  /** Hides the session from every later start and deletes nothing. */
  setAsideSession(): Promise<void>;
  /** The token first: an intent alone says nothing and is swept at the next start. */
  eraseAll(): Promise<void>;
}

export function createSessionStore(vault: Vault, profile: string): SessionStore {
  const names = { session: `session-${profile}`, intent: `rotation-${profile}`, activity: `activity-${profile}` };

  const keep = async (name: string, record: object, during?: (step: TokenStep) => unknown): Promise<void> => {
    const plain = Buffer.from(JSON.stringify({ version: 1, ...record }), 'utf8');
    try {
      await vault.seal(name, plain, during);
    } finally {
      plain.fill(0);
    }
  };
  const find = async <T>(name: string, schema: z.ZodType<T>): Promise<T | null> => {
    const plain = await vault.open(name);
    if (plain === null) return null;
    const record = schema.safeParse(parseJson(plain));
    plain.fill(0);
    if (record.success) return record.data;
    await vault.setAside(name);
    throw new AppError('VAULT_CORRUPT', { reason: name });
  };

  return {
    session: () => find<StoredSession>(names.session, storedSchema),
    keepSession: (stored, during) =>
      keep(names.session, { ...stored, refreshToken: stored.refreshToken.reveal(), proofKey: stored.proofKey?.reveal() ?? null }, during),
    intent: () => find<Intent>(names.intent, intentSchema),
    keepIntent: (intent) => keep(names.intent, intent),
    eraseIntent: () => vault.erase(names.intent),
    activity: () => find<Activity>(names.activity, activitySchema),
    keepActivity: (activity) => keep(names.activity, activity),
    setAsideSession: () => vault.setAside(names.session),
    async eraseAll() {
      for (const name of [names.session, names.intent, names.activity]) await vault.erase(name);
    },
  };
}

function parseJson(plain: Buffer): unknown {
  try {
    return JSON.parse(plain.toString('utf8'));
  } catch {
    // Not JSON is one more way of not being a record of ours; the caller's schema says so.
    return undefined;
  }
}
