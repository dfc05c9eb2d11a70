/** Revoking a refresh token at sign-out (RFC 7009). It never throws: what could not be revoked is said instead. */
import * as oidc from 'openid-client';
import { asAppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import type { IssuerMetadata } from './discovery.ts';
import type { IssuerLine } from './issuer-line.ts';
import { asFetch, clientFor, inner, refusalOf } from './library.ts';
import type { Revocation } from './signed-in.ts';

export interface RevokeParts {
  profile: Profile;
  clock: Clock;
  line: IssuerLine;
}

export async function revoke(
  { profile, clock, line }: RevokeParts,
  metadata: () => Promise<IssuerMetadata>,
  token: string,
): Promise<Revocation> {
  try {
    const known = await metadata();
    if (known.revocation_endpoint === undefined) {
      return {
        refreshToken: 'not-supported',
        detail: 'The identity provider offers no way to revoke it; it stays valid there until it expires.',
      };
    }
    const client = clientFor(profile, known, clock, asFetch(line));
    await oidc.tokenRevocation(client, token, { token_type_hint: 'refresh_token' });
    return { refreshToken: 'revoked', detail: 'The identity provider has revoked it.' };
  } catch (error) {
    const why = refusalOf(error)
      ? 'refused to revoke it'
      : asAppError(inner(error)).code === 'ISSUER_UNREACHABLE'
        ? 'did not answer'
        : 'gave no clear answer';
    return { refreshToken: 'failed', detail: `The identity provider ${why}; it may stay valid there until it expires.` };
  }
}
