/** What the search for secrets finds and what it leaves alone; `test/product/canary.test.ts` uses it on the whole product. */
import { describe, expect, it } from 'vitest';
import { secretHunt } from '../../product/secret-hunt.ts';

const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (claims: object, signature: string): string => `${base64({ alg: 'ES256', typ: 'JWT' })}.${base64(claims)}.${signature}`;

const common = { iss: 'http://127.0.0.1:41234', aud: 'lakepass', iat: 1_767_225_600, exp: 1_767_229_200, auth_time: 1_767_225_590 };
const own = { sub: 'user-8d1f20c2', jti: 'Zk3PpQ9sTT0aWcVnXhYl', email: 'alice@acme.example' };
const secret = jwt({ ...common, ...own }, 'c2lnbmF0dXJl'.repeat(7));
const hunt = secretHunt();
hunt.add('id-token', secret);

describe('of a marked token', () => {
  const [, claims = '', signature = ''] = secret.split('.');
  it.each<[string, string | Buffer]>([
    ['all', secret],
    ['its claims', claims],
    ['the half of its claims that is its own', claims.slice(claims.length / 2)],
    ['its signature', signature],
    ['a piece of its signature', signature.slice(30, 52)],
    ['its claims as hex of their text', Buffer.from(claims).toString('hex')],
    ['its claims as base64 of their text', Buffer.from(`x${claims}`).toString('base64')],
    ['its signature as bytes', Buffer.from(signature, 'base64url')],
  ])('%s is found', (_, leaked) => {
    expect(hunt.search(Buffer.concat([Buffer.from('before '), Buffer.from(leaked), Buffer.from(' after')]))).toEqual(['id-token']);
  });

  it('who its person is may be written down', () => {
    expect(hunt.search(JSON.stringify({ username: own.email, ...own }))).toEqual([]);
  });

  it('whose claims are spelled in a way of their own, all of them count', () => {
    const odd = `${base64({ alg: 'ES256' })}.${Buffer.from('{ "iss" : "http://127.0.0.1:41234", "jti" : "x" }').toString('base64url')}.${signature}`;
    const trial = secretHunt();
    trial.add('odd', odd);
    expect(trial.search(odd.split('.')[1] ?? '')).toEqual(['odd']);
  });

  // A claim before the times moves them to another place in a group of base64.
  it.each(['', 'a', 'ab', 'abc'])('another of the same second, or a proof of possession, is not taken for it (%o)', (htm) => {
    const proof = jwt({ htm, htu: `${common.iss}/token`, ...common, jti: 'another-one-altogether' }, 'b3RoZXI'.repeat(12));
    const other = jwt({ ...common, sub: `someone${htm}`, jti: 'another-one-altogether' }, 'b3RoZXI'.repeat(12));
    expect(hunt.search(`${proof} ${other} ${JSON.stringify(common)}`)).toEqual([]);
  });
});
