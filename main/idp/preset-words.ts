/** What an answer of a provider means in the terms of its preset: sentences of the table, and nothing that the provider wrote. */
import { AppError } from '../app-error.ts';
import type { Profile } from '../profile/profile.ts';
import { keyPage, registerHint } from './key-registration.ts';
import type { OAuthError } from './library.ts';
import { presets } from './presets.ts';
import type { StepUpDemand } from './signed-in.ts';

/** A refusal of the provider, with what it means there and where to go. @param error the provider's own word for it */
export function loginRefused(profile: Profile, error: OAuthError, cause?: unknown): AppError {
  const { idp, assurance } = profile;
  const said = presets[idp.preset].refusals[error];
  const isUnmet = error === 'unmet_authentication_requirements';
  const isTrapped = isUnmet && isOkta(idp.preset) && assurance.acrValues.includes('phrh');
  const page = isUnmet ? keyPage(profile) : null;
  const detail = [
    said,
    isTrapped
      ? 'The profile asks for "phrh", which Okta Verify alone can give: no security key can. Your admin can ask for "phr" instead.'
      : undefined,
    page === null ? undefined : `Keys are registered at ${page.href}.`,
    isUnmet && said?.includes('keys register') !== true ? registerHint(profile) : undefined,
  ].filter((sentence) => sentence !== undefined && sentence !== '');
  return new AppError('LOGIN_REFUSED', {
    reason: error,
    ...(detail.length === 0 ? {} : { detail: detail.join(' ') }),
    ...(cause === undefined ? {} : { cause }),
  });
}

const isOkta = (preset: Profile['idp']['preset']) => preset === 'okta' || preset === 'okta-custom';

/**
 * A step-up that the provider can never prove is refused before a browser opens.
 *
 * @throws AppError ASSURANCE_TOO_LOW: reason 'acr' or 'auth_time'
 */
export function refuseHopelessStepUp({ idp, assurance }: Profile, { acr }: StepUpDemand): void {
  const { displayName, assurance: said } = presets[idp.preset];
  const detail = `${displayName} cannot prove a step-up. ${said.hint ?? ''}`.trim();
  if (assurance.askBy === 'none' && acr.length > 0) throw new AppError('ASSURANCE_TOO_LOW', { reason: 'acr', detail });
  if (assurance.authTime === 'optional') throw new AppError('ASSURANCE_TOO_LOW', { reason: 'auth_time', detail });
}
