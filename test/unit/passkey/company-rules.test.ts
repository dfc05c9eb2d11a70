/** What a company wants of a new key is asked once its evidence is judged, and before it is enrolled. */
import { expect, it } from 'vitest';
import { tapKeyRulesSchema } from '../../../main/enroll/bundle-schema.ts';
import { requireAllowedKey } from '../../../main/enroll/tap-key-rules.ts';
import { createAttestationRoot } from '../../fixtures/software-key/attestation-certificates.ts';
import type { SoftwareKeyOptions } from '../../fixtures/software-key/software-key.ts';
import { metadata } from './known-maker.ts';
import { enrol, ORIGIN, person, setting, verdict } from './setting.ts';

const MODEL = '4c616b65-7061-7373-4b65-790000000001';
const wanted = { atLeast: 2, attested: true, hardwareBound: true, models: [MODEL] };

async function managed(changes: object = {}, isMetadataHere = true) {
  const root = createAttestationRoot();
  const rules = tapKeyRulesSchema.parse({ ...wanted, ...changes });
  const all = setting();
  const { mds } = metadata(root);
  const keys = await all.start(undefined, { ...(isMetadataHere ? { mds } : {}), requireAllowed: (key) => requireAllowedKey(key, rules) });
  const attempt = (options: SoftwareKeyOptions) => verdict(enrol(keys, { root, ...options }));
  return { ...all, keys, attempt };
}

it.each<[string, SoftwareKeyOptions, string]>([
  ['of an allowed and proven model, bound to hardware', {}, 'taken'],
  ['of another model', { aaguid: '4c616b65-7061-7373-4b65-790000000002' }, 'TAP_KEY_NOT_ALLOWED model'],
  ['of another maker', { root: createAttestationRoot() }, 'TAP_KEY_NOT_ALLOWED attestation'],
  ['that vouches for itself', { attestation: 'packed-self' }, 'TAP_KEY_NOT_ALLOWED attestation'],
  ['that says nothing', { attestation: 'none' }, 'TAP_KEY_NOT_ALLOWED attestation'],
  ['that may be synced', { backupEligible: true }, 'TAP_KEY_NOT_ALLOWED synced'],
])('a first key %s', async (_, options, outcome) => {
  const { attempt, keys, audit, tally } = await managed();
  expect(await attempt(options)).toBe(outcome);
  expect(keys.list()).toHaveLength(outcome === 'taken' ? 1 : 0);
  tally.close();
  const [, reason] = outcome.split(' ');
  expect(audit.of('tap.refused')).toEqual(reason === undefined ? [] : [{ type: 'tap.refused', purpose: 'key-add', reason, count: 1 }]);
  expect(audit.of('tap-key.added')).toHaveLength(outcome === 'taken' ? 1 : 0);
});

it('a second key is held to the same, beside one that was enrolled before', async () => {
  const { attempt, keys } = await managed();
  expect(await attempt({})).toBe('taken');
  expect(await attempt({ backupEligible: true })).toBe('TAP_KEY_NOT_ALLOWED synced');
  expect(keys.list()).toHaveLength(1);
});

it('nothing is proven where no metadata is, and so nothing is enrolled', async () => {
  const { attempt } = await managed({}, false);
  expect(await attempt({})).toBe('TAP_KEY_NOT_ALLOWED attestation');
});

it('attestation is asked of the browser', async () => {
  const { keys } = await managed();
  expect((await keys.beginEnrol({ origin: ORIGIN, person })).options['attestation']).toBe('direct');
});
