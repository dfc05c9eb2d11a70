import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../main/audit/event.ts';
import { eventShapes, fieldLimits, pickFields } from '../../../main/audit/fields.ts';
import { encodeRecord, MAX_RECORD_BYTES, ZERO_HASH } from '../../../main/audit/record.ts';
import { Secret } from '../../../main/secret.ts';

const created = (label: string): AuditEvent => ({
  type: 'grant.created',
  grant: 'g1',
  profile: 'acme',
  subject: '00u1',
  workspace: 'https://acme.cloud.databricks.com',
  scopes: ['sql'],
  until: '2026-01-05T10:00:00.000Z',
  label,
  approved: 'run',
  caller: '/usr/bin/lakepass',
  callerKind: 'program',
});
/** What a caller without the compiler could hand in. */
const untyped = (event: object): AuditEvent => event as AuditEvent;

describe('the fields of an event', () => {
  it('leaves behind every field that the event does not have', () => {
    const picked = pickFields(untyped({ type: 'grant.ended', grant: 'g1', why: 'revoked', secret: 'marked-secret', seq: 9, hash: 'x' }));
    expect(picked).toEqual({ type: 'grant.ended', grant: 'g1', why: 'revoked' });
  });

  it('has no half of a character, which other systems have no place for', () => {
    expect(pickFields(created('a\ud800b'))).toMatchObject({ label: 'a\ufffdb' });
    expect(pickFields(untyped({ ...created('a'), scopes: ['\udfff'] }))).toMatchObject({ scopes: ['\ufffd'] });
  });

  it('has no field that would hide one of the record itself', () => {
    const reserved = ['seq', 'at', 'id', 'prev', 'type', 'hash'];
    const hidden = Object.entries(eventShapes).flatMap(([type, shape]) =>
      reserved.filter((name) => Object.hasOwn(shape, name)).map((name) => `${type}.${name}`),
    );
    expect(hidden).toEqual([]);
  });

  it('keeps null and leaves out what is optional and absent', () => {
    expect(pickFields({ type: 'session.sign-in-failed', profile: 'acme', code: 'LOGIN_REFUSED' })).toEqual({
      type: 'session.sign-in-failed',
      profile: 'acme',
      code: 'LOGIN_REFUSED',
    });
    expect(
      pickFields({
        type: 'session.signed-in',
        profile: 'acme',
        issuer: 'https://idp',
        subject: 's',
        username: 'u',
        assurance: 'phr',
        acr: null,
        amr: [],
        authTime: null,
      }),
    ).toMatchObject({ acr: null, amr: [], authTime: null });
  });

  it.each([
    ['an unknown event', { type: 'token.copied', token: 'x' }],
    ['a Secret', { type: 'grant.ended', grant: new Secret('s'), why: 'revoked' }],
    ['an object', { type: 'grant.ended', grant: {}, why: 'revoked' }],
    ['a missing field', { type: 'grant.ended', grant: 'g1' }],
    ['a null where none may be', { type: 'grant.ended', grant: null, why: 'revoked' }],
    ['NaN', { type: 'audit.gap', count: Number.NaN }],
    ['a fraction', { type: 'audit.gap', count: 1.5 }],
    ['a number as text', { type: 'audit.gap', count: '1' }],
    ['a list with a Secret in it', { ...created('x'), scopes: [new Secret('s')] }],
    ['a text where a list belongs', { ...created('x'), scopes: 'sql' }],
    ['a property of Object.prototype', { type: 'toString' }],
  ])('refuses %s as a bug', (_, event) => {
    expect(() => pickFields(untyped(event))).toThrow(TypeError);
  });

  it.each([
    ['a JWT', 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl'],
    ['an unfinished JWT', 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9'],
    ['a personal access token', 'dapi0123456789abcdef0123456789abcdef'],
    ['an OAuth secret', 'dose0123456789abcdef0123456789abcdef'],
    ['the secret of a grant URL', `/v1/metadata/${'S'.repeat(43)}`],
  ])('masks %s in a text', (_, secret) => {
    const { label } = pickFields(created(`before ${secret} after`));
    expect(label).toContain('[redacted]');
    expect(label).not.toContain(secret.slice(-16));
    expect(label).toMatch(/^before .*after$/);
  });

  it('cuts a long text without splitting a character', () => {
    const { label } = pickFields(created(`${'a'.repeat(fieldLimits.text - 2)}🔑🔑`));
    expect(label).toHaveLength(fieldLimits.text);
    expect((label as string).isWellFormed()).toBe(true);
    expect(label).toMatch(/…$/);
  });

  it('cuts a long list and says how much is missing', () => {
    const event = untyped({ ...created('x'), scopes: Array.from({ length: 100 }, (_, n) => `s${n}`) });
    const { scopes } = pickFields(event);
    expect(scopes).toHaveLength(fieldLimits.entries + 1);
    expect((scopes as string[]).at(-1)).toBe('… 36 more');
  });

  it.each(Object.keys(eventShapes))('keeps the longest possible %s within the size of a record', (type) => {
    const worst = '\u0000'.repeat(5000);
    const values = { text: worst, 'text?': worst, 'text-or-null': worst, number: Number.MIN_SAFE_INTEGER, texts: Array(500).fill(worst) };
    const shape: Record<string, keyof typeof values> = eventShapes[type as keyof typeof eventShapes];
    const event = untyped({ type, ...Object.fromEntries(Object.entries(shape).map(([name, kind]) => [name, values[kind]])) });
    const head = {
      seq: Number.MAX_SAFE_INTEGER,
      at: new Date(0).toISOString(),
      id: '01890a5d-ac96-774b-bcce-b302099a8057',
      prev: ZERO_HASH,
    };
    expect(encodeRecord(head, pickFields(event)).line.length).toBeLessThan(MAX_RECORD_BYTES);
  });
});
