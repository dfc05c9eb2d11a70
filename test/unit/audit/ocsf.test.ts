/** Every event that has a row is one of OCSF 1.8.0, by its published classes. */
import { describe, expect, it } from 'vitest';
import { envelopeOf, pseudonymBy } from '../../../main/audit/envelope.ts';
import { ocsfName, ocsfOf } from '../../../main/audit/ocsf.ts';
import { ocsfProblems } from '../../fixtures/ocsf/check.ts';
import { eventTypes, sampleRecord } from './sample-records.ts';

const device = { hostId: 'd0c1', version: '1.2.3' };
const mapped = eventTypes.filter((type) => ocsfName(type) !== '');
const event = (type: string, change: Record<string, unknown> = {}) => {
  const made = ocsfOf(envelopeOf(sampleRecord(type, change), device));
  if (made === null) throw new Error(`${type} is no OCSF event`);
  return made;
};
/** As little as a record of this type can say. */
const least = {
  identity: undefined,
  aiAgent: undefined,
  reason: undefined,
  actsAs: undefined,
  narrowed: undefined,
  scopes: [],
  binding: undefined,
};

describe('an event in the words of OCSF', () => {
  it.each(mapped)('%s is as its class is published', (type) => {
    expect(ocsfProblems(event(type))).toEqual([]);
    expect(ocsfProblems(event(type, least))).toEqual([]);
    const veiled = ocsfOf(envelopeOf(sampleRecord(type), { ...device, pseudonym: pseudonymBy(Buffer.from('k')) }));
    expect(ocsfProblems(veiled ?? {})).toEqual([]);
  });

  it.each(mapped)('%s is so, too, where a damaged record left as its head alone', (type) => {
    const record = { ...sampleRecord(type) };
    for (const name of Object.keys(record))
      if (!['seq', 'at', 'id', 'prev', 'hash', 'type'].includes(name)) record[name] = { not: 'a value' };
    expect(ocsfProblems(ocsfOf(envelopeOf(record, device)) ?? {})).toEqual([]);
  });

  it('uses the four classes', () => {
    expect([...new Set(mapped.map((type) => event(type)['class_uid']))].sort()).toEqual([3001, 3002, 3003, 6003]);
  });

  it('leaves out what is none of them: the log about itself, the program, what was merely read', () => {
    expect(eventTypes.filter((type) => !mapped.includes(type) && !/^audit\.|^agent\.st/.test(type)).sort()).toEqual([
      ...['managed-settings.read', 'managed-settings.refused', 'mds.imported'],
      ...['tap-key.backup-changed', 'tap-key.judged'],
    ]);
    expect(ocsfOf(envelopeOf(sampleRecord('agent.started'), device))).toBeNull();
    expect(ocsfOf(envelopeOf(sampleRecord('constructor'), device))).toBeNull();
  });

  it('says who signed in, how, and which record it was', () => {
    expect(event('session.signed-in')).toMatchObject({
      ...{ class_uid: 3002, activity_id: 1, type_uid: 300_201, is_mfa: true, status_id: 1, time: Date.parse('2026-01-05T09:00:00.123Z') },
      user: { uid: '00u1f2', email_addr: 'Alice@acme.example', type_id: 1 },
      metadata: { uid: '019b8d2e-7a00-7abc-8def-0123456789ab', sequence: 1, event_code: 'session.signed-in' },
    });
    expect(event('policy.denied')).toMatchObject({ status_id: 2, status_code: 'POLICY_DENIED', severity_id: 3 });
    expect(event('alert.raised', { severity: 'severe' })).toMatchObject({ class_uid: 6003, activity_name: 'Alert', severity_id: 4 });
    expect(event('alert.raised', { severity: 'warning' })).toMatchObject({ severity_id: 3 });
  });
});

describe('the check itself', () => {
  const good = event('session.signed-in');
  it.each<[string, Record<string, unknown>, string]>([
    ['an attribute that the class has not', { colour: 'red' }, 'colour'],
    ['one of a profile that is not in use', { cloud: { provider: 'x' } }, 'cloud'],
    ['no user', { user: undefined }, 'user'],
    ['a user without a name', { user: { type_id: 1 } }, 'user'],
    ['an attribute that a user has not', { user: { name: 'a', token: 'x' } }, 'user.token'],
    ['an activity that is not there', { activity_id: 42, type_uid: 300_242 }, 'activity_id'],
    ['another word for an activity', { activity_name: 'Logoff' }, 'activity_id'],
    ['a time that is text', { time: '2026-01-05T09:00:00Z' }, 'time'],
    ['a time with a fraction', { time: 1.5 }, 'time'],
    ['a type of another class', { type_uid: 300_101 }, 'type_uid'],
    ['another category', { category_uid: 6 }, 'category_uid'],
    ['a class that is not there', { class_uid: 3999 }, 'class_uid'],
    ['neither service nor endpoint', { service: undefined }, ''],
    ['no version', { metadata: { product: { name: 'x' } } }, 'metadata.version'],
    ['an e-mail address that is none', { user: { name: 'a', email_addr: 'nobody' } }, 'user.email_addr'],
    ['a list that is none', { auth_factors: { factor_type_id: 10 } }, 'auth_factors'],
    ['an entry of a list that is not whole', { auth_factors: [{}] }, 'auth_factors[0].factor_type_id'],
  ])('finds %s', (_, change, place) => {
    const broken = JSON.parse(JSON.stringify({ ...good, ...change })) as Record<string, unknown>;
    expect(ocsfProblems(broken).filter((problem) => problem.startsWith(`${place}:`))).not.toEqual([]);
  });
});
