/** Which tap keys count towards what a company wants. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { type TapKeyRules, tapKeyRulesSchema } from '../../../main/enroll/bundle-schema.ts';
import { missingKeys, type RuledKey, requireAllowedKey, standingOf, wantedKeys } from '../../../main/enroll/tap-key-rules.ts';

const MODEL = 'ee882879-721c-4913-9775-3dfcce97072a';
const OTHER = '19083c3d-8383-4b18-bc03-8f1c9ab2fd1b';
const UNNAMED = '00000000-0000-0000-0000-000000000000';

const rules = (changes: Partial<TapKeyRules> = {}): TapKeyRules =>
  tapKeyRulesSchema.parse({ atLeast: 1, attested: false, hardwareBound: false, ...changes });

const judged = (verdict: NonNullable<RuledKey['judgement']>['verdict'], because: string, aaguid = UNNAMED): RuledKey['judgement'] => ({
  ...{ verdict, because, aaguid, format: 'packed', model: null, mds: null, movable: false },
});
const proven = (aaguid = MODEL) => judged('proven', 'root', aaguid);
const key = (changes: Partial<RuledKey> = {}): RuledKey => ({
  ...{ id: '0'.repeat(32), state: 'active', aaguid: MODEL, backupEligible: false, judgement: proven() },
  ...changes,
});

describe('a key', () => {
  it.each<[string, Partial<RuledKey>, Partial<TapKeyRules>, string]>([
    ['of any kind where nothing is said', { judgement: null, backupEligible: true, aaguid: UNNAMED }, {}, 'allowed'],
    ['that is proven where that is wanted', {}, { attested: true }, 'allowed'],
    ['that vouches for itself', { judgement: judged('self', 'self') }, { attested: true }, 'attestation'],
    ['that brought nothing', { judgement: judged('none', 'none') }, { attested: true }, 'attestation'],
    ['whose evidence is wrong', { judgement: judged('refused', 'signature') }, { attested: true }, 'attestation'],
    ['of a model that the metadata does not know', { judgement: judged('unproven', 'unknown-model') }, { attested: true }, 'attestation'],
    ['that nothing here could prove', { judgement: judged('unproven', 'no-metadata') }, { attested: true }, 'metadata'],
    ['that nobody has judged', { judgement: null }, { attested: true }, 'attestation'],
    ['of a model that is named', {}, { models: [OTHER, MODEL] }, 'allowed'],
    ['of one that is named in capitals', {}, { models: [MODEL.toUpperCase()] }, 'allowed'],
    ['of one that is not', {}, { models: [OTHER] }, 'model'],
    ['that calls itself what it is not proven to be', { aaguid: OTHER }, { models: [OTHER] }, 'model'],
    ['of a proven maker and no proven model', { judgement: proven(UNNAMED) }, { models: [MODEL] }, 'model'],
    ['by its own word, where nothing is to be proven', { judgement: judged('none', 'none') }, { models: [MODEL] }, 'allowed'],
    [
      'by its own word, where it is to be proven',
      { judgement: judged('none', 'none') },
      { models: [MODEL], attested: true },
      'attestation',
    ],
    ['that may be copied', { backupEligible: true }, { hardwareBound: true }, 'synced'],
    [
      'that can leave its hardware',
      { judgement: { ...proven(), movable: true } as RuledKey['judgement'] },
      { hardwareBound: true },
      'synced',
    ],
    ['that stays where it is', {}, { hardwareBound: true, attested: true, models: [MODEL] }, 'allowed'],
    ['that was lost', { state: 'lost' }, {}, 'lost'],
    ['that was retired', { state: 'retired' }, {}, 'retired'],
  ])('%s', (_, changes, wanted, because) => {
    expect(standingOf(key(changes), rules(wanted))).toBe(because);
  });

  it.each<[Partial<RuledKey>, Partial<TapKeyRules>, string]>([
    [{}, { models: [OTHER] }, 'TAP_KEY_NOT_ALLOWED model'],
    [{ judgement: judged('self', 'self') }, { attested: true }, 'TAP_KEY_NOT_ALLOWED attestation'],
    [{ judgement: judged('unproven', 'no-metadata') }, { attested: true }, 'TAP_KEY_NOT_ALLOWED attestation'],
    [{ backupEligible: true }, { hardwareBound: true }, 'TAP_KEY_NOT_ALLOWED synced'],
    [{ backupEligible: true }, { attested: true }, 'taken'],
  ])('%j is enrolled under %j or not', (changes, wanted, outcome) => {
    expect(refusalOf(key(changes), rules(wanted))).toBe(outcome);
  });

  it('that nothing here can prove is refused with the way to what is missing', () => {
    const attempt = () => requireAllowedKey(key({ judgement: judged('unproven', 'no-metadata') }), rules({ attested: true }));
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'TAP_KEY_NOT_ALLOWED', detail: expect.stringContaining('lakepass mds import') }),
    );
  });
});

function refusalOf(refused: RuledKey, wanted: TapKeyRules): string {
  try {
    requireAllowedKey(refused, wanted);
    return 'taken';
  } catch (error) {
    if (error instanceof AppError) return `${error.code} ${error.reason}`;
    throw error;
  }
}

describe('the keys of a person', () => {
  const two = [key({ id: '1'.repeat(32) }), key({ id: '2'.repeat(32), state: 'lost' })];

  it('are enough or not, by those that count', () => {
    expect(missingKeys(two, rules({ atLeast: 1 }), 'Acme')).toBeNull();
    expect(missingKeys([], rules({ atLeast: 0 }), 'Acme')).toBeNull();
    expect(missingKeys(two, rules({ atLeast: 2 }), 'Acme')).toBe('Acme wants 2 tap keys of you; 1 of 2 is enrolled and counts.');
    expect(missingKeys([], rules(), 'Acme')).toBe('Acme wants 1 tap key of you; 0 of 1 are enrolled and count.');
  });

  it('are shown with why each counts or does not, and counted for whoever has the fewest', () => {
    expect(wantedKeys([two, []], rules({ atLeast: 2, models: [MODEL] }))).toEqual({
      wanted: { atLeast: 2, models: [MODEL], attested: false, hardwareBound: false },
      counted: 0,
      keys: [
        { id: '1'.repeat(32), counts: true, because: 'allowed' },
        { id: '2'.repeat(32), counts: false, because: 'lost' },
      ],
    });
    expect(wantedKeys([two], rules())).toMatchObject({ counted: 1, wanted: { models: null } });
    expect(wantedKeys([], rules()).counted).toBe(0);
  });
});
