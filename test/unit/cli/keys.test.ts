/** What `lakepass keys` says of keys that a company wants. */
import { expect, it } from 'vitest';
import { tooFewKeys } from '../../../main/cli/verbs/keys.ts';
import type { ManagedView } from '../../../preload/contract/managed.ts';

const managed = (counted: number, atLeast = 2) =>
  ({
    managedBy: 'Acme',
    tapKeys: { counted, keys: [], wanted: { atLeast, models: null, attested: false, hardwareBound: false } },
  }) as unknown as ManagedView;

it('a company that wants more keys than count is named, with what follows', () => {
  expect(tooFewKeys(managed(1))).toEqual(['Acme wants 2 that count, and 1 does: nothing new is given until you enrol another.']);
  expect(tooFewKeys(managed(0))).toEqual(['Acme wants 2 that count, and 0 do: nothing new is given until you enrol another.']);
});

it('nothing is said where enough count, or nobody wants any', () => {
  expect(tooFewKeys(managed(2))).toEqual([]);
  expect(tooFewKeys(managed(0, 0))).toEqual([]);
  expect(tooFewKeys({ ...managed(0), tapKeys: null })).toEqual([]);
  expect(tooFewKeys(undefined)).toEqual([]);
});
