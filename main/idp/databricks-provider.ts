/**
 * A workspace as the identity provider of a profile: code + PKCE against the workspace itself, with no ID token. Who the person is stands in
 * the access token, or is asked of the workspace with it; how they proved it Databricks does not say, and neither do we.
 *
 * Facts about Databricks' sign-in are those of its SDKs and CLI; nothing here was ever tried against the live service.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError, beforeSending } from '../app-error.ts';
import type { Profile } from '../profile/profile.ts';
import { Secret } from '../secret.ts';
import { hours, minutes } from '../units.ts';
import { demandAssurance } from './assurance.ts';
import { stopIfCancelled, takeThroughBrowser } from './browser-trip.ts';
import type { CallbackDoor } from './callback-door.ts';
import { createWorkspaceDiscovery, type WorkspaceDiscovery } from './databricks-metadata.ts';
import { askWorkspaceForTokens, isUsername, readWorkspaceToken, type WorkspaceAnswer, type WorkspaceToken } from './databricks-token.ts';
import type { IssuerMetadata } from './discovery.ts';
import type { IdentityProviderParts } from './identity-provider.ts';
import { type IssuerLine, openIssuerLine } from './issuer-line.ts';
import type { OAuthError } from './library.ts';
import type { Assurance, Identity, IdentityProvider, SignedIn } from './signed-in.ts';
import { wrongClock } from './token-endpoint.ts';
import { reject } from './token-rejection.ts';

type Parts = IdentityProviderParts & { line: IssuerLine; discovery: WorkspaceDiscovery };

/** A sign-in is rare, so metadata is read anew for nearly every one; for refreshes once a day. */
const AT_SIGN_IN = minutes(5);
const AT_REFRESH = hours(24);

/** Errors that say "later", not "no". */
const passing: ReadonlySet<OAuthError> = new Set(['server_error', 'temporarily_unavailable']);

export function createWorkspaceProvider(given: IdentityProviderParts): IdentityProvider {
  const line = openIssuerLine(given);
  const parts: Parts = { ...given, line, discovery: createWorkspaceDiscovery({ ...given, line }) };
  const { profile, clock } = parts;
  let lastDoor: CallbackDoor | undefined;

  async function redeem(own: IssuerLine, metadata: IssuerMetadata, grant: Record<string, string>, signal: AbortSignal): Promise<SignedIn> {
    const workspaceId = await parts.discovery.workspaceId();
    const answer = await askWorkspaceForTokens({ ...parts, line: own }, metadata, grant, signal);
    if ('refused' in answer) throw new AppError('LOGIN_REFUSED', { reason: answer.refused });
    stopIfCancelled(signal);
    const token = checked(answer, workspaceId);
    const identity = await identityOf({ ...parts, line: own }, token, signal);
    const assurance = assuranceOf(profile);
    demandAssurance(assurance, profile.assurance);
    const refreshToken = answer.refresh_token === undefined ? null : new Secret(answer.refresh_token);
    return {
      ...{ signedInAt: clock.now(), identity, assurance, subjectToken: token.subjectToken, refreshToken },
      ...{ nonceDigest: null, proofKey: null, binding: 'none' },
    };
  }

  /** The token of an answer, once its claims hold; a broken rule is written to audit. */
  function checked(answer: WorkspaceAnswer, workspaceId: string | null, subject?: string): WorkspaceToken {
    try {
      const token = readWorkspaceToken(profile, answer, workspaceId, clock.now());
      // check: workspace-token-same-person
      if (subject !== undefined && token.subject !== null && token.subject !== subject) reject('sub');
      // end check
      return token;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      parts.audit.append({ type: 'token.validation-failed', profile: profile.name, rule: error.reason ?? 'unknown' });
      throw wrongClock(error, parts) ?? error;
    }
  }

  return {
    async signIn({ signal, onUrl, demand, provesKey, requestId }) {
      // Whoever must be there in person, or must have used a key, cannot be told from whoever found a browser that was signed in.
      // check: workspace-no-step-up
      if (demand !== undefined || provesKey !== undefined)
        throw new AppError('ASSURANCE_TOO_LOW', {
          reason: 'unprovable',
          detail:
            'Databricks does not say when or how you signed in. A locked vault is opened by its key or passphrase, or by `lakepass reset`.',
        });
      // end check
      // It may still wait for the browser to fetch its last page, on a port that is needed again.
      await lastDoor?.close();
      stopIfCancelled(signal);
      const metadata = await parts.discovery.metadata(AT_SIGN_IN);
      stopIfCancelled(signal);
      const secret = () => parts.random(32).toString('base64url');
      const [state, verifier] = [secret(), secret()];
      const onDoor = (door: CallbackDoor): void => {
        lastDoor = door;
      };
      return takeThroughBrowser(parts, {
        ...{ metadata, state, signal, onUrl, onDoor },
        urlFor: async (redirectUri) => authorizationUrl(profile, metadata, { state, verifier, redirectUri }),
        conclude: (code, redirectUri) =>
          redeem(
            line.as(requestId),
            metadata,
            { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
            signal,
          ),
      });
    },

    async registerKey() {
      throw new AppError('KEY_PAGE_UNKNOWN', { detail: 'The workspace signs people in by another provider, which keeps their keys.' });
    },

    async refresh(refreshToken, { identity }, requestId) {
      const metadata = await parts.discovery.metadata(AT_REFRESH).catch((error: unknown) => {
        if (error instanceof AppError && (error.code === 'ISSUER_INVALID' || beforeSending.has(error.code))) throw error;
        throw new AppError('ISSUER_UNREACHABLE', { reason: 'unsent', cause: error });
      });
      // Whatever can fail or take long without the refresh token is done before it is sent.
      const workspaceId = await parts.discovery.workspaceId();
      const grant = { grant_type: 'refresh_token', refresh_token: refreshToken.reveal() };
      const answer = await askWorkspaceForTokens({ ...parts, line: line.as(requestId) }, metadata, grant);
      if ('refused' in answer)
        throw passing.has(answer.refused)
          ? new AppError('ISSUER_UNREACHABLE', { reason: 'answered' })
          : new AppError('SESSION_REFUSED', { reason: answer.refused });
      const { subjectToken } = checked(answer, workspaceId, identity.subject);
      const rotated = answer.refresh_token === undefined ? refreshToken : new Secret(answer.refresh_token);
      return { subjectToken, refreshToken: rotated, groups: identity.groups, claims: identity.claims };
    },

    revoke: async () => ({
      refreshToken: 'not-supported',
      detail: 'Databricks offers no way to revoke it; Lakepass has forgotten it, and at Databricks it stays valid until it expires.',
    }),
  };
}

function authorizationUrl(
  { idp }: Profile,
  { authorization_endpoint }: IssuerMetadata,
  { state, verifier, redirectUri }: { state: string; verifier: string; redirectUri: string },
): URL {
  const url = new URL(authorization_endpoint);
  url.search = new URLSearchParams({
    ...{ response_type: 'code', client_id: idp.clientId, redirect_uri: redirectUri, scope: idp.scopes.join(' '), state },
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(idp.prompt === undefined ? {} : { prompt: idp.prompt }),
  }).toString();
  return url;
}

const meSchema = z.object({ userName: z.string(), displayName: z.string().min(1).max(320).optional() });

/** From the token where it names somebody, else from the workspace itself (SCIM Me). */
async function identityOf(parts: Parts, { subject, subjectToken }: WorkspaceToken, signal: AbortSignal): Promise<Identity> {
  const { issuer } = parts.profile.idp;
  const named = (username: string, displayName = username): Identity => ({
    ...{ issuer, subject: username, username, displayName },
    ...{ groups: [], claims: {} },
  });
  if (subject !== null) return named(subject);
  const response = await parts.line.request(`${new URL(issuer).origin}/api/2.0/preview/scim/v2/Me`, {
    headers: { accept: 'application/json', authorization: `Bearer ${subjectToken.jwt.reveal()}` },
    signal,
  });
  const me = meSchema.safeParse(response.status === 200 ? await response.json().catch(() => undefined) : undefined);
  // check: workspace-me
  if (!me.success || !isUsername(me.data.userName)) reject('sub');
  // end check
  return named(me.data.userName, me.data.displayName);
}

const assuranceOf = ({ assurance }: Profile): Assurance => ({
  ...(assurance.configAsserted
    ? {
        level: 'config-asserted',
        because: 'Your IT declares that the sign-in behind Databricks only lets phishing-resistant sign-ins through.',
      }
    : { level: 'unknown', because: 'Databricks does not say how you proved who you are.' }),
  ...{ acr: null, amr: [], authTime: null },
});
