/** What leaves the device of a record, and what never does. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../../main/audit/catalogue.ts';
import { catalogueDocument } from '../../../main/audit/catalogue-document.ts';
import { envelopeOf, envelopeSchema, pseudonymBy } from '../../../main/audit/envelope.ts';
import { eventTypes, sampleRecord } from './sample-records.ts';

const device = { hostId: 'd0c1', version: '1.2.3' };
const sent = (type: string, change: Record<string, unknown> = {}) => envelopeOf(sampleRecord(type, change), device);

describe('a record on its way out', () => {
  it.each(eventTypes)('%s fits the one schema, with more than its head where it has more to say', (type) => {
    const envelope = sent(type);
    expect(envelopeSchema.parse(envelope)).toEqual(envelope);
    expect(envelope).toMatchObject({ event_type: type, action: catalogue[type].action, host_id: 'd0c1', seq: 1 });
    expect(Object.keys(envelope).length).toBeGreaterThan(Object.keys(sent('nobody.knows')).length);
  });

  it('names who, what, by which program and with which token', () => {
    expect(sent('token.served', { aiAgent: 'claude-code', fingerprint: '0123456789abcdef' })).toMatchObject({
      event_uid: '019b8d2e-7a00-7abc-8def-0123456789ab',
      time: '2026-01-05T09:00:00.123Z',
      status: 'success',
      client: { program: 'python3.11', kind: 'word', ai_agent: 'claude-code' },
      target: { grant: 'word', workspace: 'https://acme.cloud.databricks.com', scopes: ['sql', 'unity-catalog'] },
      token: { fpr: '0123456789abcdef', exp: '2026-01-05T10:00:00.000Z', lease: 'word' },
    });
    expect(sent('session.signed-in').actor).toMatchObject({ kind: 'human', sub: '00u1f2', email: 'Alice@acme.example' });
    expect(sent('token.minted', { actsAs: 'c1' }).actor).toEqual({ kind: 'service-principal', sub: '00u1f2', acts_as: 'c1' });
    expect(sent('tap.accepted').auth).toEqual({ key: 'word', user_verified: true });
  });

  it.each(eventTypes)('%s says nothing of folders', (type) => {
    expect(JSON.stringify(sent(type))).not.toMatch(/secret-project|\/home/);
  });

  it.each([
    ['the label of a run', 'grant.created', { label: 'quarterly numbers.ipynb' }, 'quarterly'],
    ['the name of a key', 'tap-key.added', { name: 'Alices blue key' }, 'blue'],
    ['where a policy lies', 'policy.activated', { source: '/home/alice/policy.yaml' }, 'alice'],
    ['a proxy', 'agent.started', { proxy: 'proxy.acme.example:8080' }, 'proxy.acme'],
    ['a field that the event does not have', 'grant.paused', { commandLine: 'python steal.py' }, 'steal'],
  ])('%s stays here', (_, type, change, word) => {
    expect(JSON.stringify(sent(type, change))).not.toContain(word);
  });

  it('the answer of a person decides the status', () => {
    expect(sent('consent.answered').status).toBe('success');
    expect(sent('consent.answered', { verdict: 'denied' }).status).toBe('denied');
    expect(sent('consent.answered', { verdict: 'constructor' }).status).toBe('denied');
  });

  it('what looks like a token is masked once more', () => {
    const jwt = `eyJ${'a'.repeat(20)}.${'b'.repeat(20)}.c`;
    expect(JSON.stringify(sent('session.ended', { why: `said ${jwt}` }))).not.toContain('eyJ');
    expect(sent('session.ended', { why: `said ${jwt}` }).reason).toBe('said [redacted]');
  });
});

describe('a record that is not as this version writes it', () => {
  it.each([
    ['a type of a newer version', 'session.beamed-up', { note: 'x' }],
    ['a type that is no event', 'constructor', {}],
    ['a type that is no word', 'no\u0000 word', {}],
  ])('%s leaves as its head', (_, type, change) => {
    const envelope = envelopeSchema.parse(sent(type, change));
    expect(Object.keys(envelope).sort()).toEqual(
      ['action', 'app_version', 'chain', 'event_type', 'event_uid', 'host_id', 'schema', 'seq', 'status', 'time'].sort(),
    );
    expect(envelope).toMatchObject({ action: 'unknown', event_uid: '019b8d2e-7a00-7abc-8def-0123456789ab' });
  });

  it.each([
    ['an object', { subject: { deep: 'x' } }],
    ['a number', { subject: 7 }],
    ['a list in a list', { amr: [['x']] }],
    ['nothing', { subject: null }],
  ])('of a field that is %s nothing leaves, and the rest does', (_, change) => {
    const envelope = envelopeSchema.parse(sent('session.signed-in', change));
    expect(envelope.target?.profile).toBe('word');
    expect(JSON.stringify(envelope)).not.toContain('deep');
  });

  it('what does not fit the schema leaves as its head', () => {
    expect(sent('token.minted', { identity: 'somebody' })).not.toHaveProperty('target');
  });
});

describe('under pseudonyms', () => {
  const named = (type: string, change = {}, key = 'k1') =>
    envelopeOf(sampleRecord(type, change), { ...device, pseudonym: pseudonymBy(Buffer.from(key)) });

  it.each(eventTypes)('no e-mail address is in %s', (type) => {
    expect(JSON.stringify(named(type, type === 'session.resumed' ? { subject: 'alice@acme.example' } : {}))).not.toContain('@');
  });

  it('a person has one word on one device, however the address is spelled, and another on the next', () => {
    const word = named('session.signed-in').actor?.email;
    expect(word).toMatch(/^p-[0-9a-f]{32}$/);
    expect(named('session.signed-in', { username: 'alice@ACME.example ' }).actor?.email).toBe(word);
    expect(named('offboarding.done', { person: 'alice@acme.example' }).target?.person).toBe(word);
    expect(named('session.signed-in', {}, 'k2').actor?.email).not.toBe(word);
    expect(named('session.signed-in').actor?.sub).toBe('00u1f2');
  });
});

it('the catalogue for people is the one of the program', () => {
  expect(readFileSync(new URL('../../../docs/audit-events.md', import.meta.url), 'utf8')).toBe(catalogueDocument());
});
