/**
 * Whether a code of one provider could be brought to the door that waits for another one (mix-up, RFC 9700 section 4.4). A provider that means
 * ill can send the browser on to an honest one, with its own state in the request; the code then comes back under the state we sent, and would
 * be redeemed, verifier and all, at the wrong token endpoint. An answer that names its issuer (RFC 9207) gives that away; where none is
 * promised, the address has to.
 */
import { AppError } from '../app-error.ts';
import type { Profile } from '../profile/profile.ts';
import type { IssuerMetadata } from './discovery.ts';
import { type PresetName, presets } from './presets.ts';

/**
 * @param redirectUri of the door that is open
 * @param others profiles in use; the one that signs in may be among them
 * @throws AppError LOGIN_REDIRECT_SHARED
 */
export function refuseSharedRedirect(
  profile: Profile,
  { authorization_response_iss_parameter_supported }: IssuerMetadata,
  redirectUri: string,
  others: readonly Profile[],
): void {
  if (authorization_response_iss_parameter_supported === true) return;
  const sharing = others.filter((other) => !isSameOperator(profile, other) && couldAnswerAt(redirectUri, other));
  // check: sign-in-redirect-not-shared
  if (sharing.length > 0)
    throw new AppError('LOGIN_REDIRECT_SHARED', { detail: `The other: ${sharing.map(({ name }) => name).join(', ')}.` });
  // end check
}

/** A provider that takes any port is taken to take every one. */
function couldAnswerAt(redirectUri: string, { idp }: Profile): boolean {
  const { hostname, port, pathname } = new URL(redirectUri);
  const { host, ports, path } = idp.redirect;
  return hostname === host && pathname === (path || '/') && (ports.length === 0 || ports.includes(Number(port)));
}

/** Whose page the browser is sent to is the operator's own there, whichever customer the profile is of. Auth0 lets customers write theirs. */
const sharedPages: readonly PresetName[] = ['okta', 'okta-custom', 'entra', 'google', 'pingone', 'databricks'];

function isSameOperator(one: Profile, other: Profile): boolean {
  if (new URL(one.idp.issuer).origin === new URL(other.idp.issuer).origin) return true;
  const { preset } = one.idp;
  const known = presets[preset].issuer.known;
  const isKnown = ({ idp }: Profile): boolean => idp.preset === preset && known?.test(idp.issuer) === true;
  return sharedPages.includes(preset) && isKnown(one) && isKnown(other);
}
