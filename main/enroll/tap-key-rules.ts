/**
 * What a company wants of the tap keys of a person, and which keys count. What is proven means what it means to policy: a trusted root says
 * what the key is. It judges no evidence itself.
 */
import type { KeyStanding, WantedKeys } from '../../preload/contract/device-record.ts';
import { AppError } from '../app-error.ts';
import { provenModel, type StoredKey } from '../passkey/registry.ts';
import type { TapKeyRules } from './bundle-schema.ts';

export type RuledKey = Pick<StoredKey, 'id' | 'state' | 'aaguid' | 'backupEligible' | 'judgement'>;

/** Without `attested`, model and copies are what the key says of itself. */
export function standingOf(key: RuledKey, { models, attested, hardwareBound }: TapKeyRules): KeyStanding {
  if (key.state !== 'active') return key.state;
  const proven = provenModel(key);
  // check: tap-key-attested
  if (attested && proven === null) return key.judgement?.because === 'no-metadata' ? 'metadata' : 'attestation';
  // end check
  // check: tap-key-model
  if (models !== undefined && !models.some((each) => each.toLowerCase() === (proven ?? key.aaguid))) return 'model';
  // end check
  // check: tap-key-hardware-bound
  if (hardwareBound && (key.backupEligible || key.judgement?.movable === true)) return 'synced';
  // end check
  return 'allowed';
}

/** @param keys of one person */
const countKeys = (keys: readonly RuledKey[], rules: TapKeyRules): number =>
  keys.filter((key) => standingOf(key, rules) === 'allowed').length;

/**
 * How many keys a person lacks, in words; null: they have enough.
 * @param keys theirs, lost and retired ones among them
 */
export function missingKeys(keys: readonly RuledKey[], rules: TapKeyRules, organization: string): string | null {
  const { atLeast } = rules;
  const counted = countKeys(keys, rules);
  if (counted >= atLeast) return null;
  return `${organization} wants ${atLeast} tap ${atLeast === 1 ? 'key' : 'keys'} of you; ${counted} of ${atLeast} ${counted === 1 ? 'is' : 'are'} enrolled and ${counted === 1 ? 'counts' : 'count'}.`;
}

/** @param persons the keys of each, those of whoever is signed in */
export function wantedKeys(persons: readonly (readonly RuledKey[])[], rules: TapKeyRules): WantedKeys {
  const { atLeast, models = null, attested, hardwareBound } = rules;
  const counts = persons.map((keys) => countKeys(keys, rules));
  return {
    wanted: { atLeast, models, attested, hardwareBound },
    counted: counts.length === 0 ? 0 : Math.min(...counts),
    keys: persons.flat().map((key) => {
      const because = standingOf(key, rules);
      return { id: key.id, counts: because === 'allowed', because };
    }),
  };
}

const refusals: Partial<Record<KeyStanding, { reason: string; detail: string }>> = {
  model: { reason: 'model', detail: 'It is of no model that they allow.' },
  attestation: { reason: 'attestation', detail: 'Its maker does not prove what it is.' },
  metadata: {
    reason: 'attestation',
    detail: 'There is nothing here to prove it by: your IT gives you the file for `lakepass mds import`.',
  },
  synced: { reason: 'synced', detail: 'It may be copied to other devices.' },
};

/**
 * Whether a key that is about to be enrolled could ever count.
 * @throws AppError TAP_KEY_NOT_ALLOWED (reason: model, attestation, synced)
 */
export function requireAllowedKey(key: RuledKey, rules: TapKeyRules): void {
  const refused = refusals[standingOf(key, rules)];
  // check: tap-key-allowed
  if (refused !== undefined) throw new AppError('TAP_KEY_NOT_ALLOWED', refused);
  // end check
}
