/** What is read of a provider's keys to look at: which there are, and until when their certificates hold. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { IssuerLine } from '../../../main/idp/issuer-line.ts';
import { readPublishedKeys } from '../../../main/idp/published-keys.ts';
import { createTlsIdentity } from '../../fixtures/workspace/tls-door.ts';

const lineTo = (status: number, body: unknown): IssuerLine => ({
  as: () => lineTo(status, body),
  clockAhead: () => null,
  request: async () => new Response(typeof body === 'string' ? body : JSON.stringify(body), { status }),
});
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = { ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' };
const reading = (...keys: unknown[]) => readPublishedKeys(lineTo(200, { keys }), 'https://idp.example/keys');

describe('published keys', () => {
  it('have the end of their own certificate, where it can be read', async () => {
    const [, base64 = ''] = /-----BEGIN CERTIFICATE-----([^-]+)-----END/.exec(createTlsIdentity().cert) ?? [];
    const [one, two, three] = await reading(
      { ...key, x5c: [base64.replace(/\s/g, '')] },
      { ...key, kid: 'two', x5c: ['AAAA'] },
      { ...key, kid: 'three' },
    );
    expect(new Date(one?.certificateEnds ?? 0).getUTCFullYear()).toBeGreaterThan(2040);
    expect([two?.certificateEnds, three?.certificateEnds]).toEqual([null, null]);
  });

  it('are told apart by what they hold, and leave out those for encryption and what is no key', async () => {
    const [one] = await reading(key);
    const [again, other] = await reading(key, { ...key, kid: 'two' }, { ...key, use: 'enc' }, 7, { kid: 'x' });
    expect(again?.id).toBe(one?.id);
    expect(other?.id).not.toBe(one?.id);
    expect(await reading(key, { ...key, use: 'enc' }, 7)).toHaveLength(1);
    expect(JSON.stringify(await reading({ ...key, kty: '<script>' }))).not.toContain('script');
  });

  it.each([
    [200, 'no JSON'],
    [200, { keys: 'none' }],
    [404, { keys: [] }],
  ])('with status %i and %j are none', async (status, body) => {
    await expect(readPublishedKeys(lineTo(status, body), 'https://idp.example/keys')).rejects.toMatchObject({ code: 'ISSUER_UNREACHABLE' });
  });
});
