/**
 * A look at the first token before a job starts with it: one for another workspace, or without a scope of its grant, would fail in the
 * middle of the job. What is read is not verified and only ever leads to a refusal; a token that is no JWT tells nothing.
 */
import { AppError } from '../app-error.ts';
import type { Secret } from '../secret.ts';
import { scopeWords, unverifiedClaims } from './jwt-claims.ts';

/** As Databricks and as Entra call it. */
const everything = ['all-apis', 'user_impersonation'];

export interface Expected {
  /** Origin of the workspace, or of the account's host. */
  workspace: string;
  scopes: readonly string[];
}

/** Azure's own tokens are issued by Entra, for Databricks as one resource with this id, whatever the workspace. */
const entraIssuer = /^https:\/\/(sts\.windows\.net|login\.microsoftonline\.(com|us)|login\.partner\.microsoftonline\.cn)\//;
const azureResource = '2ff814a6-3304-4ab8-85cb-cd0e6f879c1d';

/**
 * @throws AppError TOKEN_UNFIT with reason `issuer` (another host issued it), `audience` (an Entra token for something else than
 * Databricks) or `scope` (one of the grant's is not in it)
 */
export function checkFirstToken(token: Secret, { workspace, scopes }: Expected): void {
  const { iss, aud, scope, scp } = unverifiedClaims(token.reveal());
  if (typeof iss === 'string' && entraIssuer.test(iss)) requireAzure(aud);
  else requireIssuer(iss, workspace);
  requireScopes([...scopeWords(scope), ...scopeWords(scp)], scopes);
}

function requireIssuer(iss: unknown, workspace: string): void {
  const issuer = typeof iss === 'string' && URL.canParse(iss) ? new URL(iss) : undefined;
  const { host } = new URL(workspace);
  // check: preflight-issuer
  if (issuer !== undefined && issuer.host !== host)
    throw new AppError('TOKEN_UNFIT', {
      reason: 'issuer',
      detail: `It was issued by ${plain(issuer.host)}, and the workspace is ${host}.`,
    });
  // end check
}

/** Entra's tokens name one scope for everything, if any, in words of its own. */
function requireScopes(held: readonly string[], scopes: readonly string[]): void {
  const missing = everything.some((word) => held.includes(word)) ? [] : scopes.filter((wanted) => !held.includes(wanted));
  // check: preflight-scope
  if (held.length > 0 && missing.length > 0)
    throw new AppError('TOKEN_UNFIT', { reason: 'scope', detail: `It lacks ${missing.join(' ')}.` });
  // end check
}

function requireAzure(aud: unknown): void {
  const audiences = [aud].flat().filter((each) => typeof each === 'string');
  // check: preflight-audience
  if (!audiences.some((audience) => audience.replace(/^(api|spn):(\/\/)?/, '').replace(/\/$/, '') === azureResource))
    throw new AppError('TOKEN_UNFIT', { reason: 'audience', detail: 'It is from Entra, and not for Databricks.' });
  // end check
}

const plain = (host: string): string => host.replace(/[^\w.:-]/g, '').slice(0, 200);
