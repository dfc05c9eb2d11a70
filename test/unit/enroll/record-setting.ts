/** Devices that tell of themselves, and what they tell, for tests of both ends. */
import { randomBytes } from 'node:crypto';
import { bundleSchema } from '../../../main/enroll/bundle-schema.ts';
import { type Device, obtainDevice } from '../../../main/enroll/device.ts';
import { factsOf, signRecord } from '../../../main/enroll/device-record.ts';
import type { Held, Person } from '../../../main/enroll/enrollment.ts';
import { recordedKey } from '../../../main/passkey/recorded-key.ts';
import type { TapKeys } from '../../../main/passkey/tap-keys.ts';
import type { EpochMs } from '../../../main/units.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import { bundleInput, type TestKey } from './setting.ts';

export const machine = { os: 'linux', osVersion: '6.12.0', app: '1.2.3' };
export const ada: Person = { issuer: 'https://idp.test', subject: 'sub-ada', username: 'ada@acme.test' };
export const bob: Person = { issuer: 'https://idp.test', subject: 'sub-bob', username: 'bob@acme.test' };
export const start = Date.parse('2026-01-10T08:00:00Z') as EpochMs;

export const newDevice = (): Promise<Device> => obtainDevice(memoryVault(), randomBytes);

/** As if it had been fetched and accepted. */
export const heldBy = (device: Device, key: TestKey, changes: Parameters<typeof bundleInput>[1] = {}): Held => {
  const bundle = bundleSchema.parse(bundleInput([key], changes));
  return {
    ...{ bundle, device, hash: String(bundle.revision % 10).repeat(64), signedBy: 'x', signer: key.publicKey, policy: null, config: null },
    ...{ url: 'https://it.acme.example/b.json', source: 'managed', acceptedAt: start },
  } as Held;
};

/** A signed record of all keys of `person`. */
export async function recordBy(
  held: Held,
  person: Person | null,
  tapKeys: Pick<TapKeys, 'registered'> | null,
  at = start,
): Promise<string> {
  const theirs = (tapKeys?.registered() ?? []).filter((key) => key.person.subject === person?.subject && key.state === 'active');
  return signRecord(held.device, factsOf(held, machine, person, await Promise.all(theirs.map(recordedKey))), at);
}
