/**
 * Which `iss` counts as the issuer of a profile. One rule for nearly all: the same text. The two exceptions hold for their own preset alone,
 * because what is right for a provider of many tenants would be a hole everywhere else.
 */
import type { Profile } from '../profile/profile.ts';
import { presets } from './presets.ts';

type Idp = Profile['idp'];

/** Endpoints of Entra ID that serve every tenant; their metadata has `{tenantid}` where tokens have the tenant's id. */
const sharedTenant = /\/(?:common|organizations)\/v2\.0$/;
const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether this issuer is of no tenant in particular, so that the profile has to name those it trusts. */
export const isSharedIssuer = ({ preset, issuer }: Pick<Idp, 'preset' | 'issuer'>): boolean =>
  presets[preset].issuer.rule === 'entra-tenant' && sharedTenant.test(issuer);

/** What the metadata of this issuer must name as issuer. */
export const metadataIssuer = (idp: Idp): string => (isSharedIssuer(idp) ? templateOf(idp) : idp.issuer);

/**
 * The issuer that a token's claims name, written as it is kept with the person; undefined: not one that the profile trusts.
 * It says nothing about the signature.
 *
 * @param token which of the two it is: Entra ID writes another issuer into the access tokens that Azure Databricks takes
 */
export function issuerOf(
  { idp, tokens }: Pick<Profile, 'idp' | 'tokens'>,
  claims: Readonly<Record<string, unknown>>,
  token: 'idToken' | 'accessToken' = 'idToken',
): string | undefined {
  switch (presets[idp.preset].issuer.rule) {
    case 'entra-tenant':
      return tenantIssuer(idp, claims, token === 'accessToken' && tokens === 'direct');
    case 'google-legacy':
      return withoutScheme(idp, claims) ? idp.issuer : exactIssuer(idp, claims);
    case 'exact':
      return exactIssuer(idp, claims);
  }
}

/** Equal to the byte: a trailing slash, another case or a default port is another issuer. */
const exactIssuer = ({ issuer }: Idp, { iss }: Readonly<Record<string, unknown>>) => (iss === issuer ? issuer : undefined);

/** Google writes `accounts.google.com` in tokens of old clients. */
const withoutScheme = ({ issuer }: Idp, { iss }: Readonly<Record<string, unknown>>) => iss === issuer.replace(/^https?:\/\//, '');

const templateOf = ({ issuer }: Idp) => issuer.replace(sharedTenant, '/{tenantid}/v2.0');

/**
 * The tenant is what `tid` says, is one the profile trusts, and stands in `iss` where the template has its place. The application that stands
 * for Azure Databricks takes tokens of version 1.0 alone, whatever endpoint they come from (entra-docs, access-tokens, "Token formats"); a
 * workspace compares their `iss` to the letter (databricks/terraform-provider-databricks issue 4262).
 */
function tenantIssuer(idp: Idp, { iss, tid }: Readonly<Record<string, unknown>>, isVersion1: boolean): string | undefined {
  if (typeof tid !== 'string' || !guid.test(tid)) return undefined;
  // check: entra-tenant
  if (!trustedTenants(idp).includes(tid)) return undefined;
  // end check
  const expected = templateOf(idp).replace('{tenantid}', tid);
  // check: entra-issuer
  if (!isVersion1 && iss !== expected) return undefined;
  // end check
  // check: entra-issuer-version-1
  if (isVersion1 && iss !== version1Issuer(idp, tid)) return undefined;
  // end check
  return expected;
}

/** One for all clouds but China's (entra-docs, authentication-national-cloud). */
const version1Issuer = ({ issuer }: Idp, tid: string) =>
  `https://${new URL(issuer).hostname.endsWith('.partner.microsoftonline.cn') ? 'sts.chinacloudapi.cn' : 'sts.windows.net'}/${tid}/`;

/** Those the profile names, or the one that its issuer is of. */
const trustedTenants = (idp: Idp): readonly (string | undefined)[] => (isSharedIssuer(idp) ? idp.tenants : [idp.issuer.split('/').at(-2)]);
