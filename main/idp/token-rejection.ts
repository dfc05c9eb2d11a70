/** The rules a token can break, one word each: the word reaches audit and people, what the token said never does. */
import { AppError } from '../app-error.ts';

export const tokenRules = {
  missing: 'The answer holds no such token.',
  form: 'It is not a signed JWT.',
  alg: 'Its signature algorithm is not one the profile accepts.',
  crit: 'It demands an extension that nobody here knows.',
  typ: 'It is a token of another kind.',
  kid_unknown: 'It is signed with a key the provider does not publish.',
  key: 'The published key does not fit: too weak, broken, or several that could be meant.',
  jwks_unavailable: 'The keys of the provider cannot be read.',
  sig: 'Its signature is wrong.',
  iss: 'It comes from another issuer.',
  hd: 'It is of no organisation that the profile names.',
  sub: 'It names nobody, or somebody else than the person who signed in.',
  aud: 'It is for another program, or not for this one alone.',
  azp: 'It was issued to another program.',
  exp: 'It has expired.',
  nbf: 'It is not valid yet.',
  iat: 'It was issued in the future.',
  nonce: 'It does not answer this sign-in.',
  token_type: 'It is not bound to the key of this sign-in, or to another one.',
  at_hash: 'It belongs to another access token.',
  c_hash: 'It belongs to another authorization code.',
  auth_time: 'It does not say that the sign-in is as recent as the profile demands.',
  username: 'It does not hold a user name where the profile says, or another one than at sign-in.',
  library: 'The OpenID library refused it.',
} as const;
export type TokenRule = keyof typeof tokenRules;

/** Rules that a wrong clock on this machine breaks as well. */
export const timeRules: ReadonlySet<string> = new Set<TokenRule>(['exp', 'nbf', 'iat', 'auth_time']);

/** @throws AppError ID_TOKEN_REJECTED with the rule as its reason */
export function reject(rule: TokenRule, cause?: unknown): never {
  throw new AppError('ID_TOKEN_REJECTED', { reason: rule, detail: tokenRules[rule], ...(cause === undefined ? {} : { cause }) });
}
