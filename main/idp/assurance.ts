/**
 * How strongly a sign-in was proven, judged from what the provider's ID token says and nothing else. The words acr and amr mean
 * what IT says they mean in the profile: there is no universal "used a security key".
 */
import { AppError } from '../app-error.ts';
import type { Profile } from '../profile/profile.ts';
import { fromNumericDate } from '../units.ts';
import { type Assurance, type AssuranceLevel, assuranceLevels, type StepUpDemand } from './signed-in.ts';

/**
 * The level of a sign-in and the reason for it. An `amr` that is absent proves nothing: where the profile names amr values
 * for a phishing-resistant sign-in, the acr alone is not enough.
 */
export function assuranceOf(claims: Record<string, unknown>, rules: Profile['assurance']): Assurance {
  const acr = typeof claims.acr === 'string' ? claims.acr : null;
  const amr = Array.isArray(claims.amr) ? claims.amr.filter((value) => typeof value === 'string') : [];
  const authTime = typeof claims.auth_time === 'number' ? fromNumericDate(claims.auth_time) : null;
  return { ...judge(acr, amr, rules), acr, amr, authTime };
}

/**
 * @throws AppError ASSURANCE_TOO_LOW: the reason is the level that was reached
 */
export function demandAssurance(assurance: Assurance, { minimum }: Profile['assurance']): void {
  // check: assurance-minimum
  if (rank(assurance.level) < rank(minimum)) {
    throw new AppError('ASSURANCE_TOO_LOW', { reason: assurance.level, detail: `${assurance.because} The profile demands "${minimum}".` });
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
