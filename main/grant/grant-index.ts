/**
 * Finds a grant by its secret. The secret itself is never kept; how long a look-up takes says nothing about how near a guess
 * came, because what is compared is a hash of the guess.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { StoredGrant } from './grant.ts';

interface Entry {
  digest: Buffer;
  grant: StoredGrant;
}

// Asked for as text and turned into bytes here, which is five times as fast as asking for a Buffer.
export const digestOf = (secret: string): Buffer => Buffer.from(hash('sha256', secret, 'binary'), 'binary');

export interface GrantIndex {
  add(grant: StoredGrant): void;
  remove(grant: StoredGrant): void;
  find(secret: string): StoredGrant | undefined;
}

/** The first 48 bits of a digest, as a number: a key that costs no string. The whole digest is compared afterwards. */
const bucketOf = (digest: Buffer): number => digest.readUIntBE(0, 6);

export function createGrantIndex(): GrantIndex {
  const buckets = new Map<number, Entry[]>();
  return {
    add(grant) {
      const digest = Buffer.from(grant.secretHash, 'hex');
      const bucket = buckets.get(bucketOf(digest));
      if (bucket === undefined) buckets.set(bucketOf(digest), [{ digest, grant }]);
      else bucket.push({ digest, grant });
    },
    remove(grant) {
      const key = bucketOf(Buffer.from(grant.secretHash, 'hex'));
      const others = (buckets.get(key) ?? []).filter((entry) => entry.grant !== grant);
      if (others.length === 0) buckets.delete(key);
      else buckets.set(key, others);
    },
    find(secret) {
      const digest = digestOf(secret);
      const bucket = buckets.get(bucketOf(digest));
      if (bucket === undefined) return undefined;
      for (const entry of bucket) {
        // check: grant-whole-hash
        if (!timingSafeEqual(digest, entry.digest)) continue;
        // end check
        return entry.grant;
      }
      return undefined;
    },
  };
}
