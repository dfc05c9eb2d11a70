/**
 * Groups that do not fit into a token. Entra ID leaves them out above 200 and says so with `_claim_names`; they are then asked for at the
 * one address that the profile names (Microsoft Graph, scope User.Read). The address the token itself gives is never gone to.
 */
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Profile } from '../profile/profile.ts';
import type { Secret } from '../secret.ts';
import { groupsFrom } from './identity.ts';
import type { IssuerLine } from './issuer-line.ts';

export interface GroupsParts {
  profile: Profile;
  /** To the provider's services beside its own endpoints. */
  services: IssuerLine;
  audit: AuditLog;
}

const answerSchema = z.object({ value: z.array(z.string().min(1).max(256)).max(11_000) });

/**
 * The groups a token stands for; undefined: it says nothing about groups. Groups that cannot be looked up are no groups, which is
 * written to audit: they only ever widen what somebody may do.
 *
 * @param accessToken of the provider; it must be for the service at `groupsEndpoint`
 */
export async function groupsOf(
  parts: GroupsParts,
  claims: Readonly<Record<string, unknown>>,
  accessToken: Secret | null,
): Promise<readonly string[] | undefined> {
  const { profile, audit } = parts;
  if (profile.idp.groupsClaim in claims) return groupsFrom(claims, profile);
  if (!areLeftOut(claims, profile)) return undefined;
  const found = await lookUp(parts, accessToken).catch(wordFor);
  if (typeof found !== 'string') return found;
  audit.append({ type: 'session.groups-unknown', profile: profile.name, reason: found });
  return [];
}

/** A service that is down is no reason to end a sign-in; a bug is. */
function wordFor(error: unknown): string {
  if (error instanceof AppError) return error.code.toLowerCase();
  throw error;
}

/** Distributed claims (OpenID Connect Core section 5.6.2); the implicit flow's `hasgroups` says the same. */
function areLeftOut(claims: Readonly<Record<string, unknown>>, { idp }: Profile): boolean {
  const elsewhere = claims['_claim_names'];
  const isElsewhere = typeof elsewhere === 'object' && elsewhere !== null && Object.hasOwn(elsewhere, idp.groupsClaim);
  return idp.groupsEndpoint !== undefined && (isElsewhere || claims['hasgroups'] === true);
}

/** The groups, or why there are none in a word. @throws AppError ISSUER_UNREACHABLE | ISSUER_INVALID */
async function lookUp({ profile, services }: GroupsParts, accessToken: Secret | null): Promise<readonly string[] | string> {
  const { groupsEndpoint } = profile.idp;
  if (groupsEndpoint === undefined || accessToken === null) return 'no-token';
  // A token for a workspace or for an API of the company is not for this service to see.
  // check: groups-foreign-token
  if (profile.subjectToken === 'access_token') return 'token-for-another';
  // end check
  const response = await services.request(groupsEndpoint, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken.reveal()}`, accept: 'application/json', 'content-type': 'application/json' },
    // Distribution lists are no groups to give rights to.
    body: JSON.stringify({ securityEnabledOnly: true }),
  });
  if (response.status !== 200) return `status-${response.status}`;
  const answer = answerSchema.safeParse(await response.json().catch(() => null));
  return answer.success ? answer.data.value : 'not-understood';
}
