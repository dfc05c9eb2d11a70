/** What an answer of a provider means in the terms of its preset: sentences of the table, and nothing that the provider wrote. */
import { AppError } from '../app-error.ts';
import type { Profile } from '../profile/profile.ts';
import type { OAuthError } from './library.ts';
import { presets } from './presets.ts';
import type { StepUpDemand } from './signed-in.ts';

/** A refusal of the provider, with what it means there and where to go. @param error the provider's own word for it */
export function loginRefused({ idp, assurance }: Profile, error: OAuthError, cause?: unknown): AppError {
  const said = presets[idp.preset].refusals[error];
  const isTrapped = error === 'unmet_authentication_requirements' && isOkta(idp.preset) && assurance.acrValues.includes('phrh');
  const page = error === 'unmet_authentication_requirements' ? keyPage(idp) : undefined;
  const detail = [
    said,
    isTrapped
      ? 'The profile asks for "phrh", which Okta Verify alone can give: no security key can. Your admin can ask for "phr" instead.'
      : undefined,
    page === undefined ? undefined : `Keys are registered at ${page}.`,
  ].filter((sentence) => sentence !== undefined);
  return new AppError('LOGIN_REFUSED', {
    reason: error,
    ...(detail.length === 0 ? {} : { detail: detail.join(' ') }),
    ...(cause === undefined ? {} : { cause }),
  });
}

const isOkta = (preset: Profile['idp']['preset']) => preset === 'okta' || preset === 'okta-custom';

/** Where people of this provider register a security key, if that is known. */
export const keyPage = ({ preset, issuer }: Profile['idp']): string | undefined =>
  presets[preset].keys.page?.replace('{issuer}', issuer.replace(/\/$/, ''));

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
