/**
 * What the tokens of a profile can open where they are the provider's own (`tokens: direct`): what was authorised at the sign-in, whatever a
 * program asks for. Pure; it answers before anybody is asked and before there is a token.
 */
import { AppError } from '../app-error.ts';
import type { Profile } from '../profile/profile.ts';

/** Who the person is and that they stay signed in: these open nothing that a program would be refused without them. */
const harmless: ReadonlySet<string> = new Set([
  ...['openid', 'email', 'profile', 'offline_access'],
  ...['iam.current-user:read', 'iam.access-control:read'],
]);

type Direct = Pick<Profile, 'tokens' | 'idp' | 'workspaces' | 'allowNotNarrowed'>;

/** The API scopes among these words, sorted. */
export const apiScopes = (words: readonly string[]): readonly string[] => [...new Set(words.filter((word) => !harmless.has(word)))].sort();

/** Whether somebody with `held` may do all that `asked` names. */
export const covers = (held: readonly string[], asked: readonly string[]): boolean =>
  held.includes('all-apis') || apiScopes(asked).every((scope) => held.includes(scope));

/** What a sign-in at this profile authorises. Entra issues for an application as a whole, and so for all that the person may do there. */
export const authorisedBy = ({ idp }: Pick<Profile, 'idp'>): readonly string[] =>
  idp.preset === 'databricks' ? apiScopes(idp.scopes) : ['all-apis'];

/** Whether a token for these scopes would open nothing beyond them; always so where tokens are exchanged. */
export const isNarrowed = (profile: Pick<Profile, 'tokens' | 'idp'>, asked: readonly string[]): boolean =>
  profile.tokens === 'exchange' || authorisedBy(profile).every((scope) => asked.includes(scope));

/** A workspace that signs people in itself can issue no narrower token than was authorised; elsewhere an exchange would do better. */
export const allowsNotNarrowed = ({ idp, allowNotNarrowed }: Pick<Profile, 'idp' | 'allowNotNarrowed'>): boolean =>
  allowNotNarrowed ?? idp.preset === 'databricks';

/**
 * Refuses what no token of this profile could be for, while nobody has been asked yet.
 *
 * @throws AppError SCOPE_NOT_AUTHORISED: the sign-in does not cover it
 * @throws AppError SCOPE_NOT_NARROWED (reason 'direct'): the token would open more, and the profile does not allow that
 */
export function requireAuthorised(profile: Direct, asked: readonly string[]): void {
  if (profile.tokens === 'exchange') return;
  const authorised = authorisedBy(profile);
  // check: direct-authorised
  if (!covers(authorised, asked)) throw notAuthorised(profile, authorised, asked);
  // end check
  // check: direct-not-narrowed
  if (!isNarrowed(profile, asked) && !allowsNotNarrowed(profile))
    throw new AppError('SCOPE_NOT_NARROWED', {
      reason: 'direct',
      detail: 'The token of the sign-in opens more than that, and the profile does not say `allowNotNarrowed: true`.',
    });
  // end check
}

/** The next step as a command: one sign-in authorises one set of scopes, so another set is another profile. */
export function notAuthorised({ workspaces }: Pick<Profile, 'workspaces'>, held: readonly string[], asked: readonly string[]): AppError {
  const missing = apiScopes(asked).filter((scope) => !held.includes(scope));
  const wanted = apiScopes([...held, ...missing]);
  const options = wanted.map((scope) => `--scope ${scope}`).join(' ');
  return new AppError('SCOPE_NOT_AUTHORISED', {
    reason: missing.join(' '),
    detail: `Authorise it beside: lakepass login ${workspaces[0]?.host ?? 'HOST'} ${options}`,
  });
}

/** What a person is told before they approve: nothing where the token is as narrow as what is asked. */
export const widthWords = (profile: Pick<Profile, 'tokens' | 'idp'> | undefined, asked: readonly string[]): string[] =>
  profile === undefined || isNarrowed(profile, asked)
    ? []
    : [
        `not narrowed: whatever is asked for, its token opens ${authorisedBy(profile).includes('all-apis') ? 'all you may do in Databricks' : authorisedBy(profile).join(', ')}`,
      ];
