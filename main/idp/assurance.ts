/**
 * How strongly a sign-in was proven, judged from what the provider's ID token says and nothing else. The words acr and amr mean
 * what IT says they mean in the profile: there is no universal "used a security key".
 */
import { AppError } from '../app-error.ts';
import type { Profile } from '../profile/profile.ts';
import { fromNumericDate } from '../units.ts';
import { type Assurance, type AssuranceLevel, assuranceLevels, type StepUpDemand } from './signed-in.ts';

/**
 * The parameters that ask for it. `acr_values` is a wish; as an essential claim (OpenID Connect Core section 5.5.1.1) it binds a provider
 * that knows it. Whichever it is, the answer is what counts.
 */
export function askedAssurance({ askBy, acrValues }: Profile['assurance']): Record<string, string> {
  const [best] = acrValues;
  if (best === undefined || askBy === 'none') return {};
  if (askBy === 'acr_values') return { acr_values: acrValues.join(' ') };
  // Entra ID takes one authentication context at a time.
  const claim = askBy === 'acr' ? { acr: { essential: true, values: acrValues } } : { acrs: { essential: true, value: best } };
  return { claims: JSON.stringify({ id_token: claim }) };
}

/** The word for how strong it was: `acr`, or the first of the authentication contexts asked for or trusted that `acrs` has. */
function acrFrom(claims: Record<string, unknown>, { askBy, acrValues, phrAcr }: Profile['assurance']): string | null {
  if (askBy !== 'acrs') return typeof claims['acr'] === 'string' ? claims['acr'] : null;
  const contexts = textsIn(claims['acrs']);
  return [...acrValues, ...phrAcr].find((context) => contexts.includes(context)) ?? null;
}

const textsIn = (claim: unknown): string[] => (Array.isArray(claim) ? claim.filter((value) => typeof value === 'string') : []);

/**
 * The level of a sign-in and the reason for it. An `amr` that is absent proves nothing: where the profile names amr values
 * for a phishing-resistant sign-in, the acr alone is not enough.
 */
export function assuranceOf(claims: Record<string, unknown>, rules: Profile['assurance']): Assurance {
  const acr = acrFrom(claims, rules);
  const amr = [...new Set([...textsIn(claims['amr']), ...textsIn(claims[rules.amrClaim])])];
  const authTime = typeof claims.auth_time === 'number' ? fromNumericDate(claims.auth_time) : null;
  return { ...judge(acr, amr, rules), acr, amr, authTime };
}

/**
 * @param hint what the preset says about it
 * @throws AppError ASSURANCE_TOO_LOW: the reason is the level that was reached
 */
export function demandAssurance(assurance: Assurance, { minimum }: Profile['assurance'], hint = ''): void {
  // check: assurance-minimum
  if (rank(assurance.level) < rank(minimum)) {
    const sentences = [assurance.because, `The profile demands "${minimum}".`, hint];
    throw new AppError('ASSURANCE_TOO_LOW', { reason: assurance.level, detail: sentences.join(' ').trim() });
  }
  // end check
}

/**
 * A provider may answer a step-up with less than was asked (acr_values is a wish, OpenID Connect Core section 3.1.2.1), so the
 * answer is what counts. How old the sign-in may be is checked with the token, against the step-up's own max_age.
 *
 * @throws AppError ASSURANCE_TOO_LOW (reason 'acr')
 */
export function demandAcr({ acr }: Assurance, demand: StepUpDemand): void {
  // check: step-up-acr
  if (demand.acr.length > 0 && (acr === null || !demand.acr.includes(acr)))
    throw new AppError('ASSURANCE_TOO_LOW', { reason: 'acr', detail: `Policy asks for one of: ${demand.acr.join(', ')}.` });
  // end check
}

function judge(acr: string | null, amr: readonly string[], rules: Profile['assurance']): Pick<Assurance, 'level' | 'because'> {
  const phrAcr = rules.phrAcr.find((value) => value === acr);
  const phrAmr = rules.phrAmr.find((value) => amr.includes(value));
  const mfaAmr = rules.mfaAmr.find((value) => amr.includes(value));
  // check: assurance-phr-amr
  const isAmrMissing = rules.phrAmr.length > 0 && phrAmr === undefined;
  if (phrAcr !== undefined && isAmrMissing) return weaker('The provider confirms the level asked for, but names no key as the means.');
  // end check
  if (phrAcr !== undefined) {
    const means = phrAmr === undefined ? '' : ` and amr "${phrAmr}"`;
    return { level: 'phr', because: `The provider answered with acr "${phrAcr}"${means}: a phishing-resistant sign-in.` };
  }
  return weaker('The provider does not confirm a phishing-resistant sign-in.');

  function weaker(shortfall: string): Pick<Assurance, 'level' | 'because'> {
    if (rules.configAsserted) {
      return { level: 'config-asserted', because: 'Your IT declares that the provider only lets phishing-resistant sign-ins through.' };
    }
    if (mfaAmr !== undefined) return { level: 'mfa', because: `The provider answered with amr "${mfaAmr}": several factors.` };
    return { level: 'unknown', because: shortfall };
  }
}

const rank = (level: AssuranceLevel) => assuranceLevels.indexOf(level);
