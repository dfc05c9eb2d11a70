/**
 * What IT sees in the records of its devices, without a server: whose keys are what they should be, which devices lag behind or are missing,
 * and what cannot be true. Signatures and evidence are judged anew; what a device says of itself beyond them is only what it says.
 */
import type { DeviceRecord, KeyStanding, RecordedKey } from '../../../preload/contract/device-record.ts';
import { type Judgement, judgeAttestation, type Models } from '../../passkey/attestation.ts';
import { Flaw } from '../../passkey/flaw.ts';
import { keyInRecord } from '../../passkey/recorded-key.ts';
import { type EpochMs, hours, type Ms } from '../../units.ts';
import type { VerifiedBundle } from '../bundle.ts';
import { isPersonOut } from '../enrollment.ts';
import { standingOf } from '../tap-key-rules.ts';
import type { Collected, CollectedRecord } from './records-folder.ts';

export type FindingKind =
  /** A file that is no record. */
  | 'file'
  | 'other-company'
  /** Two devices are signed by one key; one device by two. */
  | 'device-key-shared'
  | 'device-key-changed'
  /** One tap key at two persons. */
  | 'key-of-two-persons'
  /** The evidence is about another key than is named. */
  | 'key-evidence'
  /** The device calls proven what its evidence does not prove. */
  | 'key-verdict'
  | 'key-not-attested'
  | 'key-model'
  | 'key-synced'
  | 'too-few-keys'
  | 'stale-revision'
  /** Of a bundle that is newer than the one at hand, or another one of the same revision. */
  | 'other-bundle'
  | 'stale-record'
  | 'future-record'
  | 'revoked-device'
  | 'revoked-person'
  | 'missing';

export interface Finding {
  readonly what: FindingKind;
  readonly device: string | null;
  readonly person: string | null;
  /** One sentence. */
  readonly says: string;
}

export interface ReviewedKey {
  readonly id: string;
  readonly model: string | null;
  readonly verdict: Judgement['verdict'] | null;
  /** Null where no bundle says what is wanted. */
  readonly standing: KeyStanding | null;
}

export interface ReviewedDevice {
  readonly device: string;
  /** Thumbprint of its key. */
  readonly deviceKey: string;
  readonly person: string | null;
  readonly os: string;
  readonly app: string;
  readonly revision: number;
  readonly at: string;
  readonly keys: readonly ReviewedKey[];
  /** Null where no bundle says what is wanted. */
  readonly counted: number | null;
}

export interface Review {
  readonly devices: readonly ReviewedDevice[];
  readonly findings: readonly Finding[];
  readonly records: number;
  readonly others: number;
}

export interface Against {
  /** What is published; null: nothing is compared with it. */
  readonly bundle: VerifiedBundle | null;
  /** FIDO's metadata; null: only makers whose roots come with the program can vouch. */
  readonly models: Models | null;
  /** Ids of devices, and user names. */
  readonly expected: readonly string[];
  readonly now: EpochMs;
  /** A record that is older is stale. */
  readonly longest: Ms;
}

/** A device's clock may be this much ahead. */
const AHEAD: Ms = hours(1);

export async function review({ records: all, flawed, others }: Collected, against: Against): Promise<Review> {
  const findings: Finding[] = flawed.map(({ file, flaw }) => ({
    ...{ what: 'file', device: null, person: null },
    says: `${file} is no record that can be used (${flaw}).`,
  }));
  const { bundle } = against;
  const isOther = ({ record }: CollectedRecord): boolean => bundle !== null && record.bundleId !== bundle.bundle.bundleId;
  for (const each of all.filter(isOther))
    findings.push(about(each, 'other-company', `The record is for ${each.record.organization}, which the bundle is not of.`));
  const ours = all.filter((each) => !isOther(each));
  findings.push(...deviceKeyFindings(ours));
  const newest = newestOf(ours);
  const judged: Judged[] = [];
  for (const each of newest) judged.push({ ...each, keys: await judgeKeys(each.record, against) });
  for (const each of judged) findings.push(...keyFindings(each, against), ...stateFindings(each, against));
  findings.push(...sharedKeyFindings(judged), ...missing(newest, against.expected));
  return { devices: judged.map((each) => viewOf(each, against)), findings, records: all.length, others };
}

interface JudgedKey {
  readonly told: RecordedKey;
  /** null: the evidence is about another key. */
  readonly judgement: Judgement | null;
  readonly standing: KeyStanding | null;
}
interface Judged extends CollectedRecord {
  readonly keys: readonly JudgedKey[];
}

const personOf = ({ person }: DeviceRecord): string | null => person?.username ?? null;
const about = ({ record }: CollectedRecord, what: FindingKind, says: string): Finding => ({
  ...{ what, says },
  ...{ device: record.deviceId, person: personOf(record) },
});

/** A device is known by its id and its key together: whoever takes another's id must not hide what that one says. */
function newestOf(records: readonly CollectedRecord[]): CollectedRecord[] {
  const newest = new Map<string, CollectedRecord>();
  for (const each of records) {
    const key = `${each.record.deviceId} ${each.deviceKey}`;
    const known = newest.get(key);
    if (known === undefined || Date.parse(each.record.at) > Date.parse(known.record.at)) newest.set(key, each);
  }
  return [...newest.values()];
}

function deviceKeyFindings(records: readonly CollectedRecord[]): Finding[] {
  const found: Finding[] = [];
  for (const same of Map.groupBy(records, ({ deviceKey }) => deviceKey).values()) {
    const devices = [...new Set(same.map(({ record }) => record.deviceId))];
    // check: review-device-key-shared
    if (devices.length > 1)
      for (const device of devices) {
        const [each] = same.filter(({ record }) => record.deviceId === device);
        const others = devices.filter((other) => other !== device).join(', ');
        if (each !== undefined) found.push(about(each, 'device-key-shared', `Its key signs for another device, too: ${others}.`));
      }
    // end check
  }
  for (const same of Map.groupBy(records, ({ record }) => record.deviceId).values()) {
    const keys = new Set(same.map(({ deviceKey }) => deviceKey));
    const [each] = same;
    // check: review-device-key-changed
    if (keys.size > 1 && each !== undefined)
      found.push({
        ...about(each, 'device-key-changed', `${keys.size} keys sign in its name; a device never changes its key.`),
        person: null,
      });
    // end check
  }
  return found;
}

async function judgeKeys({ keys }: DeviceRecord, { bundle, models }: Against): Promise<JudgedKey[]> {
  const rules = bundle?.bundle.tapKeys;
  return Promise.all(
    keys.map(async (told): Promise<JudgedKey> => {
      const judgement = await judgeTold(told, models);
      if (rules === undefined || judgement === null) return { told, judgement, standing: rules === undefined ? null : 'attestation' };
      const { serial: _, ...kept } = judgement;
      const { id, aaguid, backupEligible } = told;
      return { told, judgement, standing: standingOf({ id, state: 'active', aaguid, backupEligible, judgement: kept }, rules) };
    }),
  );
}

async function judgeTold(told: RecordedKey, models: Models | null): Promise<Judgement | null> {
  try {
    return await judgeAttestation(await keyInRecord(told), models, Date.parse(told.enrolledAt) as EpochMs);
  } catch (error) {
    if (error instanceof Flaw) return null;
    throw error;
  }
}

const standingFindings: Partial<Record<KeyStanding, { what: FindingKind; says: string }>> = {
  attestation: { what: 'key-not-attested', says: 'is not proven by its maker' },
  metadata: { what: 'key-not-attested', says: 'cannot be proven without FIDO’s metadata: name its file with --mds' },
  model: { what: 'key-model', says: 'is of no model that is allowed' },
  synced: { what: 'key-synced', says: 'may be copied to other devices' },
};

function keyFindings(each: Judged, { bundle }: Against): Finding[] {
  const found: Finding[] = [];
  for (const { told, judgement, standing } of each.keys) {
    // check: review-evidence-bound
    if (judgement === null) {
      found.push(about(each, 'key-evidence', `The evidence of the key ${told.id} is about another key.`));
      continue;
    }
    // end check
    // Unproven is what anything may be where the metadata is older, or missing; what is refused, or vouches for itself, never was proven.
    if (told.verdict === 'proven' && !['proven', 'unproven'].includes(judgement.verdict))
      found.push(
        about(
          each,
          'key-verdict',
          `The device calls the key ${told.id} proven; its evidence comes to ${judgement.verdict} (${judgement.because}).`,
        ),
      );
    const wrong = standing === null ? undefined : standingFindings[standing];
    if (wrong !== undefined) found.push(about(each, wrong.what, `The key ${told.id} ${wrong.says}.`));
  }
  const atLeast = bundle?.bundle.tapKeys?.atLeast ?? 0;
  const counted = countedOf(each);
  // check: review-enough-keys
  if (each.record.person !== null && counted < atLeast) found.push(about(each, 'too-few-keys', `${counted} of ${atLeast} tap keys count.`));
  // end check
  return found;
}

const countedOf = ({ keys }: Judged): number => keys.filter(({ standing }) => standing === 'allowed').length;

function stateFindings(each: Judged, { bundle: verified, now, longest }: Against): Finding[] {
  const found: Finding[] = [];
  const { deviceId, person, policy, at } = each.record;
  const saidAt = Date.parse(at);
  // A record from the future would stay the newest whatever comes after it.
  if (saidAt > now + AHEAD) found.push(about(each, 'future-record', `It is dated ${at}, which has not come yet.`));
  // check: review-stale-record
  if (saidAt < now - longest) found.push(about(each, 'stale-record', `It last told something at ${at}.`));
  // end check
  if (verified === null) return found;
  const { bundle, hash } = verified;
  // check: review-stale-revision
  if (policy.revision < bundle.revision - 1)
    found.push(about(each, 'stale-revision', `It holds revision ${policy.revision}; ${bundle.revision} is published.`));
  // end check
  // check: review-other-bundle
  if (policy.revision > bundle.revision || (policy.revision === bundle.revision && policy.hash !== hash))
    found.push(
      about(each, 'other-bundle', `It holds revision ${policy.revision} with the hash ${policy.hash}, which is not the bundle at hand.`),
    );
  // end check
  const isSince = saidAt > Date.parse(bundle.issuedAt);
  // check: review-revoked-device
  if (isSince && bundle.revoked.devices.includes(deviceId))
    found.push(about(each, 'revoked-device', `It is revoked, and told something at ${at}.`));
  // end check
  // check: review-revoked-person
  if (isSince && person !== null && isPersonOut(bundle, person))
    found.push(about(each, 'revoked-person', `Its person is revoked, and it told something at ${at}.`));
  // end check
  return found;
}

/** A key is known by its credential, by its public key, and by the serial number its maker has put in. */
function sharedKeyFindings(judged: readonly Judged[]): Finding[] {
  const owners = new Map<string, Map<string, { each: Judged; id: string }>>();
  for (const each of judged)
    for (const { told, judgement } of each.keys) {
      if (judgement === null) continue;
      const marks = [`credential:${told.id}`, `public key:${told.publicKey}`];
      if (judgement.serial !== null) marks.push(`serial number:${judgement.serial} ${judgement.aaguid}`);
      const owner = JSON.stringify([each.record.person?.issuer, each.record.person?.subject]);
      for (const mark of marks) {
        const known = owners.get(mark) ?? new Map();
        owners.set(mark, known.set(owner, known.get(owner) ?? { each, id: told.id }));
      }
    }
  const found = new Map<string, Finding>();
  for (const [mark, ofPersons] of owners) {
    // check: review-key-of-two-persons
    if (ofPersons.size < 2) continue;
    // end check
    for (const { each, id } of ofPersons.values()) {
      const others = [...ofPersons.values()].filter((other) => other.each !== each).map((other) => personOf(other.each.record) ?? 'nobody');
      const finding = about(
        each,
        'key-of-two-persons',
        `The key ${id} is enrolled by ${others.join(', ')}, too (the same ${mark.split(':')[0]}).`,
      );
      // One sentence for each key of a person, by the first mark that shows it.
      const place = `${each.record.deviceId} ${id}`;
      if (!found.has(place)) found.set(place, finding);
    }
  }
  return [...found.values()];
}

function missing(newest: readonly CollectedRecord[], expected: readonly string[]): Finding[] {
  const known = new Set(newest.flatMap(({ record }) => [record.deviceId, (personOf(record) ?? '').toLowerCase()]));
  return expected
    .filter((name) => !known.has(name.toLowerCase()))
    .map((name) => {
      const isDevice = /^[0-9a-f]{32}$/.test(name);
      return { what: 'missing', device: isDevice ? name : null, person: isDevice ? null : name, says: 'No record was found.' };
    });
}

function viewOf(each: Judged, { bundle }: Against): ReviewedDevice {
  const { deviceId, os, app, policy, at } = each.record;
  return {
    ...{ device: deviceId, deviceKey: each.deviceKey, person: personOf(each.record), os, app, revision: policy.revision, at },
    keys: each.keys.map(({ told, judgement, standing }) => ({
      ...{ id: told.id, model: judgement?.model ?? null, verdict: judgement?.verdict ?? null, standing },
    })),
    counted: bundle?.bundle.tapKeys === undefined ? null : countedOf(each),
  };
}
