/**
 * The direct strategy: the identity provider's own access token is what programs get. The workspace issued it (U2M), or takes it as it is
 * (Azure, from Entra). It opens whatever was authorised at the sign-in, so a token that opens more than was asked for is marked, and goes
 * nowhere unless the profile allows that.
 */
import { AppError } from '../app-error.ts';
import type { SubjectToken } from '../idp/signed-in.ts';
import type { Clock } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { ms, remaining, seconds } from '../units.ts';
import { apiScopes, authorisedBy, covers, notAuthorised, requireAuthorised } from './authorisation.ts';
import { inTime } from './in-time.ts';
import type { ExchangedToken } from './minted-token.ts';
import { floorOf } from './token-life.ts';
import type { TokenSource } from './token-source.ts';

/** Azure refuses tokens in their last 30 s; what takes the token to the workspace takes a moment, too. */
const LEAST_LIFE = seconds(40);
/** The session bounds its own requests; this only keeps one that does not from blocking a token for ever. */
const SUBJECT_TOKEN_LIMIT = seconds(60);

export interface DirectParts {
  profile: Profile;
  clock: Clock;
  /** The provider's token with more than `needs.life` left, and with more than half of its life where it can be had. */
  subjectToken: (needs: { life: ReturnType<typeof seconds> }) => Promise<SubjectToken>;
}

/** A source whose failures are those of the session, SCOPE_NOT_AUTHORISED, SCOPE_NOT_NARROWED, and ISSUER_UNREACHABLE where only a token near its end is to be had. */
export function createDirect({ profile, clock, subjectToken }: DirectParts): TokenSource {
  return {
    async obtain({ scopes, requireWanted }) {
      requireAuthorised(profile, scopes);
      const asked = clock.elapsed();
      const life = ms(Math.max(profile.limits.minTokenLife, LEAST_LIFE));
      const subject = await inTime(clock, subjectToken({ life }), SUBJECT_TOKEN_LIMIT, () => new AppError('ISSUER_UNREACHABLE'));
      requireWanted();
      const token = tokenFor(profile, subject, scopes);
      // An older one than the provider could give now: the next try may find it within reach.
      if (remaining(token.expiresAt, clock.now()) < floorOf(token))
        return { ok: false, error: new AppError('ISSUER_UNREACHABLE', { reason: 'late' }), retry: { notBefore: null } };
      return { ok: true, value: { token, tookMs: Math.round(clock.elapsed() - asked) } };
    },
  };
}

/** @throws AppError SCOPE_NOT_AUTHORISED (the provider gave less than was asked for at the sign-in) | SCOPE_NOT_NARROWED (it gave more) */
function tokenFor(profile: Profile, subject: SubjectToken, asked: readonly string[]): ExchangedToken {
  const authorised = authorisedBy(profile);
  const held = subject.scopes === undefined ? authorised : apiScopes(subject.scopes);
  // check: direct-wider-than-authorised
  if (!covers(authorised, held)) throw new AppError('SCOPE_NOT_NARROWED', { reason: 'authorisation' });
  // end check
  // check: direct-given
  if (!covers(held, asked)) throw notAuthorised(profile, held, asked);
  // end check
  const narrowed = held.every((scope) => asked.includes(scope));
  const { jwt: token, issuedAt: mintedAt, expiresAt } = subject;
  return { token, scopes: held, mintedAt, expiresAt, ...(narrowed ? {} : { narrowed }) };
}
