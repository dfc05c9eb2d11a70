import { describe, expect, it } from 'vitest';
import { openIssuerLine } from '../../../main/idp/issuer-line.ts';
import { createKeySet } from '../../../main/idp/key-set.ts';
import { hours, minutes, seconds } from '../../../main/units.ts';
import { signingKey } from './jwt.ts';
import { ISSUER } from './profiles.ts';
import { testIssuer } from './test-issuer.ts';

const first = signingKey('ES256', 'first');
const second = signingKey('ES256', 'second');

function bench(published: unknown[] = [first.jwk]) {
  const issuer = testIssuer();
  issuer.jwks = () => ({ keys: published });
  const keys = createKeySet({ address: async () => `${ISSUER}/jwks`, line: openIssuerLine(issuer), clock: issuer.clock });
  return { issuer, clock: issuer.clock, keys, reads: () => issuer.askedFor('jwks').length };
}
const header = (kid?: string) => (kid === undefined ? { alg: 'ES256' } : { alg: 'ES256', kid });
const down = () => Promise.reject(new TypeError('fetch failed'));

describe('the keys of a provider', () => {
  it('are read once for many tokens, also when they come together', async () => {
    const { keys, reads } = bench();
    await Promise.all(Array.from({ length: 5 }, () => keys.keyFor(header('first'))));
    await keys.keyFor(header('first'));
    expect(reads()).toBe(1);
  });

  it('are read again for a key id that is new, and the token passes', async () => {
    const { issuer, clock, keys, reads } = bench();
    await keys.ready();
    issuer.jwks = () => ({ keys: [first.jwk, second.jwk] });
    await clock.advance(1);
    await expect(keys.keyFor(header('second'))).resolves.toBeDefined();
    expect(reads()).toBe(2);
  });

  it('are read at most twice a minute however many forged key ids come', async () => {
    const { clock, keys, reads } = bench();
    await keys.ready();
    for (let second = 0; second < 59; second++) {
      await expect(keys.keyFor(header(`forged-${second}`))).rejects.toMatchObject({ reason: 'kid_unknown' });
      await clock.advance(seconds(1));
    }
    expect(reads() - 1).toBe(2);
  });

  it('are not read twice for one token with an unknown key id', async () => {
    const { keys, reads } = bench();
    await expect(keys.keyFor(header('unknown'))).rejects.toMatchObject({ reason: 'kid_unknown' });
    expect(reads()).toBe(1);
  });

  it.each<[string, Record<string, string>, number, number]>([
    ['ten minutes when nothing is said', {}, minutes(10) - 1, minutes(10)],
    ['five minutes at least', { 'cache-control': 'max-age=1' }, minutes(5) - 1, minutes(5)],
    ['as long as the provider says', { 'cache-control': 'public, max-age=3600' }, hours(1) - 1, hours(1)],
    ['a day at most', { 'cache-control': 'max-age=999999999' }, hours(24) - 1, hours(24)],
  ])('are kept for %s', async (_, headers, before, after) => {
    const { issuer, clock, keys, reads } = bench();
    issuer.jwksHeaders = headers;
    await keys.ready();
    await clock.advance(before);
    await keys.keyFor(header('first'));
    expect(reads()).toBe(1);
    await clock.advance(after - before);
    await keys.keyFor(header('first'));
    expect(reads()).toBe(2);
  });

  it('are read again after the clock was set back', async () => {
    const { clock, keys, reads } = bench();
    await keys.ready();
    clock.set(clock.now() - hours(2));
    await keys.keyFor(header('first'));
    expect(reads()).toBe(2);
  });

  it('may be used for a day while the provider is down, by their id', async () => {
    const { issuer, clock, keys } = bench();
    await keys.ready();
    issuer.faults.jwks = down;
    await clock.advance(hours(24));
    await expect(keys.keyFor(header('first'))).resolves.toBeDefined();
    await expect(keys.keyFor(header('second'))).rejects.toMatchObject({ reason: 'kid_unknown' });
  });

  it('may not be used without their id while the provider is down', async () => {
    const { issuer, clock, keys } = bench();
    await expect(keys.keyFor(header())).resolves.toBeDefined();
    issuer.faults.jwks = down;
    await clock.advance(hours(1));
    await expect(keys.keyFor(header())).rejects.toMatchObject({ reason: 'jwks_unavailable' });
  });

  it('may not be used after a day without the provider', async () => {
    const { issuer, clock, keys } = bench();
    await keys.ready();
    issuer.faults.jwks = down;
    await clock.advance(hours(24) + 1);
    await expect(keys.keyFor(header('first'))).rejects.toMatchObject({ reason: 'jwks_unavailable' });
  });

  it('are asked for at most every thirty seconds while the provider is down', async () => {
    const { issuer, clock, keys, reads } = bench();
    await keys.ready();
    issuer.faults.jwks = down;
    await clock.advance(hours(1));
    for (let second = 0; second < 60; second++) {
      await keys.keyFor(header('first'));
      await clock.advance(seconds(1));
    }
    expect(reads() - 1).toBe(2);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ['nobody answers', down],
    ['the answer is an error', () => new Response('', { status: 404 })],
    ['the answer is a redirect', () => new Response('', { status: 302, headers: { location: 'https://evil.test/jwks' } })],
    ['the answer is no JSON', () => new Response('<html>')],
    ['the answer is no key set', () => Response.json({ key: [] })],
    ['the answer holds a thousand keys', () => Response.json({ keys: Array.from({ length: 1000 }, () => first.jwk) })],
    ['the answer has no end', () => new Response('x'.repeat(1024 * 1024 + 1))],
  ])('are unavailable when %s', async (_, answer) => {
    const { issuer, keys } = bench();
    issuer.faults.jwks = answer;
    await expect(keys.ready()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'jwks_unavailable' });
  });

  it('fit a token without key id only when there is just one', async () => {
    await expect(bench().keys.keyFor(header())).resolves.toBeDefined();
    await expect(bench([first.jwk, second.jwk]).keys.keyFor(header())).rejects.toMatchObject({ reason: 'key' });
  });

  it('do not fit when two of them share the id', async () => {
    const { keys } = bench([first.jwk, { ...second.jwk, kid: 'first' }]);
    await expect(keys.keyFor(header('first'))).rejects.toMatchObject({ reason: 'key' });
  });

  it.each<[string, Record<string, unknown>]>([
    ['is for encryption', { ...first.jwk, use: 'enc' }],
    ['is for another operation', { ...first.jwk, key_ops: ['sign'] }],
    ['is for another algorithm', { ...first.jwk, alg: 'ES384' }],
    ['is on another curve', { ...signingKey('ES384', 'first').jwk, alg: undefined }],
    ['is of another type', { ...signingKey('RS256', 'first').jwk, alg: undefined }],
    ['is a shared secret', { kty: 'oct', k: 'AAAA', kid: 'first' }],
    ['has an id that is no text', { ...first.jwk, kid: 5 }],
  ])('do not fit when the published one %s', async (_, jwk) => {
    await expect(bench([jwk]).keys.keyFor(header('first'))).rejects.toMatchObject({ reason: 'kid_unknown' });
  });

  it('are refused when their numbers are no key', async () => {
    const { keys } = bench([{ ...first.jwk, x: 'AAAA' }]);
    await expect(keys.keyFor(header('first'))).rejects.toMatchObject({ reason: 'key' });
  });
});
