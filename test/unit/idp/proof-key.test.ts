/** A provider that offers to bind tokens to a key, and every way in which it may then not do so. The proofs themselves are judged by a real one. */
import { describe, expect, it } from 'vitest';
import { newProofKey, openProofKey } from '../../../main/idp/proof-key.ts';
import type { Origin } from '../../../main/idp/signed-in.ts';
import { Secret } from '../../../main/secret.ts';
import { flow } from './flow.ts';
import { jwt } from './jwt.ts';
import { ISSUER, originOf } from './profiles.ts';

const offered = { dpop_signing_alg_values_supported: ['RS256', 'ES256'] };
type Body = Record<string, unknown>;
const asDpop = (body: Body): Body => ({ ...body, token_type: 'DPoP' });

function bench(options: Parameters<typeof flow>[0] = {}, metadata: Body = offered) {
  const parts = flow(options);
  parts.issuer.metadata = { ...parts.issuer.metadata, ...metadata };
  const token = new Secret(parts.issuer.issueRefreshToken());
  const refresh = (origin: Partial<Origin>) => parts.idp.refresh(token, { ...originOf(), ...origin });
  return { ...parts, refresh };
}

describe('a sign-in', () => {
  it('whose tokens are bound brings the key they are bound to, and binds the code to it too', async () => {
    const { signIn, issuer, opened } = bench();
    issuer.answer = asDpop;
    const signedIn = await signIn();
    expect(signedIn).toMatchObject({ binding: 'dpop', proofKey: expect.any(Secret) });
    expect(opened[0]?.searchParams.get('dpop_jkt')).toMatch(/^[\w-]{43}$/);
    expect(JSON.stringify(signedIn)).not.toContain('"d"');
  });

  it('brings a key of its own each time', async () => {
    const { signIn, issuer } = bench();
    issuer.answer = asDpop;
    const [first, second] = [await signIn(), await signIn()];
    expect(first.proofKey?.reveal()).not.toBe(second.proofKey?.reveal());
  });

  it('to which a provider gives unbound tokens although it offers others is taken, and said to be unbound', async () => {
    await expect(bench().signIn()).resolves.toMatchObject({ binding: 'declined', proofKey: null });
  });

  it.each([{}, { dpop_signing_alg_values_supported: ['RS256'] }, { dpop_signing_alg_values_supported: 'ES256' }])(
    'proves no key to a provider that says %o',
    async (metadata) => {
      const { signIn, opened } = bench({}, metadata);
      await expect(signIn()).resolves.toMatchObject({ binding: 'none', proofKey: null });
      expect(opened[0]?.searchParams.has('dpop_jkt')).toBe(false);
    },
  );

  it('proves no key where the configuration says not to, and the record tells', async () => {
    const { signIn, opened } = bench({ idp: { dpop: 'off' } });
    await expect(signIn()).resolves.toMatchObject({ binding: 'off', proofKey: null });
    expect(opened[0]?.searchParams.has('dpop_jkt')).toBe(false);
  });

  it('refuses tokens that are bound to a key nobody has proven', async () => {
    const { signIn, issuer } = bench({}, {});
    issuer.answer = asDpop;
    await expect(signIn()).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'token_type' });
  });
});

describe('where workspaces take the access token', () => {
  const accessToken = (issuer: ReturnType<typeof flow>['issuer'], more: Body = {}): string => {
    const now = Math.floor(issuer.clock.now() / 1000);
    const [key] = issuer.keys;
    if (key === undefined) throw new Error('no key');
    return jwt(key, { iss: ISSUER, sub: 'alice-1', aud: 'databricks', iat: now, exp: now + 600, ...more });
  };

  it('none is bound, although the provider offers it', async () => {
    const { signIn, issuer } = bench({ subjectToken: 'access_token' });
    issuer.answer = (body) => ({ ...body, access_token: accessToken(issuer) });
    await expect(signIn()).resolves.toMatchObject({ binding: 'none', proofKey: null });
  });

  it.each<[string, (body: Body, issuer: ReturnType<typeof flow>['issuer']) => Body]>([
    ['to a key', (body, issuer) => ({ ...body, access_token: accessToken(issuer, { cnf: { jkt: 'x' } }) })],
    ['to a client certificate', (body, issuer) => ({ ...body, access_token: accessToken(issuer, { cnf: { 'x5t#S256': 'x' } }) })],
    ['by its type', (body, issuer) => ({ ...asDpop(body), access_token: accessToken(issuer) })],
  ])('one that is bound %s ends the sign-in, and the refresh token with it', async (_, change) => {
    const { signIn, issuer } = bench({ subjectToken: 'access_token' });
    issuer.answer = (body) => change(body, issuer);
    await expect(signIn()).rejects.toMatchObject({ code: 'TOKEN_BOUND', reason: 'cnf' });
    await expect.poll(() => issuer.revoked.length).toBe(1);
  });

  it('a provider that insists on a proof is told from one that refuses the person', async () => {
    const { signIn, issuer } = bench({ subjectToken: 'access_token' });
    issuer.faults.token = () => Response.json({ error: 'invalid_dpop_proof' }, { status: 400 });
    await expect(signIn()).rejects.toMatchObject({ code: 'TOKEN_BOUND', reason: 'demanded' });
  });
});

describe('the refresh of a session whose tokens are bound', () => {
  it('is refused where the answer is bound no more', async () => {
    const { refresh, audit } = bench();
    const { sealed } = await newProofKey();
    await expect(refresh({ proofKey: sealed })).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED', reason: 'token_type' });
    expect(audit.of('token.validation-failed')).toEqual([{ type: 'token.validation-failed', profile: 'acme', rule: 'token_type' }]);
  });

  it('sends nothing to a provider that no longer says that it binds them', async () => {
    const { refresh, issuer } = bench({}, {});
    const { sealed } = await newProofKey();
    await expect(refresh({ proofKey: sealed })).rejects.toMatchObject({ code: 'ISSUER_INVALID', reason: 'changed' });
    expect(issuer.askedFor('token')).toEqual([]);
  });

  it('sends nothing where the key cannot be read, and says nothing of what is there instead', async () => {
    const { refresh, issuer } = bench();
    const outcome = await refresh({ proofKey: new Secret('{"d":"s3cret"') }).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'VAULT_CORRUPT', reason: 'proof-key' });
    expect((outcome as Error).cause).toBeUndefined();
    expect(issuer.askedFor('token')).toEqual([]);
  });

  it('asks a second time with the nonce that is demanded, and no third', async () => {
    const { refresh, issuer } = bench();
    const { sealed } = await newProofKey();
    const headers = { 'dpop-nonce': 'n-7' };
    issuer.faults.token = () => Response.json({ error: 'use_dpop_nonce' }, { status: 400, headers });
    await expect(refresh({ proofKey: sealed })).rejects.toMatchObject({ code: 'ISSUER_UNREACHABLE', reason: 'answered' });
    expect(issuer.askedFor('token')).toHaveLength(2);
  });

  it('that the provider does not believe costs nothing: it has not looked at the token', async () => {
    const { refresh, issuer } = bench();
    const { sealed } = await newProofKey();
    issuer.faults.token = () => Response.json({ error: 'invalid_dpop_proof' }, { status: 400 });
    await expect(refresh({ proofKey: sealed })).rejects.toMatchObject({ code: 'ISSUER_UNREACHABLE', reason: 'answered' });
  });
});

it('a session whose tokens are bound to nothing ends where the provider begins to want a proof', async () => {
  const { refresh, issuer } = bench();
  issuer.faults.token = () => Response.json({ error: 'invalid_dpop_proof' }, { status: 400 });
  await expect(refresh({ proofKey: null })).rejects.toMatchObject({ code: 'SESSION_REFUSED', reason: 'invalid_dpop_proof' });
});

it('the private key of a proof cannot be exported once it is in use', async () => {
  const { pair, sealed } = await newProofKey();
  expect([pair.privateKey.extractable, (await openProofKey(sealed)).privateKey.extractable]).toEqual([false, false]);
});
