/**
 * A security key registered at the identity provider, not to be confused with a tap key, which is Lakepass' own: where that is done, how
 * the provider is asked for it, and what the sign-in after it must show. Whatever the provider says of the registration itself proves nothing.
 */
import { AppError } from '../app-error.ts';
import { isAcceptedAddress } from '../profile/plain-http.ts';
import type { Profile } from '../profile/profile.ts';
import { type Ms, minutes } from '../units.ts';
import { presets } from './presets.ts';
import type { Assurance, AssuranceLevel } from './signed-in.ts';
import { assuranceLevels } from './signed-in.ts';

/** While people sign in there, or on a page of the provider's own. */
export type KeyRoad = { how: 'action'; parameter: string; value: string; answer: string } | { how: 'page'; page: URL };

/** Null where it is not known. */
export function keyRoad(profile: Profile): KeyRoad | null {
  const { action } = presets[profile.idp.preset].keys;
  if (action !== undefined) return { how: 'action', ...action };
  const page = keyPage(profile);
  return page === null ? null : { how: 'page', page };
}

const ISSUER = '{issuer}';

/**
 * The provider's page for keys, if that is known: on the host of the issuer or of the preset, for only a path is put behind either. It is
 * opened with the person's cookies.
 */
export function keyPage({ idp, test }: Pick<Profile, 'idp' | 'test'>): URL | null {
  const { page } = presets[idp.preset].keys;
  if (page === undefined) return null;
  const address = page.startsWith(`${ISSUER}/`) ? `${idp.issuer.replace(/\/$/, '')}${page.slice(ISSUER.length)}` : page;
  // check: key-page-https
  if (!isAcceptedAddress(address, { test })) return null;
  // end check
  const url = URL.parse(address);
  if (url === null) return null;
  // check: key-page-bare
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return null;
  // end check
  return url;
}

/** For whoever was proven too little: where the way out is a key that they may not have yet. None helps where the provider never says so. */
export const registerHint = (profile: Profile): string =>
  keyRoad(profile) === null || !saysSo(profile) ? '' : 'Without a security key there yet, `lakepass keys register` registers one.';

/**
 * The profile as it asks for a registration: whoever has no key yet cannot reach the level of an everyday sign-in, and nothing is minted by
 * this one, so it asks for none and for as little as can be.
 */
export function asRegistering(profile: Profile, { parameter, value }: Extract<KeyRoad, { how: 'action' }>): Profile {
  const { prompt: _, ...idp } = profile.idp;
  // A realm may have another word for it (webauthn-register-passwordless). Whoever asks for a key wants one, also as their second.
  const word = (idp.parameters[parameter] ?? value).replace(/:skip_if_exists$/, '');
  return {
    ...profile,
    idp: { ...idp, scopes: ['openid'], parameters: { ...idp.parameters, [parameter]: word } },
    assurance: { ...profile.assurance, askBy: 'none', authTime: 'optional' },
  };
}

/** As new as a step-up: a provider that ignores `prompt=login` is found out by its auth_time. */
const FRESH = minutes(1);

/** The profile as it asks for the sign-in after a registration: afresh, and for what counts as phishing-resistant here. */
export function asProving(profile: Profile): Profile {
  const { idp, assurance } = profile;
  const { action } = presets[idp.preset].keys;
  const parameters = Object.fromEntries(Object.entries(idp.parameters).filter(([name]) => name !== action?.parameter));
  const wanted = assurance.acrValues.filter((acr) => assurance.phrAcr.includes(acr));
  const acrValues = wanted.length > 0 ? wanted : assurance.phrAcr.length > 0 ? assurance.phrAcr : assurance.acrValues;
  return {
    ...profile,
    // A word of the profile's own stays: Google knows no "login", and gives refresh tokens for "consent" alone.
    idp: { ...idp, parameters, prompt: idp.prompt ?? 'login' },
    assurance: { ...assurance, acrValues: [...acrValues], maxAge: Math.min(assurance.maxAge, FRESH) as Ms },
  };
}

/** Whether this provider ever says that a key was used, as the profile has it. */
const saysSo = ({ assurance }: Profile): boolean => assurance.phrAcr.length > 0;

/**
 * Judges the sign-in after a registration by what the provider says of it. One that never says so cannot be held to it; its sign-in must
 * only not be weaker than the session that it takes the place of.
 *
 * @param floor level of the session that runs
 * @throws AppError KEY_UNPROVEN: the reason is the level that was reached
 */
export function demandKey(assurance: Assurance, profile: Profile, floor: AssuranceLevel): void {
  const least = saysSo(profile) ? 'phr' : floor;
  // check: key-registration-proven
  if (assuranceLevels.indexOf(assurance.level) < assuranceLevels.indexOf(least))
    throw new AppError('KEY_UNPROVEN', { reason: assurance.level, detail: assurance.because });
  // end check
}

/** What the sign-in after it shows, in one sentence or two. */
export function proofWords(profile: Profile, { level, because }: Pick<Assurance, 'level' | 'because'>): string {
  if (level === 'phr') return `Proven: ${because}`;
  const hint = presets[profile.idp.preset].assurance.hint ?? '';
  return `Your provider did not say that a key was used, so it is not proven (assurance ${level}: ${because}) ${hint}`.trim();
}
