/**
 * The signature keys an identity provider publishes (RFC 7517), read from the `jwks_uri` of its metadata and nowhere else: what
 * a token says about keys (`jku`, `x5u`, `jwk`, `x5c`) is never looked at.
 *
 * An unknown key id causes one new reading, then a pause, so that forged tokens cannot make us hammer the provider. During
 * an outage a key that is already here may be used for a day.
 */
import { type CryptoKey, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import type { Clock } from '../ports.ts';
import { type EpochMs, hours, type Ms, minutes, ms, seconds } from '../units.ts';
import type { IssuerLine } from './issuer-line.ts';
import { reject } from './token-rejection.ts';

export interface KeySet {
  /**
   * The one key a token with this header must be signed with.
   *
   * @throws AppError ID_TOKEN_REJECTED: reason 'kid_unknown', 'key' or 'jwks_unavailable'
   */
  keyFor(header: { alg: string; kid?: unknown }): Promise<CryptoKey | Uint8Array>;
  /**
   * Sees to it that keys are here before something that cannot be repeated is started.
   *
   * @throws AppError ID_TOKEN_REJECTED: reason 'jwks_unavailable'
   */
  ready(): Promise<void>;
}

const COOLDOWN = seconds(30);
const STALE_LIMIT = hours(24);
const cacheLimits = { least: minutes(5), most: hours(24), unsaid: minutes(10) };
const SMALLEST_RSA_BITS = 2048;

/** Which keys fit an algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1). */
const shapes: Record<string, { kty: string; crv?: string }> = {
  RS256: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
};

const text = z.string().optional();
const keySchema = z.looseObject({
  kty: z.string(),
  kid: text,
  alg: text,
  use: text,
  key_ops: z.array(z.string()).optional(),
  crv: text,
  n: text,
  e: text,
  x: text,
  y: text,
});
const documentSchema = z.object({ keys: z.array(z.unknown()).max(200) });
type PublicKey = z.output<typeof keySchema>;

/** @param address the `jwks_uri` of the metadata in force when keys are read */
export function createKeySet({ address, line, clock }: { address: () => Promise<string>; line: IssuerLine; clock: Clock }): KeySet {
  let held: { keys: PublicKey[]; readAt: EpochMs; freshFor: Ms } | undefined;
  let renewedAt: EpochMs | undefined;
  let reading: Promise<void> | undefined;

  // The wall clock jumps both ways: a step back makes a key set old, never young.
  const since = (moment: EpochMs) => Math.abs(clock.now() - moment);
  const isFresh = () => held !== undefined && since(held.readAt) < held.freshFor;

  /** The first reading is free; each further one starts the pause. */
  const mayAsk = () => {
    // check: jwks-cooldown
    if (held && renewedAt !== undefined && since(renewedAt) < COOLDOWN) return false;
    // end check
    return true;
  };

  const read = async () => {
    if (held) renewedAt = clock.now();
    const response = await line.request(await address(), { method: 'GET', headers: { accept: 'application/json' } });
    if (response.status !== 200) throw new Error(`the key set was answered with status ${response.status}`);
    const { keys } = documentSchema.parse(await response.json());
    const usable = keys.map((key) => keySchema.safeParse(key)).flatMap(({ data }) => (data ? [data] : []));
    held = { keys: usable, readAt: clock.now(), freshFor: cacheLifetime(response.headers) };
  };
  const renew = () => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  /** Renews what is stale; an outage is survived while what is held is young enough. Says how recent the keys now are. */
  const bringKeys = async (): Promise<'held' | 'just read' | 'stale'> => {
    if (isFresh()) return 'held';
    if (mayAsk()) {
      try {
        await renew();
        return 'just read';
      } catch (error) {
        if (!held) reject('jwks_unavailable', error);
      }
    }
    // check: jwks-stale-limit
    if (held && since(held.readAt) > STALE_LIMIT) reject('jwks_unavailable');
    // end check
    return 'stale';
  };

  const candidates = (header: { alg: string; kid?: unknown }) => (held?.keys ?? []).filter((key) => isMeant(key, header));

  return {
    async ready() {
      await bringKeys();
    },
    async keyFor(header) {
      const recency = await bringKeys();
      // check: jwks-stale-needs-kid
      if (recency === 'stale' && header.kid === undefined) reject('jwks_unavailable');
      // end check
      let found = candidates(header);
      if (found.length === 0 && recency !== 'just read' && mayAsk()) {
        await renew().catch((error: unknown) => reject('jwks_unavailable', error));
        found = candidates(header);
      }
      const [key, ...others] = found;
      if (!key) reject('kid_unknown');
      // check: jwks-several-keys
      if (others.length > 0) reject('key');
      // end check
      return importPublic(key, header.alg);
    },
  };
}

/** Whether a published key is meant by a header: the right kind for the algorithm, for signatures, and of that id if one is named. */
function isMeant(key: PublicKey, { alg, kid }: { alg: string; kid?: unknown }): boolean {
  const shape = shapes[alg];
  // check: jwks-key-type
  if (key.kty !== shape?.kty || (shape.crv !== undefined && key.crv !== shape.crv)) return false;
  // end check
  // check: jwks-key-purpose
  if ((key.use ?? 'sig') !== 'sig' || key.key_ops?.includes('verify') === false || (key.alg ?? alg) !== alg) return false;
  // end check
  return kid === undefined || key.kid === kid;
}

async function importPublic(key: PublicKey, alg: string): Promise<CryptoKey | Uint8Array> {
  // check: jwks-rsa-size
  if (key.kty === 'RSA' && bitsOf(key.n ?? '') < SMALLEST_RSA_BITS) reject('key');
  // end check
  const { kty, n, e, crv, x, y } = key;
  const members = Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => value !== undefined);
  return importJWK(Object.fromEntries(members) as JWK, alg).catch((error: unknown) => reject('key', error));
}

function bitsOf(base64url: string): number {
  const hex = Buffer.from(base64url, 'base64url').toString('hex').replace(/^0+/, '');
  return hex === '' ? 0 : BigInt(`0x${hex}`).toString(2).length;
}

/** How long an answer may be kept, from its Cache-Control, within limits of our own. */
function cacheLifetime(headers: Headers): Ms {
  const said = /(?:^|[,\s])max-age=([0-9]{1,9})(?:[,\s]|$)/.exec(headers.get('cache-control') ?? '')?.[1];
  const { least, most, unsaid } = cacheLimits;
  return said === undefined ? unsaid : ms(Math.min(Math.max(Number(said) * 1000, least), most));
}
